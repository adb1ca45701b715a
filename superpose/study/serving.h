// SPDX-License-Identifier: Apache-2.0
// What the verbs that serve (serve, sweep --serve) share.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "superpose/serve/serve.h"

namespace superpose::study {

inline constexpr int kDefaultPort = 8080;

struct ServeFlags {
  std::filesystem::path store;
  std::string bind = "127.0.0.1";
  int port = kDefaultPort;
  std::string token_file;  // empty: the environment's SUPERPOSE_TOKEN, or none
  std::string results;     // recorded runs beside the store's, as report --results
};

// The serve::Server of this program: its report, its toy model behind the dial. Throws what serve::Server throws.
std::unique_ptr<serve::Server> start_server(const ServeFlags& flags);

}  // namespace superpose::study
