// SPDX-License-Identifier: Apache-2.0
// fit: a law through a table, with intervals and an honest answer to "does the data identify this?".
//
// Every law here is separable: linear in its coefficients once its exponents are given.
//   power             y = C/x^alpha                                on logarithms: a straight line
//   width             L = C/m^alpha + L0[group]
//   width-depth ...   L = E + c_m/m^a_m + c_l/l^a_l + c_D/D^a_D   and its parts
//   chinchilla        L = E + A/N^alpha + B/D^beta                 log-Huber
//   vocab, time, and any formula the user writes
// So the coefficients come from (non-negative) least squares and only the exponents are searched: variable projection.
//
// Each law is one file of this folder and one line in table.cc. docs/fitting.md has the method, the objectives, how the
// intervals are made and the rule behind `identified`. The way through:
//   read_table -> select -> fit (law.fit) -> to_json;   fit(table, law, selection, options) is all of it at once,
//   forecast(result, request) says what the fitted law and its rivals expect elsewhere.
// Who calls it: study/ (ledger), report/, cli/fit, cli/forecast.
#pragma once
#include <cstdint>
#include <functional>
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
  bool has(std::string_view column) const;
  // The column as numbers. Error{usage} for an unknown column (nearest name), Error{bad_file} for a cell that is not a
  // finite number (names line and text).
  std::vector<double> numbers(std::string_view column) const;
  const std::vector<std::string>& strings(std::string_view column) const;
};
// CSV or TSV (by its header line; lines that begin with '#' are comments; quotes as in RFC 4180), JSON (an array of
// objects, or an object of equally long arrays) or JSON Lines. A JSON null or a key that a row lacks is an empty cell.
// Error{bad_file}, its text beginning with `where`, for no header, no rows, a ragged row, a column named twice, an open
// quote, a cell that is neither number, text nor truth value.
Table read_table(std::string_view bytes, std::string_view where);

using Interval = std::pair<double, double>;  // low, high; ±infinity where nothing bounds it

enum class Objective { squares, log_squares, huber, log_huber, absolute, log_absolute };
std::string_view objective_name(Objective objective);  // ls, log-ls, huber, log-huber, absolute, log-absolute
// What is summed, for people: "½Σr², r = ln y - ln p".
std::string objective_text(Objective objective, double delta);
Objective find_objective(std::string_view name);  // Error{usage} for an unknown one, with the nearest

enum class IntervalKind { automatic, profile, bootstrap, asymptotic };

struct Parameter {
  double value = 0;  // NaN when the data cannot say at all (null in JSON)
  // Least squares: asymptotic, from the Jacobian at the optimum, rows independent, n - p degrees of freedom. Robust
  // objectives: that of the bootstrap where there is one, otherwise the sandwich of an M-estimator.
  std::optional<double> se{};
  std::optional<Interval> ci95{};        // of the kind Result::interval_method names
  std::optional<double> bootstrap_sd{};  // standard deviation over the resamples
  // The three kinds, each where it was made.
  std::optional<Interval> asymptotic{}, profile{}, bootstrap{};
  bool identified = false;  // docs/fitting.md "What identified means"; true for a held parameter
  bool held = false;        // Options::fixed
  bool at_bound = false;  // at the end of its range: a coefficient or floor at 0, an exponent at the end of its search
};

struct Options {
  std::map<std::string, double> fixed{};  // parameter name -> value it is held at
  int bootstrap = 0;                      // resamples; 0 = none
  uint64_t seed = 0;
  std::optional<Objective> objective{};             // instead of the law's own
  double delta = 1e-3;                              // Huber's threshold, in the units of the residual
  IntervalKind interval = IntervalKind::automatic;  // which kind ci95 is; automatic: docs/fitting.md "Which interval"
  bool brief = false;  // no profiles, comparison, backtest or diagnostics: the optimum and s.e. only
  int threads = 0;     // of the bootstrap; 0 = the cores this process may use
  std::function<void(int done, int total)> progress{};  // of the bootstrap; called from one thread
};

