// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/embedded.h"

namespace superpose::serve {

// An answer that may be given many times: plain and compressed once.
struct Content {
  std::string type;  // "text/html; charset=utf-8"
  std::string plain;
  std::string gzip;      // empty: too short to be worth it
  std::string tag;       // changes when the content does; an ETag without quotes
  std::string security;  // its Content-Security-Policy
};
using Shared = std::shared_ptr<const Content>;

// level: zlib's; 1 is quick, 6 small.
Shared make_content(std::string type, std::string plain, std::string security, int level = 6);

std::string gzipped(std::string_view bytes, int level);

inline constexpr const char* kHtml = "text/html; charset=utf-8";
inline constexpr const char* kJson = "application/json; charset=utf-8";
// For answers that run no script.
inline constexpr const char* kNothing =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// What the dashboard is made of, by its path: the only files that can be asked for.
struct Asset {
  std::string path;
  Shared content;
};
std::vector<Asset> dashboard_assets();

// A policy under which exactly the inline scripts of this page run, by their hashes.
std::string policy_of_page(std::string_view html);

}  // namespace superpose::serve
