// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

namespace superpose {

// The number that `text` is from its first to its last character, as std::from_chars reads it: no spaces, no plus sign,
// no locale; "inf" and "nan" are numbers. Nothing: it is none, or is outside the range of double.
std::optional<double> read_number(std::string_view text);

}  // namespace superpose
