// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/number.h"

#include <charconv>

namespace superpose {

std::optional<double> read_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace superpose
