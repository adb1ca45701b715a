// SPDX-License-Identifier: Apache-2.0
// Pieces of HTML that the pages share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::report {

// Texts of these are escaped here ...
std::string code(std::string_view text);
std::string superposition_badge(const std::string& verdict);
// ... and these take HTML.
std::string cell(const char* label, std::string_view html, const char* css = "");
std::string head_row(const std::vector<const char*>& names);

std::string file_name(const std::string& path);  // what stands behind the last slash

// One HTML file that loads nothing from anywhere: the bundle of web/ with this title (text), body (HTML) and data.
// more_scripts: further <script> elements that hold data. Data of more than kMostPlain bytes is packed.
std::string assemble_page(const std::string& title, const std::string& body, const Json& data,
                          const std::string& more_scripts = "");
inline constexpr size_t kMostPlain = 600'000;

}  // namespace superpose::report
