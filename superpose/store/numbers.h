// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::store {

// Numbers at the top level of a JSON object, in the order of the names; none where there is no number. Stops reading
// when it has all: a result of 50 kB whose loss stands in front costs its first lines. Never throws on bad text.
std::vector<std::optional<double>> numbers_of(std::string_view json, std::span<const std::string_view> names);

// parse_json() without these fields of the top-level object.
Json parse_without(std::string_view text, std::string_view where, std::span<const std::string_view> names);

}  // namespace superpose::store
