// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>

namespace superpose {

// The text without blanks, tabs and line ends at either end.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace superpose
