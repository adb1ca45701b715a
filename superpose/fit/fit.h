// SPDX-License-Identifier: Apache-2.0
// fit: a law through a table, with intervals and an honest answer to "does the data identify this?".
//
//   power   y = C·x^-α               least squares of ln y on ln x; s.e. and t-intervals of the regression
//   width   L = C/m^α + L0[group]    one C and α over all groups, one L0 per group; least squares by variable
//                                    projection: for given α the rest is linear, only α is searched
//
// Each law is one file of this folder and one line in table.cc. docs/fitting.md has the method, the objectives, how the
// intervals are made and the rule behind `identified`. The way through: read_table -> select -> fit_law -> to_json.
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
  std::vector<size_t> lines;                   // [row] line of the file each row begins on, from 1
  size_t rows() const { return text.empty() ? 0 : text[0].size(); }
  // The column as numbers. Error{usage} for an unknown column (nearest name), Error{bad_file} for a cell that is not a
  // finite number (names line and text).
  std::vector<double> numbers(std::string_view column) const;
  const std::vector<std::string>& strings(std::string_view column) const;
};
// CSV or TSV (by its header line); lines that begin with '#' are comments; quotes as in RFC 4180. Error{bad_file}, its
// text beginning with `where`, for no header, no rows, a ragged row, a column named twice, an open quote.
Table read_table(std::string_view bytes, std::string_view where);

using Interval = std::pair<double, double>;  // low, high

struct Parameter {
  double value = 0;  // NaN when the data cannot say at all (null in JSON)
  // Asymptotic: from the Jacobian at the optimum, rows independent, n - p degrees of freedom.
  std::optional<double> se{};
  std::optional<Interval> ci95{};        // of the kind Result::interval_method names
  std::optional<double> bootstrap_sd{};  // standard deviation over the resamples
  bool identified = false;               // docs/fitting.md "What identified means"; true for a held parameter
  bool held = false;                     // Options::fixed
};

struct Options {
  std::map<std::string, double> fixed{};  // parameter name -> value it is held at
  int bootstrap = 0;                      // resamples; 0 = none, intervals are then asymptotic (t)
  uint64_t seed = 0;
};

// The same rows under another law. AICc is that of the density of y each objective stands for (normal errors of y, or
// of ln y for `power`, with its Jacobian), so laws fitted on different scales can be compared; rows count as
// independent.
struct Comparison {
  std::string law;
  std::string formula;
  int n_parameters = 0;           // free ones, without the variance of the noise
  std::optional<double> aicc{};   // absent when n is too small, or the residuals vanish
  std::optional<double> delta{};  // aicc - aicc of the fitted law: negative = this one describes the table better
};

// The rows at the largest x predicted from all others.
struct Backtest {
  struct Point {
    std::string group;
    double observed = 0, predicted = 0;
    std::optional<Interval> interval95;  // where a new observation is expected (asymptotic)
    std::optional<bool> covered;
  };
  double held_out_x = 0;
  double largest_x_used = 0;  // held_out_x / largest_x_used is the factor of extrapolation
  size_t rows_used = 0;
  std::vector<Point> points;
  double rms_error = 0;  // in the units of y
};

struct Resampling {
  std::string unit;    // "rows", "clusters" or what select() calls it
  size_t n_units = 0;  // how many there are
  int resamples = 0;   // asked for
  int failed = 0;      // resamples in which the law had no unique answer; left out of every interval
  int at_bound = 0;    // resamples whose exponent ended at a bound of its search; kept
};

enum class Status {
  converged,  // an optimum inside the search range
  flat,       // the objective does not tell the exponent: every value, or a range up to a bound, fits as well
  at_bound,   // the exponent is at the end of its search range
};
std::string_view status_name(Status status);

