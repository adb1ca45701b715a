// SPDX-License-Identifier: Apache-2.0
// Several checkpoints side by side: does the mean square overlap follow 1/m over models, how do norms and overlaps move
// over the steps of one training run, and is each file what it claims to be? docs/math.md "Comparing checkpoints" has
// the rules of the fit and of the alarms.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/fit/fit.h"
#include "superpose/study/inspect.h"

namespace superpose::study {

struct ComparedModel {  // one matrix: the first of its inspection
  std::string path, label, family, tensor, verdict, hash;
  std::optional<double> step;  // of training, read off the path
  std::optional<double> n, m;
  std::optional<double> mean_square, mean_square_centered, norm_mean, norm_median;
};

// ln(mean square overlap) on ln(1/m), least squares: an exponent of 1 is the 1/m law.
struct WidthExponent {
  std::string family;                  // empty: all models together
  double exponent = 0, intercept = 0;  // mean square = exp(intercept)·m^-exponent
  std::optional<double> se;
  std::optional<fit::Interval> ci95;  // Student's t
  std::optional<double> r2;           // of the logarithms
  size_t points = 0;
  std::string verdict;  // of the 1/m law: "supported", "roughly supported", "denied", "cannot_tell"
  std::string because;
};

struct Alarm {
  std::string kind;  // "duplicate", "discontinuity", "jump", "config"
  std::vector<std::string> paths;
  std::string because;
};

struct Comparison {
  std::vector<ComparedModel> models;  // by step where all have one, else as given
  bool steps = false;                 // one training run: same tensor, same shape, a step each
  std::vector<WidthExponent> fits;    // all models, then families of at least three widths; empty for a training run
  std::vector<std::string> notes;     // what was left out
  std::vector<Alarm> alarms;
};

Comparison compare(const std::vector<Inspection>& inspections);

// A table of models measured elsewhere: columns model, m and mean_sq_overlap (or mean_square), and, if there, family
// and n. Error{bad_file | usage} as fit::read_table and Table::numbers.
Comparison compare_table(const fit::Table& table);

// The training step that a path names: step1000, checkpoint-500, global_step20, iter_0030, ckpt-7, epoch3, @step512.
std::optional<double> training_step(const std::string& path);

// The checkpoints of a training run: what lies in a folder that is no checkpoint itself, sorted by step, then name;
// empty when fewer than two entries look like checkpoints (files with an extension of weights, folders that hold one).
std::vector<std::filesystem::path> checkpoints_of_run(const std::filesystem::path& folder);

// The same paths, each folder that is no checkpoint but holds those of a training run replaced by them.
std::vector<std::string> expanded_paths(const std::vector<std::string>& paths);

// A value per step -> the ranges [first, last] of values that jump away and come back, and single jumps that stay. A
// range stands off the line between its neighbours by more than 2 % of the value, 4 times the difference of those
// neighbours, and 5 times a large change (90 % quantile) between steps outside such ranges; a jump that stays is that
// large too, and 8 times as large as the changes before and after it. Where more than a third of the values stand off,
// the series is noise and has no such ranges.
struct Discontinuity {
  size_t first = 0, last = 0;
  bool undone = false;
};
std::vector<Discontinuity> discontinuities(const std::vector<double>& values);

Json to_json(const Comparison& comparison);

// Many paths inspected, as `superpose inspect` does it: folders of checkpoints expanded, a path that cannot be read
// among several that can is an entry of `errors`.
struct Inspections {
  std::vector<std::string> paths;  // expanded
  std::vector<Inspection> inspections;
  std::vector<std::pair<std::string, Error>> errors;  // path, why
  std::optional<Comparison> comparison;
  Json body;  // of the contract: one file's object, or {"files": [...]}; with "compare"
};
// nullopt: compare where a folder of checkpoints was expanded. options.progress is told of all paths together. Error as
// inspect() where there is one path.
Inspections inspect_paths(const std::vector<std::string>& paths, const InspectOptions& options,
                          std::optional<bool> compare = {});
// A table of models measured elsewhere takes the place of checkpoints; its path ends in .csv or .tsv. Error{usage}:
// other paths beside it; else as compare_table.
bool is_table_of_models(const std::string& path);
Comparison compare_table_file(const std::vector<std::string>& paths);

}  // namespace superpose::study