// How well a law predicted rows that were held out.
struct Backtest {
  struct Point {
    std::string group;
    double x = 0;  // the law's first input
    double observed = 0, predicted = 0;
    std::optional<Interval> interval95;  // where a new observation is expected (asymptotic)
    std::optional<bool> covered;
  };
  double held_out_x = 0;      // the largest x; rows from the smallest held-out x on are held out
  double largest_x_used = 0;  // held_out_x / largest_x_used is the factor of extrapolation
  size_t rows_used = 0;
  std::vector<Point> points;
  double rms_error = 0;  // in the units of y
};

// The same rows under another law, by the same objective. AICc and BIC are those of the density each objective stands
// for: normal, Laplace, or exp(-ρ/s) with its scale s fitted (Huber's). Rows count as independent.
struct Comparison {
  std::string law;
  std::string formula;
  int n_parameters = 0;          // free ones, without the scale of the noise
  std::optional<double> aicc{};  // absent when n is too small, or the residuals vanish
  std::optional<double> bic{};
  std::optional<double> delta{};  // aicc - aicc of the fitted law: negative = this one describes the table better
  double objective = 0;
  std::optional<double> backtest_rms{};  // held out as Result::backtest
  bool candidate = true;                 // a law of the table of laws, not only a yardstick (constant, logarithm)
};

struct Resampling {
  std::string unit;    // "rows", "clusters" or what select() calls it
  size_t n_units = 0;  // how many there are
  int resamples = 0;   // asked for
  int failed = 0;      // resamples in which the law had no unique answer; left out of every interval
  int at_bound = 0;    // resamples whose exponent ended at a bound of its search; kept
  std::vector<std::vector<double>> draws;  // [parameter][resample that had an answer]
};

// Are the residuals what the objective takes them for?
struct Diagnostics {
  // Wald-Wolfowitz runs test of the signs along the first input (within groups): p of as few or as many runs by chance.
  std::optional<double> runs_p{};
  int runs = 0;
  double largest_leverage = 0;  // of 1; the mean is parameters/rows
  size_t leverage_row = 0;      // row of the fitted rows, from 0
  struct Influence {
    size_t row = 0;    // the first row of the unit
    std::string unit;  // its cluster, or "row 12"
    double shift = 0;  // of the parameter, in its standard errors, when the unit is left out
    double value = 0;  // the parameter without it
  };
  std::string influence_of{};          // which parameter: the first exponent that is free
  std::vector<Influence> influential;  // the most influential units, largest first
};

// The objective along one parameter, the others fitted anew at every value.
struct Profile {
  std::string parameter;
  std::vector<double> value, excess;  // excess: (F - F_min) in units of the 95 % threshold; 1 = the end of the interval
};

// The law along its first input, from the smallest fitted value to 4 times the largest, other inputs at their geometric
// means; the band is asymptotic, of the curve itself.
struct Curve {
  std::string group;
  std::vector<double> x, y, low, high;
};

enum class Status {
  converged,  // an optimum inside the search range
  flat,       // the objective does not tell the exponent: every value, or a range up to a bound, fits as well
  at_bound,   // the exponent is at the end of its search range
};
std::string_view status_name(Status status);

// Does the table speak for a loss that falls as 1/m?
struct InverseWidth {
  std::string parameter;  // the exponent of the width
  std::string verdict;    // "confirmed", "denied", "cannot_tell"
  std::string because;
  std::optional<double> objective_ratio{};  // objective with the exponent held at 1, over the free one
};

// What any law is fitted to.
struct Data {
  std::vector<std::vector<double>> inputs;              // [input of the law][row]
  std::vector<double> y;                                // [row]
  std::vector<std::string> group;                       // [row], or empty
  std::vector<std::string> cluster;                     // [row], or empty
  std::string unit = "clusters";                        // what a cluster is, for messages: the name of its column
  std::vector<double> weight{};                         // [row] >= 0, or empty = 1
  std::map<std::string, std::vector<double>> others{};  // inputs that only other laws take, by name
};

struct Law;
struct Selection;

