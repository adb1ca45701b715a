// SPDX-License-Identifier: Apache-2.0
// law power: y = C·x^-α, by ordinary least squares of ln y on ln x (the regression behind every α_m of the paper,
// study text B.4: scipy's linregress).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/backtest.h"
#include "superpose/fit/bootstrap.h"
#include "superpose/fit/compare.h"
#include "superpose/fit/fit.h"
#include "superpose/fit/identify.h"
#include "superpose/fit/laws.h"
#include "superpose/fit/statistics.h"

namespace superpose::fit {
namespace {

// A weighted line ln y = a - α·ln x. Centred on the mean of ln x, where a and α are uncorrelated.
struct Line {
  double alpha = 0, a = 0;  // a = ln C
  double weight = 0, mean_x = 0, xx = 0;
  bool determined = true;  // false: one distinct x
};

struct Logs {
  std::vector<double> x, y;
  std::optional<double> alpha, C, a;  // held; a = ln C
};

Line fit_line(const Logs& logs, const std::vector<double>& weights) {
  Line out;
  double mean_y = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    out.weight += weights[i];
    out.mean_x += weights[i] * logs.x[i];
    mean_y += weights[i] * logs.y[i];
  }
  out.mean_x /= out.weight;
  mean_y /= out.weight;
  if (logs.a) out.mean_x = 0, mean_y = *logs.a;  // the line is held at (ln x = 0, ln C): moments about that point
  double xy = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double dx = logs.x[i] - out.mean_x;
    out.xx += weights[i] * dx * dx;
    xy += weights[i] * dx * (logs.y[i] - mean_y);
  }
  // Two x that differ by rounding are one: below, the slope would be noise over noise.
  double largest = 0;
  for (const double x : logs.x) largest = std::max(largest, std::abs(x));
  constexpr double kSameX = 1e-14;
  out.determined = logs.alpha || out.xx > out.weight * kSameX * kSameX * std::max(1.0, largest * largest);
  out.alpha = logs.alpha ? *logs.alpha : out.determined ? -xy / out.xx : 0;
  out.a = logs.a ? *logs.a : mean_y + out.alpha * out.mean_x;
  return out;
}

Logs logarithms(const Data& data, const Options& options) {
  Logs out;
  for (size_t i = 0; i < data.y.size(); ++i) {
    const double x = data.inputs[0][i], y = data.y[i];
    if (!(x > 0) || !(y > 0)) {
      throw Error(
          ErrorKind::numeric,
          fmt::format("law power takes logarithms, but row {} of the fitted rows has x = {:g}, y = {:g}; expected both "
                      "above 0 (law width allows any y)",
                      i + 1, x, y));
    }
    out.x.push_back(std::log(x));
    out.y.push_back(std::log(y));
  }
  if (const auto it = options.fixed.find("alpha"); it != options.fixed.end()) out.alpha = it->second;
  if (const auto it = options.fixed.find("C"); it != options.fixed.end()) {
    if (!(it->second > 0)) throw Error(ErrorKind::usage, fmt::format("fix: C = {:g}, expected above 0", it->second));
    out.C = it->second;
    out.a = std::log(it->second);
  }
  return out;
}

struct Spread {
  double rss = 0;
  int free = 0;
  std::optional<double> variance;  // RSS/(n - p)
  double t = 0;
};

Spread spread_of(const Line& line, const Logs& logs, std::vector<double>* residuals) {
  Spread out;
  for (size_t i = 0; i < logs.x.size(); ++i) {
    // About the mean: a + ... - α·ln x with large ln x would lose digits of small residuals.
    const double r = logs.y[i] - (line.a - line.alpha * line.mean_x) + line.alpha * (logs.x[i] - line.mean_x);
    out.rss += r * r;
    if (residuals) residuals->push_back(r);
  }
  out.free = !logs.alpha + !logs.a;
  const double dof = static_cast<double>(logs.x.size()) - out.free;
  if (dof > 0) {
    out.variance = out.rss / dof;
    out.t = student_t_95(dof);
  }
  return out;
}

// Variance of the fitted ln y at ln x, in units of the residual variance.
double leverage(const Line& line, const Logs& logs, double ln_x) {
  const double dx = ln_x - line.mean_x;
  return (logs.a ? 0 : 1 / line.weight) + (logs.alpha ? 0 : dx * dx / line.xx);
}

