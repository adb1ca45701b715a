// SPDX-License-Identifier: Apache-2.0
// Runs -> cells -> exponents. A cell is all toy runs that differ only in the width m and the seed (and in learning
// rates where these are a function of m): what one slope may be fitted through.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "superpose/report/figure.h"
#include "superpose/store/store.h"

namespace superpose::report {

// A finite number in a JSON object; nothing when it is absent or anything else.
std::optional<double> field(const Json& object, std::string_view name);
std::string text_field(const Json& object, std::string_view name);
const Json& member(const Json& object, std::string_view name);  // null when it is absent or `object` is none
std::vector<double> finite_numbers(const Json& array);          // empty unless it is an array of finite numbers

struct ToyRun {
  const store::Run* run = nullptr;
  double m = 0;
  int64_t seed = 0;
  std::optional<double> loss;  // none: diverged
};

struct Cell {
  std::string recipe;           // fingerprint of everything else in the configuration: steps, batch, ...
  std::string law;              // "power:1"
  std::optional<double> alpha;  // the data exponent of a power law
  double features = 0, density = 0, decay = 0;
  std::vector<ToyRun> runs;  // by m, then seed

  size_t finished() const;
};

struct Cells {
  std::vector<Cell> cells;  // of all recipes, ordered by (law, density, decay)
  std::string
      main_recipe;  // the paper's, or else that with the most finished runs; the paper's figures are drawn from it
  size_t main_features = 0;  // n of the main recipe
  size_t unreadable = 0;     // toy runs without the fields a figure needs
  size_t other_recipes = 0;  // finished runs of other recipes
};
Cells make_cells(std::span<const store::Run* const> runs);  // which outlive the cells
Cells make_cells(const std::vector<store::Run>& runs);

// {"power:1", 1} for "power:1.0"; another law as it stands, without α.
std::pair<std::string, std::optional<double>> canonical_law(const std::string& law);

// α_m: minus the slope of ln loss on ln m over the finished m of a cell, up to law_reach().
struct Exponent {
  double alpha = 0;
  double C = 0;  // loss = C·m^-alpha
  std::optional<Interval> ci95;
  std::optional<double> r2;
  size_t widths = 0, seeds = 0;
  std::string method;                              // where the interval comes from
  std::vector<std::pair<int64_t, double>> each{};  // (seed, its slope), where alpha is the mean of these
};
// The largest m that an exponent is fitted through: the largest of the cell; n/4 where it goes on to m >= n, which no
// power law does.
double law_reach(const Cell& cell);
// Nothing for fewer than three widths. With two or more seeds that each have three widths, alpha is the mean of their
// slopes and the interval is Student's t over seeds; with one seed it is the regression's.
std::optional<Exponent> exponent(const Cell& cell);

// The mean of values and Student's 95 % interval of the mean (none for fewer than two values).
std::pair<double, std::optional<Interval>> mean_interval(const std::vector<double>& values);

// What a point of this cell is about; m: empty for one about all widths.
Setting setting_of(const Cell& cell, std::optional<double> m = {});

std::vector<int64_t> run_ids(const Cell& cell);  // of its runs in the store, ascending
size_t recorded_runs(const Cell& cell);          // of its runs that a results table holds and the store does not
// `note` with "3 of 6 runs recorded by superpose 0.1.0" behind it where that is so.
std::string with_record(const std::string& note, const std::vector<const store::Run*>& runs);
std::string with_record(const std::string& note, const Cell& cell);

}  // namespace superpose::report
