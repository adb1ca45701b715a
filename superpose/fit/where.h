// SPDX-License-Identifier: Apache-2.0
// Row filters: "m >= 512 && family == 'opt'". Private to fit/.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "superpose/fit/fit.h"

namespace superpose::fit {

// [row] does the filter hold? Numbers: + - * / ^, functions as in a formula, < <= > >= == !=. Text: ==, != and =~, !~
// (contains, does not), e.g. name =~ 'Qwen2.5', with the text in quotes. Together: && || ! ( ), also & |, and, or,
// not. A name is a column (in backticks unless it is an identifier) or one of `aliases`, name -> column.
// A comparison of numbers with an empty cell is neither true nor false, as in SQL: such a row is kept only if the
// rest decides.
// Error{usage} for what cannot be read and for unknown names, Error{bad_file} for text where a number is compared.
std::vector<bool> rows_that_hold(const Table& table, const std::string& filter,
                                 const std::map<std::string, std::string>& aliases);

}  // namespace superpose::fit
