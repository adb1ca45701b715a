// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace superpose {

// The known name closest to `name` by edit distance (insert, delete, replace, swap of neighbours), or "" when none is
// within a third of its length (at least 2): what an error message suggests after "did you mean".
std::string nearest_name(std::string_view name, std::span<const std::string> known);

// " (did you mean X?)", or the list of known names when nothing is near and the list is short, or "".
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace superpose
