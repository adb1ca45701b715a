// SPDX-License-Identifier: Apache-2.0
// base/number.h by strtod: this libc++ has no std::from_chars for double, and this libc has only the C locale.
#include "superpose/base/number.h"

#include <cmath>
#include <cstdlib>
#include <string>

namespace superpose {

std::optional<double> read_number(std::string_view text) {
  // Of what strtod reads beyond from_chars (spaces, a plus sign, hexadecimal numbers), each has one of these.
  if (text.empty() || text.find_first_of(" \t\n\v\f\rxX") != text.npos || text.front() == '+') return std::nullopt;
  const std::string whole(text);
  char* end = nullptr;
  const double value = std::strtod(whole.c_str(), &end);
  const bool outside = std::abs(value) == HUGE_VAL && text.find_first_of("iI") == text.npos;
  if (end != whole.c_str() + whole.size() || outside) return std::nullopt;
  return value;
}

}  // namespace superpose
