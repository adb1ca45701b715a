// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace superpose {

// Text from a file, fit for a message: in quotes, control characters and invalid UTF-8 as \xNN (a terminal must not
// obey a tensor's name), cut after about 100 bytes.
std::string printable(std::string_view text);

// "[512, 64]"; "[]" for a scalar.
std::string shape_text(std::span<const uint64_t> shape);

// Bytes of the UTF-8 character that text begins with (no overlong forms, no surrogates), 0 when it begins with none.
size_t utf8_length(std::string_view text);

// Only printable ASCII and white space?
bool is_text(std::span<const std::byte> bytes);

}  // namespace superpose
