// SPDX-License-Identifier: Apache-2.0
// Which column of a table is which input of a law. Private to fit/.
//   m width, l layers, N parameters, D tokens, C FLOPs of training, V size of the vocabulary, d width of the
//   embedding, H characters of training text, t steps
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/fit/fit.h"

namespace superpose::fit {

std::span<const std::string> standard_inputs();  // m, l, N, D, C, V, d, H, t

// Where the values of an input come from: a column, or a formula over columns.
struct Source {
  std::string text;                          // for people: the column's name, or "C/(6·N)"
  std::vector<std::string> columns;          // what `value` takes, in its order
  double (*value)(const double*) = nullptr;  // null: the one column as it is
  bool guessed = false;                      // nobody asked for this column
  std::string note{};                        // why a formula, and of which columns
};

// Inputs of one law in one table; what the selection doesn't say is guessed by the columns' names.
class Columns {
 public:
  // Error{usage} for a column that does not exist, or an input that neither the law nor the standard knows.
  Columns(const Table& table, const Law& law, const Selection& selection);

  // Error{usage} with the usual names when no column can be it.
  Source of_law(const std::string& input) const;
  // Of any standard input, or null.
  std::optional<Source> find(const std::string& input) const;
  // Asked for, or "" when left to the guess; the first input of the law may be asked for as x.
  std::string asked(const std::string& input) const;
  std::string y() const;
  // Names that a filter may use for columns: the standard inputs, x and y.
  std::map<std::string, std::string> aliases() const;

 private:
  std::string column(const std::string& input) const;
  std::optional<Source> tokens() const;

  const Table& table_;
  const Law& law_;
  const Selection& selection_;
  std::vector<std::pair<std::string, std::string>> taken_;  // input of the law -> its column
};

}  // namespace superpose::fit
