// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) {
    if (!(v > 0)) return values[values.size() / 2];
    sum += std::log(v);
  }
  return std::exp(sum / static_cast<double>(values.size()));
}

// Points along the first input, evenly in its logarithm.
Data points_along(const Fit& fit, const Interval& window, const std::string& group) {
  constexpr int kPoints = 60;
  constexpr double kBeyond = 4;
  Data out;
  out.inputs.resize(fit.data.inputs.size());
  const double low = window.first, high = window.second * kBeyond;
  for (int i = 0; i < kPoints; ++i) {
    out.inputs[0].push_back(low * std::pow(high / low, static_cast<double>(i) / (kPoints - 1)));
    for (size_t k = 1; k < out.inputs.size(); ++k) out.inputs[k].push_back(geometric_mean(fit.data.inputs[k]));
    out.y.push_back(1);
    if (!fit.data.group.empty()) out.group.push_back(group);
  }
  return out;
}

}  // namespace

void set_curves(const Fit& fit, Result& result) {
  constexpr size_t kMostGroups = 64;
  if (!fit.determined || !(result.window->first > 0)) return;
  const auto& groups = fit.model.groups();
  const bool logarithms = on_logarithms(fit.model.objective());
  for (size_t g = 0; g < std::clamp<size_t>(groups.size(), 1, kMostGroups); ++g) {
    Curve curve{groups.empty() ? "" : groups[g], {}, {}, {}, {}};
    const Data along = points_along(fit, *result.window, curve.group);
    const auto forecasts = fit.model.predict(along, fit.at(), fit.curvature);
    for (size_t i = 0; i < forecasts.size(); ++i) {
      if (!forecasts[i]) continue;
      const double half = fit.noise.variance
                              ? fit.noise.t * std::sqrt(*fit.noise.variance * std::max(forecasts[i]->variance, 0.0))
                              : std::numeric_limits<double>::quiet_NaN();
      const double y = forecasts[i]->value;
      curve.x.push_back(along.inputs[0][i]);
      curve.y.push_back(y);
      curve.low.push_back(logarithms ? y * std::exp(-half) : y - half);
      curve.high.push_back(logarithms ? y * std::exp(half) : y + half);
    }
    result.curves.push_back(std::move(curve));
  }
}

}  // namespace superpose::fit
