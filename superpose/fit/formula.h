// SPDX-License-Identifier: Apache-2.0
// What a user's formula and a row filter have in common: muParser, its functions and its errors. Private to fit/.
#pragma once
#include <muParser.h>

#include <string_view>

namespace superpose::fit {

inline constexpr size_t kLongestFormula = 2000;  // bytes: the parser copies what is left of the text at every number

// Defines exp, log = ln (natural), log2, log10, sqrt, abs, tanh, min, max, and nothing else; no constants.
void define_functions(mu::Parser& parser);
bool is_function(std::string_view name);

// Error{usage}: "formula 'E + * m': position 5: unexpected '*'"; `what` is "formula", positions count from 1.
[[noreturn]] void fail_formula(std::string_view what, std::string_view text, size_t position, std::string_view problem);
[[noreturn]] void fail_formula(std::string_view what, std::string_view text, const mu::ParserError& error);

}  // namespace superpose::fit