struct Result {
  std::string law;
  std::string formula;
  Objective objective_kind = Objective::squares;
  double delta = 0;                                           // Huber's
  std::vector<std::pair<std::string, Parameter>> parameters;  // in the law's own order
  Status status = Status::converged;
  double objective = 0;           // a sum, never a mean; r as objective_text says
  std::vector<double> predicted;  // in the units of y, in the order of the rows
  std::vector<double> residuals;  // observed - predicted, on the scale of the objective, in the order of the rows
  std::optional<double> r2;       // 1 - Σr²/Σ(y - ȳ)², ȳ the mean of the row's group
  bool identified = false;        // every parameter is
  std::vector<std::string> warnings;
  std::string interval_method;  // "t", "profile", "none", "bootstrap: 1000 resamples of 27 clusters (model), seed 0"
  std::optional<double> condition;       // of the Jacobian with unit columns, offsets projected out; 1 is best
  std::optional<Interval> window;        // smallest and largest first input that were fitted
  std::optional<Resampling> resampling;  // when Options::bootstrap > 0
  std::optional<double> aicc, bic;       // of this fit, see Comparison
  std::vector<Comparison> compared_to;   // other laws
  std::optional<Backtest> backtest;      // absent, with a warning, when the other rows are too few
  std::optional<Diagnostics> diagnostics;
  std::vector<Profile> profiles;              // of the exponents and the floor
  std::vector<Curve> curves;                  // per group, at most 64
  std::optional<InverseWidth> inverse_width;  // for laws of the width

  const Parameter& operator[](std::string_view name) const;
};
Json to_json(const Result& result);
// The rows that were fitted, so that `forecast` needs no table: {"inputs": {m: [..]}, "y", "group", "cluster",
// "weight", "others"}; null above kMostKeptRows.
inline constexpr size_t kMostKeptRows = 20000;
Json to_json(const Law& law, const Data& data);

// One falling part of a law: coefficient/(product of inputs)^exponent; without an exponent, -coefficient·ln(product).
struct Term {
  std::string coefficient, exponent;  // terms that name the same exponent share it
  std::vector<std::string> inputs;
  bool any_sign = false;  // false: the coefficient is >= 0
};

struct Law {
  std::string name;                          // as in --law
  std::string formula;                       // one line
  Objective objective = Objective::squares;  // the default
  std::vector<std::string> inputs{};         // standard names: m, l, D, N, C, V, d, t; or those of an expression
  std::vector<Term> terms{};
  std::string offset{};                   // name of the part that does not fall: "E", "L0" (one per group), "" = none
  bool groups = false;                    // an offset per group
  bool offset_any_sign = false;           // false: >= 0
  double offset_sign = 1;                 // L = sign·offset + terms
  int default_bootstrap = 1000;           // resamples when the caller does not say
  std::string expression{};               // the user's formula; terms and offset are then empty
  std::vector<std::string> parameters{};  // of an expression, in order of appearance

  bool is_only_a_power() const { return terms.size() == 1 && offset.empty() && on_logs(); }
  bool on_logs() const { return objective == Objective::log_squares; }
  size_t input_index(std::string_view input) const;
  // Needs data.inputs in the order of `inputs`. Error{numeric} when no answer exists, Error{usage} for bad options.
  Result fit(const Data& data, const Options& options) const;
};
std::span<const Law> laws();  // table.cc
// Error{usage} for a name nobody knows (with the nearest).
const Law& find_law(std::string_view name);
// What a formula over this table may use: its columns and the standard inputs they can supply.
std::vector<std::string> input_names(const Table& table, const Selection& selection);
// A law from the user's formula, e.g. "E + A*m^-a + B*log(D)": names in `columns` are inputs, all others parameters.
// log is natural. Error{usage} when it does not parse.
Law expression_law(std::string_view formula, const std::vector<std::string>& columns);
// Resamples when the caller does not say: the law's own number, none above 100000 rows, where refitting takes long and
// the asymptotic intervals are as good.
inline constexpr size_t kManyRows = 100000;
int default_bootstrap(const Law& law, const Data& data);

