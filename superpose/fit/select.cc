// SPDX-License-Identifier: Apache-2.0
// From a table to the rows and columns a law is fitted to: filters by --where, then the window of the first input, then
// --drop-highest; only then must cells be numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/cells.h"
#include "superpose/fit/columns.h"
#include "superpose/fit/fit.h"
#include "superpose/fit/objective.h"
#include "superpose/fit/where.h"

namespace superpose::fit {
namespace {

using Rows = std::vector<size_t>;  // of the table, ascending

// Columns that usually name what several rows share, so that the rows are not independent.
const std::vector<std::string> kUnitColumns{"model", "run", "model_name", "run_name", "name"};

template <class T>
std::vector<T> picked(const std::vector<T>& values, const Rows& rows) {
  std::vector<T> out;
  out.reserve(rows.size());
  for (const size_t row : rows) out.push_back(values[row]);
  return out;
}

class Selector {
 public:
  Selector(const Table& table, const Law& law, const Selection& selection)
      : table_(table), law_(law), selection_(selection), columns_(table, law, selection) {}
  Selected run();

 private:
  void check() const;
  void choose_inputs();
  void filter();
  void cut();
  std::vector<double> values(const std::string& input, const Source& source, const Rows& rows) const;
  double ceiling(std::vector<double> y) const;
  double unit_of(const std::string& input) const;
  void add_groups();
  void add_clusters();
  void add_weights();
  void add_others();
  void check_units() const;

  const Table& table_;
  const Law& law_;
  const Selection& selection_;
  const Columns columns_;
  std::vector<Source> inputs_;  // of the law
  Rows rows_;                   // kept so far
  Selected out_;
};

void Selector::check() const {
  if (selection_.drop_highest < 0) {
    throw Error(ErrorKind::usage, fmt::format("drop-highest = {}: expected 0 or more", selection_.drop_highest));
  }
  if (!selection_.group.empty() && !law_.groups) {
    throw Error(ErrorKind::usage, fmt::format("law {} has no parameter per group; leave out --group", law_.name));
  }
  if (!selection_.weight.empty() && !selection_.se.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("weight = {} and se = {}: expected at most one of them", selection_.weight, selection_.se));
  }
  for (const auto& [input, unit] : selection_.units) {
    if (unit > 0 && std::isfinite(unit)) continue;
    throw Error(ErrorKind::usage,
                fmt::format("unit {}={:g}: expected a finite number above 0, e.g. {}=1e6", input, unit, input));
  }
}

void Selector::choose_inputs() {
  for (const auto& input : law_.inputs) {
    inputs_.push_back(columns_.of_law(input));
    const Source& source = inputs_.back();
    out_.columns[input] = source.text;
    if (!source.note.empty()) {
      out_.notes.push_back(source.note);
    } else if (source.guessed && source.text != input) {
      out_.notes.push_back(fmt::format("{} is column {}", input, source.text));
    }
  }
  out_.x = inputs_.empty() ? "" : inputs_[0].text;
  out_.y = columns_.y();
  if (selection_.y.empty() && out_.y != "y") out_.notes.push_back(fmt::format("y is column {}", out_.y));
}

void Selector::filter() {
  rows_.resize(table_.rows());
  std::iota(rows_.begin(), rows_.end(), size_t{0});
  std::string story;
  const auto aliases = selection_.where.empty() ? std::map<std::string, std::string>{} : columns_.aliases();
  for (const auto& filter : selection_.where) {
    const auto holds = rows_that_hold(table_, filter, aliases);
    const auto kept = std::count(holds.begin(), holds.end(), true);
    story += fmt::format("{}'{}' holds for {}", story.empty() ? "" : ", ", filter, kept);
    std::erase_if(rows_, [&](size_t row) { return !holds[row]; });
  }
  if (!rows_.empty()) return;
  throw Error(ErrorKind::usage, fmt::format("no row is left by --where: of {} rows {}{}", table_.rows(), story,
                                            selection_.where.size() > 1 ? ", and no row has them all" : ""));
}

// The values of an input, in the units asked for.
std::vector<double> Selector::values(const std::string& input, const Source& source, const Rows& rows) const {
  std::vector<double> out = numbers_at(table_, source.columns[0], rows);
  if (source.value) {
    std::vector<std::vector<double>> parts{std::move(out)};
    for (size_t k = 1; k < source.columns.size(); ++k) parts.push_back(numbers_at(table_, source.columns[k], rows));
    out.resize(rows.size());
    std::vector<double> now(parts.size());
    for (size_t i = 0; i < out.size(); ++i) {
      for (size_t k = 0; k < parts.size(); ++k) now[k] = parts[k][i];
      out[i] = source.value(now.data());
    }
  }
  if (const double unit = unit_of(input); unit != 1) {
    for (double& value : out) value /= unit;
  }
  return out;
}

// The k-th highest y, below which rows are kept.
double Selector::ceiling(std::vector<double> y) const {
  const auto k = static_cast<size_t>(selection_.drop_highest);
  if (k == 0) return std::numeric_limits<double>::infinity();
  if (k > y.size()) {
    throw Error(ErrorKind::usage, fmt::format("drop-highest = {}: the table has only {} rows{}", k, y.size(),
                                              selection_.where.empty() ? "" : " that --where leaves"));
  }
  const auto place = y.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(y.begin(), place, y.end(), std::greater<>());
  return *place;
}

// The window and --drop-highest; fills the data of the law.
void Selector::cut() {
  auto& data = out_.data;
  for (size_t k = 0; k < inputs_.size(); ++k) data.inputs.push_back(values(law_.inputs[k], inputs_[k], rows_));
  data.y = numbers_at(table_, out_.y, rows_);
  const auto& x = data.inputs.empty() ? data.y : data.inputs[0];
  const double least = selection_.min_x.value_or(-std::numeric_limits<double>::infinity());
  const double most = selection_.max_x.value_or(std::numeric_limits<double>::infinity());
  const double y_below = ceiling(data.y);
  Rows kept;  // of rows_
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (x[i] >= least && x[i] <= most && data.y[i] < y_below) kept.push_back(i);
  }
  if (kept.empty()) {
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    throw Error(ErrorKind::usage,
                fmt::format("no row is left by --min-x, --max-x and --drop-highest; {} runs from {:g} to {:g}",
                            law_.inputs.empty() ? "x" : law_.inputs[0], *low, *high));
  }
  if (kept.size() == rows_.size()) return;
  for (auto& input : data.inputs) input = picked(input, kept);
  data.y = picked(data.y, kept);
  rows_ = picked(rows_, kept);
}

