// SPDX-License-Identifier: Apache-2.0
// The order of a fit: optimum, intervals, what is identified, and what else could be said of the rows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "superpose/base/error.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {

using Eigen::Index;
using Eigen::VectorXd;

Fit::Fit(const Law& law, const Data& rows, const Options& wanted)
    : data(rows), options(wanted), model(law, rows, wanted) {
  constexpr size_t kStarts = 6;
  optima = model.search(model.weights(), rows.y.size() > kManyRows ? 1 : kStarts);
  // Starts that ended in the same optimum count once.
  constexpr double kSame = 1e-6;
  const auto same = [](const Solution& a, const Solution& b) { return b.objective <= a.objective * (1 + kSame); };
  optima.erase(std::unique(optima.begin(), optima.end(), same), optima.end());
  optima[0] = model.polish(model.weights(), optima[0].at);  // the last digits
  take(optima[0]);
}

void Fit::take(const Solution& better) {
  if (&better != optima.data()) optima.insert(optima.begin(), better);
  vanished = model.vanished(at());
  curvature = model.curvature(model.weights(), at());
  determined = curvature.free.empty() || curvature.smallest > kUndetermined;
  noise = model.noise(model.weights(), at(), curvature);
}

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

void set_goodness(const Fit& fit, Result& result) {
  VectorXd prediction, residual;
  const auto& y = fit.data.y;
  result.objective = fit.model.objective_of(fit.at(), fit.model.weights());
  if (!fit.model.solver().predict(fit.at(), prediction, residual)) {
    throw Error(ErrorKind::numeric,
                fmt::format("law {}: no parameters give a prediction above 0 for every row, which {} needs; try "
                            "--objective ls",
                            fit.model.law().name, objective_name(fit.model.objective())));
  }
  const bool logarithms = on_logarithms(fit.model.objective());
  std::map<std::string_view, std::pair<double, double>> sums;
  const auto group = [&](size_t i) { return fit.data.group.empty() ? std::string_view() : fit.data.group[i]; };
  const auto target = [&](size_t i) { return logarithms ? std::log(y[i]) : y[i] / fit.model.scale(); };
  for (size_t i = 0; i < y.size(); ++i) {
    auto& [sum, count] = sums[group(i)];
    sum += target(i);
    ++count;
  }
  double rss = 0, total = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const auto row = static_cast<Index>(i);
    result.predicted.push_back(prediction[row] * fit.model.scale());
    result.residuals.push_back(logarithms ? residual[row] : residual[row] * fit.model.scale());
    const auto [sum, count] = sums[group(i)];
    const double off = target(i) - sum / count;
    total += off * off;
    rss += residual[row] * residual[row];
  }
  if (total > 0) result.r2 = 1 - rss / total;
  const auto& x = fit.data.inputs[0];
  const auto [least, most] = std::minmax_element(x.begin(), x.end());
  result.window = Interval{*least, *most};
  if (fit.determined && !fit.curvature.free.empty()) result.condition = fit.curvature.condition;
}

Result fit_model(const Law& law, const Data& data, const Options& options) {
  Fit fit(law, data, options);
  Result result;
  const bool many = data.y.size() > kManyRows;
  for (int attempt = 0; attempt < 3; ++attempt) {
    result = {};
    set_asymptotic(fit, result);
    if (options.brief || many || set_profiles(fit, result)) break;
  }
  result.law = law.name;
  result.formula = law.formula;
  result.objective_kind = fit.model.objective();
  result.delta = is_huber(fit.model.objective()) ? options.delta : 0;
  set_goodness(fit, result);
  set_bootstrap(fit, result);
  choose_intervals(fit, result);
  identify(fit, result);
  if (options.brief) return result;
  judge_inverse_width(fit, result);
  compare(fit, result);
  set_backtest(fit, result);
  diagnose(fit, result);
  set_curves(fit, result);
  return result;
}

}  // namespace

void set_asymptotic(const Fit& fit, Result& result) {
  const auto& places = fit.model.parameters();
  const bool line = fit.model.law().is_only_a_power();
  for (size_t p = 0; p < places.size(); ++p) {
    Parameter out{fit.model.value(p, fit.at())};
    out.held = places[p].held;
    if (out.held) {
      const auto it = fit.options.fixed.find(places[p].name);
      if (it != fit.options.fixed.end()) out.value = it->second;  // as it was written
    } else if (!fit.determined ||
               (places[p].kind == ParameterKind::shape && fit.vanished[static_cast<size_t>(places[p].index)])) {
      out.value = kUnknown;
    }
    const auto P = static_cast<int>(fit.at().theta.size());
    if (!out.held && places[p].kind != ParameterKind::offset) {
      out.at_bound = fit.model.solver().at_bound(
          fit.at(), places[p].kind == ParameterKind::shape ? places[p].index : P + places[p].index);
    } else if (!out.held) {
      out.at_bound = fit.model.solver().system().offset_nonnegative && out.value <= 0;
    }
    const auto variance = fit.determined ? fit.model.variance(p, fit.at(), fit.curvature) : std::nullopt;
    if (variance && fit.noise.variance && std::isfinite(*variance * *fit.noise.variance)) {
      out.se = std::sqrt(*variance * *fit.noise.variance);
      const double half = fit.noise.t * *out.se;
      // A coefficient spans decades: symmetric in its logarithm. For a straight line that is exact.
      const bool decades =
          places[p].kind == ParameterKind::coefficient && out.value != 0 && (line || !fit.model.law().terms.empty());
      const double ratio = decades ? std::exp(half / std::abs(out.value)) : 1;
      Interval interval{out.value - half, out.value + half};
      if (decades) interval = {out.value / ratio, out.value * ratio};
      if (interval.first > interval.second) std::swap(interval.first, interval.second);
      out.asymptotic = interval;
    }
    result.parameters.emplace_back(places[p].name, out);
  }
}

Result Law::fit(const Data& data, const Options& options) const { return fit_model(*this, data, options); }

Result fit(const Table& table, const Law& law, const Selection& selection, const Options& options) {
  Law wanted = law;
  if (options.objective) wanted.objective = *options.objective;  // standard errors become weights on its scale
  return law.fit(select(table, wanted, selection).data, options);
}

}  // namespace superpose::fit