struct Result {
  std::string law;
  std::vector<std::pair<std::string, Parameter>> parameters;  // in the law's own order
  Status status = Status::converged;
  double objective = 0;           // ½Σr², r as the law defines it; a sum, never a mean
  std::vector<double> residuals;  // observed - predicted, in the law's own scale, in the order of the rows
  std::optional<double> r2;       // 1 - Σr²/Σ(y - ȳ)², ȳ the mean of the row's group
  bool identified = false;        // every parameter is
  std::vector<std::string> warnings;
  std::string interval_method;           // "t", "none", "bootstrap: 1000 resamples of 27 clusters (model), seed 0"
  std::optional<double> condition;       // of the Jacobian of (C, α) with unit columns, L0 projected out; 1 is best
  std::optional<Interval> window;        // smallest and largest x that were fitted
  std::optional<Resampling> resampling;  // when Options::bootstrap > 0
  std::optional<double> aicc;            // of this fit, see Comparison
  std::vector<Comparison> compared_to;   // other laws
  std::optional<Backtest> backtest;      // absent, with a warning, when the other rows are too few

  const Parameter& operator[](std::string_view name) const;
};
Json to_json(const Result& result);

// ln y = ln C - α ln x. Needs at least 2 distinct x (3 for a standard error); all x, y > 0. Error{numeric} otherwise.
Result fit_power(std::span<const double> x, std::span<const double> y, const Options& options = {});

struct WidthData {
  std::vector<double> m, loss;       // m > 0
  std::vector<std::string> group;    // empty = one group, whose offset is called L0; else L0.<group>
  std::vector<std::string> cluster;  // resampling unit of the bootstrap; empty = each row its own
};
// r = L - (C/m^α + L0[group]); α is searched in [kMinAlpha, kMaxAlpha]. Error{numeric} when no group has two widths, so
// that nothing about C and α is in the data.
inline constexpr double kMinAlpha = 0.01, kMaxAlpha = 10;
Result fit_width(const WidthData& data, const Options& options = {});

// The t with P(|T| <= t) = 0.95 for Student's t with `dof` > 0 degrees of freedom: half the width of a 95 % interval in
// standard errors.
double student_t_95(double dof);

// What any law is fitted to.
struct Data {
  std::vector<std::vector<double>> inputs;  // [input of the law][row]
  std::vector<double> y;                    // [row]
  std::vector<std::string> group;           // [row], or empty
  std::vector<std::string> cluster;         // [row], or empty
  std::string unit = "clusters";            // what a cluster is, for messages: the name of its column
};

struct Law {
  const char* name;                 // as in --law
  const char* formula;              // one line
  const char* objective;            // what Result::objective is the sum of
  std::vector<std::string> inputs;  // column names tried in turn when none is named, first input
  bool groups;                      // has a parameter per group
  int default_bootstrap;            // resamples when the caller does not say
  Result (*fit)(const Data& data, const Options& options);
};
std::span<const Law> laws();  // table.cc
// Error{usage} for a name nobody knows (with the nearest), Error{unsupported} for a law of a later version.
const Law& find_law(std::string_view name);
// Resamples when the caller does not say: the law's own number, none above 100000 rows, where refitting takes long and
// the asymptotic intervals are as good.
int default_bootstrap(const Law& law, const Data& data);

// Which rows and columns of a table go into the fit.
struct Selection {
  std::string x{}, y{};  // column names; empty = the usual ones (m, width, ...; loss, y, ...)
  std::vector<std::string> group{};
  std::string cluster{};
  std::optional<double> min_x{}, max_x{};  // the window, inclusive
  int drop_highest = 0;                    // k > 0 keeps rows whose y is strictly below the k-th highest y of the table
};
struct Selected {
  Data data;
  std::string x, y;                // columns that were used
  size_t rows_read = 0;            // before the window
  std::vector<std::string> notes;  // choices made for the caller, one sentence each
};
// Error{usage} for an unknown column or an empty window, Error{bad_file} for a cell that is not a number.
Selected select(const Table& table, const Law& law, const Selection& selection);

// AICc of least squares: n·ln(2π·rss/n) + n + 2k + 2k(k+1)/(n-k-1), where k = n_parameters + 1 counts the variance.
// Absent when n - k - 1 <= 0 or rss is not a positive number.
std::optional<double> aicc(double rss, size_t n, int n_parameters);

}  // namespace superpose::fit
