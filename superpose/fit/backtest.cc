// SPDX-License-Identifier: Apache-2.0
// Would the law have predicted its largest models from the rest?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/base/error.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {

HeldOut hold_out_largest(const Data& data) {
  constexpr double kFewest = 0.05;  // of the rows
  const auto& x = data.inputs[0];
  std::map<double, size_t, std::greater<>> count;
  for (const double v : x) ++count[v];
  double from = count.begin()->first;
  size_t held = 0;
  for (const auto& [value, rows] : count) {
    if (held > 0 && static_cast<double>(held) >= kFewest * static_cast<double>(x.size())) break;
    if (held + rows > x.size() / 2 && held > 0) break;
    from = value;
    held += rows;
  }
  HeldOut out;
  out.x = count.begin()->first;
  for (size_t row = 0; row < x.size(); ++row) (x[row] >= from ? out.held : out.known).push_back(row);
  for (const size_t row : out.known) out.largest_used = std::max(out.largest_used, x[row]);
  return out;
}

double spread_95(const Fit& fit) {
  if (!is_robust(fit.model.objective())) {
    // The noise is that of a row of weight 1; a new row is taken to have the geometric mean of the table's weights.
    double sum = 0, rows = 0;
    for (const double w : fit.model.weights()) {
      if (w > 0) sum += std::log(w), ++rows;
    }
    const double typical = rows > 0 ? std::exp(sum / rows) : 1;
    return fit.noise.variance ? fit.noise.t * std::sqrt(*fit.noise.variance / typical) : 0;
  }
  Eigen::VectorXd prediction, residual;
  if (!fit.model.solver().predict(fit.at(), prediction, residual)) return 0;
  std::vector<double> size;
  for (const double r : residual) size.push_back(std::abs(r));
  const size_t at = std::min(size.size() - 1, static_cast<size_t>(std::ceil(0.95 * static_cast<double>(size.size()))));
  std::nth_element(size.begin(), size.begin() + static_cast<std::ptrdiff_t>(at), size.end());
  return size[at];
}

std::optional<Backtest> backtest(const Law& law, const Data& data, const Options& options, const HeldOut& held_out) {
  if (held_out.known.empty()) return std::nullopt;
  const Data known = rows_of(data, held_out.known), held = rows_of(data, held_out.held);
  Options wanted = options;
  // A held offset of a group that is only in the rows held out is not a parameter of this smaller fit.
  std::erase_if(wanted.fixed, [&](const auto& entry) {
    const std::string prefix = law.offset + ".";
    return !law.offset.empty() && entry.first.starts_with(prefix) &&
           std::find(known.group.begin(), known.group.end(), entry.first.substr(prefix.size())) == known.group.end();
  });
  std::optional<Fit> fit;
  try {
    fit.emplace(law, known, wanted);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!fit->determined || !std::isfinite(fit->optima[0].objective)) return std::nullopt;
  const auto predictions = fit->model.predict(held, fit->at(), fit->curvature);
  const bool logarithms = on_logarithms(fit->model.objective());
  const double scale = logarithms ? 1 : fit->model.scale(), spread = spread_95(*fit) * scale;
  Backtest out{held_out.x, held_out.largest_used, held_out.known.size(), {}, 0};
  double squares = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    if (!predictions[i] || !std::isfinite(predictions[i]->value)) continue;
    Backtest::Point point{
        held.group.empty() ? "" : held.group[i], held.inputs[0][i], held.y[i], predictions[i]->value, {}, {}};
    if (fit->noise.variance) {
      const double curve = fit->noise.t * std::sqrt(*fit->noise.variance * std::max(predictions[i]->variance, 0.0));
      const double half = std::hypot(curve, spread);
      point.interval95 = logarithms ? Interval{point.predicted * std::exp(-half), point.predicted * std::exp(half)}
                                    : Interval{point.predicted - half, point.predicted + half};
      point.covered = point.interval95->first <= point.observed && point.observed <= point.interval95->second;
    }
    squares += (point.observed - point.predicted) * (point.observed - point.predicted);
    out.points.push_back(point);
  }
  if (out.points.empty()) return std::nullopt;
  out.rms_error = std::sqrt(squares / static_cast<double>(out.points.size()));
  return out;
}

void set_backtest(const Fit& fit, Result& result) {
  const HeldOut held_out = hold_out_largest(fit.data);
  result.backtest = backtest(fit.model.law(), fit.data, fit.options, held_out);
  if (result.backtest) return;
  const auto& input = fit.model.law().inputs[0];
  result.warnings.push_back(
      fmt::format("no backtest: without the rows at the largest {} ({:g}), {}", input, held_out.x,
                  held_out.known.empty() ? "none is left" : "the others do not determine the law"));
}

}  // namespace superpose::fit