// ln y = ln C - α ln x. Needs at least 2 distinct x (3 for a standard error); all x, y > 0. Error{numeric} otherwise.
Result fit_power(std::span<const double> x, std::span<const double> y, const Options& options = {});

struct WidthData {
  std::vector<double> m, loss;       // m > 0
  std::vector<std::string> group;    // empty = one group, whose offset is called L0; else L0.<group>
  std::vector<std::string> cluster;  // resampling unit of the bootstrap; empty = each row its own
};
// r = L - (C/m^α + L0[group]); exponents are searched in [kMinAlpha, kMaxAlpha]. Error{numeric} when no group has two
// widths, so that nothing about C and α is in the data.
inline constexpr double kMinAlpha = 0.01, kMaxAlpha = 10;
Result fit_width(const WidthData& data, const Options& options = {});

// The t with P(|T| <= t) = 0.95 for Student's t with `dof` > 0 degrees of freedom: half the width of a 95 % interval in
// standard errors.
double student_t_95(double dof);

// Which rows and columns of a table go into the fit.
struct Selection {
  // Standard input name (m, l, D, N, C, V, d, H, t, x) -> column; what is not here is guessed from usual names.
  std::map<std::string, std::string> columns{};
  std::string y{};
  std::vector<std::string> group{};
  std::string cluster{};
  std::string weight{}, se{};              // column of weights, or of standard errors of y; at most one of them
  std::map<std::string, double> units{};   // input -> how many of the table's units make one of the law's (D=1e6)
  std::vector<std::string> where{};        // row filters, all must hold: "m>=512", "family=='opt'", "name=~'Qwen2.5'"
  std::optional<double> min_x{}, max_x{};  // the window of the first input, inclusive, in its unit
  int drop_highest = 0;                    // k > 0 keeps rows whose y is strictly below the k-th highest y of the table
};
struct Selected {
  Data data;
  // Input -> column it came from, or the formula over columns ("C/(6·N)"); of the law and of its rivals.
  std::map<std::string, std::string> columns;
  std::string x, y;                // columns of the first input and of y
  size_t rows_read = 0;            // before the filters
  std::vector<std::string> notes;  // choices made for the caller, one sentence each
};
// Error{usage} for an unknown column or an empty window, Error{bad_file} for a cell that is not a number.
Selected select(const Table& table, const Law& law, const Selection& selection);

// All of it: the rows of a table under a law.
Result fit(const Table& table, const Law& law, const Selection& selection = {}, const Options& options = {});

// A fit as it is asked for, in words: by the command line, from Python.
struct Request {
  std::string law;  // a name of laws(), or a formula over the table's columns
  Selection selection{};
  std::map<std::string, double> fixed{};                // as Options::fixed
  std::string objective{};                              // objective_name(); "" = the law's own
  double delta = 1e-3;                                  // as Options::delta
  std::string interval = "auto";                        // auto, profile, bootstrap, t
  std::optional<int> bootstrap{};                       // resamples; nullopt = default_bootstrap()
  uint64_t seed = 0;                                    // 0 .. 2^53
  std::function<void(int done, int total)> progress{};  // as Options::progress
};
struct Answer {
  Request request;
  Law law;
  Selected selected;
  Options options;  // as they were used
  Result result;
};
// Error{usage} for a request that cannot be, and what select() and Law::fit throw. `where` names the table in errors.
Answer fit(const Table& table, const std::string& where, const Request& request);
// The object of the command-line contract (docs/schema/fit.json) without schema, version and config.
Json to_json(const Answer& answer);
Json config_json(const std::string& table, const Answer& answer);  // its config

// A fit as `fit --json` wrote it: all that is needed to do it again.
struct StoredFit {
  Law law;
  Data data;
  Options options;
  std::map<std::string, double> units;  // as Selection::units
  bool identified = false;
  std::string why_not;  // its first warning that says so
};
// Error{bad_file} when the object is not one, or its table was too large to be kept.
StoredFit stored_fit(const Json& fit);

