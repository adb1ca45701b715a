// SPDX-License-Identifier: Apache-2.0
// The cells of a table, behind read_table and select. Private to fit/.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/fit/fit.h"

namespace superpose::fit {

// See read_table; `bytes` begin with '[' or '{'.
Table read_json_table(std::string_view bytes, std::string_view where);

std::optional<double> finite_number(std::string_view cell);
// "line 4" of the file, or "row 3" (from 1) where lines are not known.
std::string place_of(const Table& table, size_t row);
// At most 40 bytes of a cell, for a message.
std::string shortened(const std::string& cell);
// A column's name as a filter takes it: in backticks unless it is an identifier.
std::string quoted_column(std::string_view column);
// Table::numbers for these rows alone: what the other rows hold is not looked at.
std::vector<double> numbers_at(const Table& table, std::string_view column, std::span<const size_t> rows);

}  // namespace superpose::fit
