// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/run_text.h"

#include <algorithm>

namespace superpose::cli {

std::string one_line(std::string_view text) {
  std::string out(text);
  // C0 controls and DEL; newlines become spaces.
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  std::replace_if(
      out.begin(), out.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, '?');
  return out;
}

std::string cell_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return one_line(std::string_view(value.get_ref<const std::string&>()));
  return one_line(std::string_view(value.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace superpose::cli