void Selector::add_groups() {
  if (selection_.group.empty()) return;
  auto& group = out_.data.group;
  group.resize(rows_.size());
  for (size_t c = 0; c < selection_.group.size(); ++c) {
    const auto& cells = table_.strings(selection_.group[c]);
    for (size_t i = 0; i < rows_.size(); ++i) group[i] += (c ? "/" : "") + cells[rows_[i]];
  }
}

void Selector::add_clusters() {
  if (!selection_.cluster.empty()) {
    out_.data.cluster = picked(table_.strings(selection_.cluster), rows_);
    out_.data.unit = fmt::format("clusters ({})", selection_.cluster);
    return;
  }
  const auto named =
      std::find_if(kUnitColumns.begin(), kUnitColumns.end(), [&](auto& name) { return table_.has(name); });
  if (named == kUnitColumns.end()) return;
  const auto& cells = table_.strings(*named);
  std::unordered_set<std::string_view> distinct;
  for (const size_t row : rows_) distinct.insert(cells[row]);
  if (distinct.size() == rows_.size()) return;
  out_.notes.push_back(
      fmt::format("{} rows share {} values of column {} but count as independent; --cluster {} resamples them together",
                  rows_.size(), distinct.size(), *named, *named));
}

// A standard error s is a weight of 1/s² on squares of y, of (y/s)² on squares of ln y, whose standard error is s/y;
// absolute residuals take the square root of that.
void Selector::add_weights() {
  const bool of_se = !selection_.se.empty();
  const std::string& column = of_se ? selection_.se : selection_.weight;
  if (column.empty()) return;
  auto& weight = out_.data.weight;
  weight = numbers_at(table_, column, rows_);
  const auto fail = [&](size_t i, const char* expected) {
    throw Error(ErrorKind::bad_file,
                fmt::format("{}: column {}: {:g} (row {}), expected {}", place_of(table_, rows_[i]), column, weight[i],
                            rows_[i] + 1, expected));
  };
  bool any = false;
  for (size_t i = 0; i < weight.size(); ++i) {
    if (of_se && !(weight[i] > 0)) fail(i, "a standard error above 0");
    if (weight[i] < 0) fail(i, "a weight of 0 or more");
    any |= weight[i] > 0;
    if (!of_se) continue;
    const double relative = (on_logarithms(law_.objective) ? out_.data.y[i] : 1) / weight[i];
    const double made = is_absolute(law_.objective) ? std::abs(relative) : relative * relative;
    if (!std::isfinite(made)) fail(i, "a standard error whose inverse square is finite");
    weight[i] = made;
  }
  if (!any)
    throw Error(ErrorKind::bad_file, fmt::format("column {}: every weight is 0, expected some above 0", column));
}

// What rival laws take and this one does not; a column that cannot be it is passed over, unless it was asked for.
void Selector::add_others() {
  std::string story;
  for (const auto& input : standard_inputs()) {
    if (input == "H" || out_.columns.contains(input)) continue;
    if (input == "d" && !out_.columns.contains("V")) continue;  // only laws of the vocabulary take it
    const auto source = columns_.find(input);
    if (!source || source->text == out_.y) continue;
    if (input == "t" && out_.columns.contains("D") && out_.columns["D"] == source->text) continue;
    std::vector<double> found;
    try {
      found = values(input, *source, rows_);
    } catch (const Error&) {
      if (!source->guessed) throw;
      continue;
    }
    if (!std::all_of(found.begin(), found.end(), [](double v) { return v > 0 && std::isfinite(v); })) continue;
    out_.data.others[input] = std::move(found);
    out_.columns[input] = source->text;
    story += fmt::format("{}{} is {}", story.empty() ? "" : ", ", input, source->text);
  }
  if (!story.empty()) out_.notes.push_back("for other laws " + story);
}

double Selector::unit_of(const std::string& input) const {
  const bool first = !law_.inputs.empty() && input == law_.inputs[0];
  for (const auto& [key, unit] : selection_.units) {
    if (key == input || (first && key == "x")) return unit;
  }
  return 1;
}

void Selector::check_units() const {
  for (const auto& [input, unit] : selection_.units) {
    if (out_.columns.contains(input) || (input == "x" && !law_.inputs.empty())) continue;
    std::vector<std::string> known;
    for (const auto& [name, column] : out_.columns) known.push_back(name);
    throw Error(ErrorKind::usage,
                fmt::format("unit {}={:g}: no input {} in this fit{}", input, unit, input, suggestion(input, known)));
  }
}

Selected Selector::run() {
  check();
  choose_inputs();
  filter();
  out_.rows_read = table_.rows();
  cut();
  add_groups();
  add_weights();
  add_others();
  add_clusters();
  check_units();
  return std::move(out_);
}

}  // namespace

Selected select(const Table& table, const Law& law, const Selection& selection) {
  return Selector(table, law, selection).run();
}

}  // namespace superpose::fit
