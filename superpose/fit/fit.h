// SPDX-License-Identifier: Apache-2.0
// fit: a law through a table, with intervals and an honest answer to "does the data identify this?".
//
//   power   y = C·x^-α               least squares of ln y on ln x; s.e. and t-intervals of the regression
//   width   L = C/m^α + L0[group]    one C and α over all groups, one L0 per group; least squares by variable
//                                    projection: for given α the rest is linear, only α is searched
//
// Each law is one file of this folder and one line in table.cc. docs/math.md §6 has the formulae.
// Who calls it: study/ (ledger), report/, cli/fit.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::fit {

// A table of named columns: numbers where every cell is one, text otherwise.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> text;  // [column][row]
  size_t rows() const { return text.empty() ? 0 : text[0].size(); }
  // The column as numbers. Error{usage} for an unknown column (nearest name), Error{bad_file} for a cell that is not a
  // finite number (names row and text).
  std::vector<double> numbers(std::string_view column) const;
  const std::vector<std::string>& strings(std::string_view column) const;
};
// CSV or TSV (by its header line); lines that begin with '#' are comments; quotes as in RFC 4180.
Table read_table(std::string_view bytes, std::string_view where);

struct Parameter {
  double value = 0;
  std::optional<double> se;
  std::optional<std::pair<double, double>> ci95;
  bool identified = false;
};

struct Options {
  std::map<std::string, double> fixed;  // parameter name -> value it is held at
  int bootstrap = 0;                    // resamples; 0 = none
  uint64_t seed = 0;
};

struct Result {
  std::string law;
  std::vector<std::pair<std::string, Parameter>> parameters;  // in the law's own order
  double objective = 0;                                       // ½Σr², r as the law defines it
  std::vector<double> residuals;                              // observed - predicted, in the law's own scale
  std::optional<double> r2;
  bool identified = false;
  std::vector<std::string> warnings;
  std::string interval_method;  // "t" or "bootstrap of 27 clusters (model), 1000 resamples, seed 0"

  const Parameter& operator[](std::string_view name) const;
};
Json to_json(const Result& result);

// ln y = ln C - α ln x. Needs at least 2 distinct x (3 for a standard error); all x, y > 0. Error{numeric} otherwise.
Result fit_power(std::span<const double> x, std::span<const double> y, const Options& options = {});

struct WidthData {
  std::vector<double> m, loss;
  std::vector<std::string> group;    // empty = one group
  std::vector<std::string> cluster;  // resampling unit of the bootstrap; empty = each row its own
};
Result fit_width(const WidthData& data, const Options& options = {});

}  // namespace superpose::fit