// The fitted law elsewhere, and the asymptotic 95 % interval of the curve itself (not of a new observation); NaN where
// there is none. One value per row. No judgement of how far that may be trusted: that is forecast()'s.
struct Predicted {
  std::vector<double> y, low, high;
};
// inputs: every input of the law, in its units (Selection::units); one value, or one per row. group: empty without
// groups, one for all rows, or one per row. Error{usage} for inputs or groups that are missing, unknown or of different
// lengths.
Predicted predict(const StoredFit& fit, const std::map<std::string, std::vector<double>>& inputs,
                  const std::vector<std::string>& group = {});

struct ForecastRequest {
  std::vector<double> x;                              // values of the law's first input; for chinchilla may be empty
  std::map<std::string, std::vector<double>> inputs;  // other inputs: one value, or one per x
  std::vector<std::string> groups{};                  // which; empty = all
  std::optional<double> vocabulary{};                 // the law of the width ends there
  std::optional<double> threshold{};                  // least gain per doubling of the first input that is worth it
  std::vector<double> compute{};                      // FLOPs to split between N and D, law chinchilla
  double max_factor = 4;                              // farthest extrapolation beyond the data
  bool force = false;                                 // answer all the same, and mark it
  int resamples = 400;
  std::function<void(int done, int total)> progress{};  // of the bootstrap of each law; called from one thread
};

struct ForecastPoint {
  std::map<std::string, double> inputs;  // as used, those that were derived included
  double x = 0;                          // the first input
  std::string group;
  double extrapolation_factor = 1;       // of any input that was asked for; 1 = within the data
  std::optional<double> loss;            // absent when refused
  std::optional<Interval> ci95;          // of the law's value: parameters and choice of law
  std::optional<Interval> prediction95;  // of a new model's loss: noise added
  std::string rests_on;                  // the law with the most weight
  struct View {
    std::string law;
    double weight = 0, loss = 0;
    std::optional<Interval> ci95;
  };
  std::vector<View> views;     // law by law
  std::optional<double> gain;  // loss(x) - loss(2x), other inputs as asked for
  std::optional<Interval> gain95;
  std::string because;  // why refused, or what forcing passed over; "" = neither
};

struct ComputeSplit {
  double compute = 0, N = 0, D = 0, loss = 0, extrapolation_factor = 1;
  Interval N95, D95, loss95, tokens_per_parameter95;
  std::string because;  // why refused, or what forcing passed over
  bool refused = false;
};

struct Forecast {
  std::vector<ForecastPoint> points;
  struct Weight {
    std::string law, formula;
    double weight = 0;
    std::optional<double> aicc;
  };
  std::vector<Weight> laws;  // what was averaged, heaviest first
  // The first input where the gain per doubling falls under the threshold.
  struct Stop {
    double threshold = 0;
    std::optional<double> x;  // absent: not within reach of the data
    std::optional<Interval> ci95;
    std::string because;
  };
  std::optional<Stop> stop;
  std::vector<ComputeSplit> compute;
  std::optional<Interval> exponent_N, exponent_D;  // of N* and D* in compute, 95 %
  bool refused = false;                            // any point is
  bool forced = false;
  std::string because;
  std::vector<std::string> notes;
};
// Values by input, "x" for the law's first one, into request.x and request.inputs. Error{usage}: the first input given
// twice, or not at all where nothing else is asked.
void set_inputs(ForecastRequest& request, const Law& law, const std::map<std::string, std::vector<double>>& values);
// Error{usage} for inputs that are missing, not above 0, or unknown groups.
Forecast forecast(const StoredFit& fit, const ForecastRequest& request);
Json to_json(const Forecast& forecast, const Law& law);

// AICc of least squares: n·ln(2π·rss/n) + n + 2k + 2k(k+1)/(n-k-1), where k = n_parameters + 1 counts the variance.
// Absent when n - k - 1 <= 0 or rss is not a positive number.
std::optional<double> aicc(double rss, size_t n, int n_parameters);

}  // namespace superpose::fit