void set_parameters(const Line& line, const Logs& logs, const Spread& spread, Result& result) {
  Parameter C{logs.C ? *logs.C : std::exp(line.a)}, alpha{line.alpha};
  C.held = logs.a.has_value();
  alpha.held = logs.alpha.has_value();
  if (spread.variance && !alpha.held) {
    alpha.se = std::sqrt(*spread.variance / line.xx);
    alpha.ci95 = Interval{alpha.value - spread.t * *alpha.se, alpha.value + spread.t * *alpha.se};
  }
  if (spread.variance && !C.held) {
    const double se_a = std::sqrt(*spread.variance * leverage(line, logs, 0));
    C.se = C.value * se_a;
    C.ci95 = Interval{std::exp(line.a - spread.t * se_a), std::exp(line.a + spread.t * se_a)};
  }
  result.parameters = {{"C", C}, {"alpha", alpha}};
}

std::optional<std::vector<std::optional<Prediction>>> predict(const Data& known, const Data& held_out,
                                                              const Options& options) {
  const Logs logs = logarithms(known, options);
  const Line line = fit_line(logs, std::vector<double>(logs.x.size(), 1.0));
  if (!line.determined) return std::nullopt;
  const Spread spread = spread_of(line, logs, nullptr);
  std::vector<std::optional<Prediction>> out;
  for (const double x : held_out.inputs[0]) {
    const double ln_y = line.a - line.alpha * std::log(x);
    Prediction point{std::exp(ln_y), std::nullopt};
    if (spread.variance) {
      const double half = spread.t * std::sqrt(*spread.variance * (1 + leverage(line, logs, std::log(x))));
      point.interval95 = Interval{std::exp(ln_y - half), std::exp(ln_y + half)};
    }
    out.emplace_back(point);
  }
  return out;
}

void warn(const Result& fitted, const Data& data, std::vector<std::string>& warnings) {
  constexpr double kStraight = 0.9;
  if (fitted.r2 && *fitted.r2 < kStraight) {
    warnings.push_back(
        fmt::format("R² = {:.3f}: a straight line in ln x leaves {:.0f} % of the variance of ln y unexplained",
                    *fitted.r2, 100 * (1 - *fitted.r2)));
  }
  if (!fitted.parameters[1].second.se && !fitted.parameters[1].second.held) {
    warnings.push_back(
        fmt::format("{} rows leave no degree of freedom: no standard errors, no intervals", data.y.size()));
  }
  if (fitted.parameters[1].second.value < 0) warnings.push_back("alpha is negative: y rises with x");
}

}  // namespace

Result fit_power_law(const Data& data, const Options& options) {
  check_fixed(options, {"C", "alpha"}, "power");
  SUPERPOSE_ASSERT(data.inputs.size() == 1 && data.inputs[0].size() == data.y.size());
  if (data.y.empty()) throw Error(ErrorKind::numeric, "law power: no rows to fit");
  const Logs logs = logarithms(data, options);
  const Line line = fit_line(logs, std::vector<double>(logs.x.size(), 1.0));
  if (!line.determined) {
    throw Error(ErrorKind::numeric,
                fmt::format("law power needs two different x, every row has {:g}", data.inputs[0][0]));
  }
  Result result;
  result.law = std::string("power");
  result.interval_method = std::string("t");
  const Spread spread = spread_of(line, logs, &result.residuals);
  result.objective = spread.rss / 2;
  set_parameters(line, logs, spread, result);
  double mean_y = 0, total = 0;
  for (const double y : logs.y) mean_y += y / static_cast<double>(logs.y.size());
  for (const double y : logs.y) total += (y - mean_y) * (y - mean_y);
  if (total > 0) result.r2 = 1 - spread.rss / total;
  const auto [least, most] = std::minmax_element(data.inputs[0].begin(), data.inputs[0].end());
  result.window = Interval{*least, *most};
  bootstrap(
      data, options,
      [&](const std::vector<double>& weights) {
        const Line refit = fit_line(logs, weights);
        return Refit{{std::exp(refit.a), refit.alpha}, refit.determined};
      },
      result);
  judge_ratio("C", kWidestCoefficient, result.parameters[0].second, result.warnings);
  judge_ratio("alpha", kWidestExponent, result.parameters[1].second, result.warnings);
  judge_whole(result);
  warn(result, data, result.warnings);
  std::vector<Rival> rivals;
  if (const auto width = width_rival(data)) rivals.push_back(*width);
  rivals.push_back(logarithm_rival(data));
  rivals.push_back(constant_rival(data));
  compare(data, {"power", "y = C/x^alpha", spread.free, spread.rss, true}, rivals, result);
  backtest(
      data, [&](const Data& known, const Data& held_out) { return predict(known, held_out, options); }, result);
  return result;
}

Result fit_power(std::span<const double> x, std::span<const double> y, const Options& options) {
  Data data;
  data.inputs = {{x.begin(), x.end()}};
  data.y = {y.begin(), y.end()};
  return fit_power_law(data, options);
}

}  // namespace superpose::fit
