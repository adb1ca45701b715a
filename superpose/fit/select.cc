// SPDX-License-Identifier: Apache-2.0
// From a table to the rows and columns a law is fitted to.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

const std::vector<std::string> kLossColumns{"loss", "y", "eval_loss", "test_loss", "val_loss"};
// Columns that usually name what several rows share, so that the rows are not independent.
const std::vector<std::string> kUnitColumns{"model", "run", "model_name"};

bool has(const Table& table, const std::string& column) {
  return std::find(table.names.begin(), table.names.end(), column) != table.names.end();
}

std::string chosen_column(const Table& table, const std::string& asked, const std::vector<std::string>& usual,
                          const char* role, std::vector<std::string>& notes) {
  if (!asked.empty()) return asked;
  for (const auto& name : usual) {
    if (!has(table, name)) continue;
    notes.push_back(fmt::format("{} is column {}", role, name));
    return name;
  }
  throw Error(ErrorKind::usage, fmt::format("which column is {}? None of {} has a usual name ({}); say --{} NAME", role,
                                            fmt::join(table.names, ", "), fmt::join(usual, ", "), role));
}

std::vector<std::string> group_of_rows(const Table& table, const std::vector<std::string>& columns) {
  std::vector<std::string> out(columns.empty() ? 0 : table.rows());
  for (size_t c = 0; c < columns.size(); ++c) {
    const auto& cells = table.strings(columns[c]);
    for (size_t row = 0; row < out.size(); ++row) out[row] += (c ? "/" : "") + cells[row];
  }
  return out;
}

// Rows inside the window whose y is below the k-th highest.
std::vector<size_t> kept_rows(const std::vector<double>& x, const std::vector<double>& y, const Selection& selection) {
  std::vector<size_t> out;
  double ceiling = 0;
  const auto k = static_cast<size_t>(selection.drop_highest);
  if (k > 0) {
    if (k > y.size()) {
      throw Error(ErrorKind::usage, fmt::format("drop-highest = {}: the table has only {} rows", k, y.size()));
    }
    std::vector<double> sorted = y;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(k - 1), sorted.end(),
                     std::greater<>());
    ceiling = sorted[k - 1];
  }
  for (size_t row = 0; row < x.size(); ++row) {
    const bool inside =
        (!selection.min_x || x[row] >= *selection.min_x) && (!selection.max_x || x[row] <= *selection.max_x);
    if (inside && (k == 0 || y[row] < ceiling)) out.push_back(row);
  }
  if (!out.empty()) return out;
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  throw Error(
      ErrorKind::usage,
      fmt::format("no row is left by --min-x, --max-x and --drop-highest; x runs from {:g} to {:g}", *least, *most));
}

template <class T>
std::vector<T> picked(const std::vector<T>& values, const std::vector<size_t>& rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (const size_t row : rows) out.push_back(values[row]);
  return out;
}

}  // namespace

Selected select(const Table& table, const Law& law, const Selection& selection) {
  if (selection.drop_highest < 0) {
    throw Error(ErrorKind::usage, fmt::format("drop-highest = {}: expected 0 or more", selection.drop_highest));
  }
  if (!selection.group.empty() && !law.groups) {
    throw Error(ErrorKind::usage, fmt::format("law {} has no parameter per group; leave out --group", law.name));
  }
  Selected out;
  out.x = chosen_column(table, selection.x, law.inputs, "x", out.notes);
  out.y = chosen_column(table, selection.y, kLossColumns, "y", out.notes);
  const auto x = table.numbers(out.x), y = table.numbers(out.y);
  const auto rows = kept_rows(x, y, selection);
  out.rows_read = table.rows();
  out.data.inputs = {picked(x, rows)};
  out.data.y = picked(y, rows);
  out.data.group = picked(group_of_rows(table, selection.group), rows);
  if (!selection.cluster.empty()) {
    out.data.cluster = picked(table.strings(selection.cluster), rows);
    out.data.unit = fmt::format("clusters ({})", selection.cluster);
    return out;
  }
  for (const auto& name : kUnitColumns) {
    if (!has(table, name)) continue;
    const auto cells = picked(table.strings(name), rows);
    const size_t distinct = std::set<std::string>(cells.begin(), cells.end()).size();
    if (distinct < cells.size()) {
      out.notes.push_back(
          fmt::format("{} rows share {} values of column {} but count as independent; --cluster {} resamples "
                      "them together",
                      cells.size(), distinct, name, name));
    }
    break;
  }
  return out;
}

}  // namespace superpose::fit
