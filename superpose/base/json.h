// SPDX-License-Identifier: Apache-2.0
// JSON as the project writes it: nlohmann/json with keys in insertion order. A double that is NaN or infinite is
// written as null by the library, which is what the command-line contract asks for.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace superpose {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
inline Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// Parses untrusted text: Error{bad_file} names `where` and the byte; nesting deeper than 64 is refused.
Json parse_json(std::string_view text, std::string_view where);

// A stable 64-bit fingerprint of a JSON value, independent of the order of keys (FNV-1a over the sorted dump), as 16
// hex digits. Not cryptographic: it names things, it does not authenticate them.
std::string fingerprint(const Json& value);
std::string fingerprint(std::string_view bytes);

}  // namespace superpose
