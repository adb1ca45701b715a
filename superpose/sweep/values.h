// SPDX-License-Identifier: Apache-2.0
// The values a word of the grid syntax stands for; see sweep.h.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::sweep {

// No word, and no product of words, may stand for more than this: a slip like range(1e9) ends in a message, not in the
// machine's memory.
inline constexpr size_t kMaxConfigs = 1'000'000;

// "5" -> 5, "0.5" -> 0.5, "true" -> true; everything else, "nan" and "inf" included, is a string.
Json typed(const std::string& text);

// expand_values() before typing: "power:{0,1}" -> "power:0", "power:1". Throws Error{usage}.
std::vector<std::string> expand_words(std::string_view word);

}  // namespace superpose::sweep
