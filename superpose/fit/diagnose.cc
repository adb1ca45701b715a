// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

// Rows in the order of their group, then of the first input.
std::vector<size_t> ordered_rows(const Data& data) {
  std::vector<size_t> out(data.y.size());
  std::iota(out.begin(), out.end(), size_t{0});
  std::stable_sort(out.begin(), out.end(), [&](size_t a, size_t b) {
    if (!data.group.empty() && data.group[a] != data.group[b]) return data.group[a] < data.group[b];
    return data.inputs[0][a] < data.inputs[0][b];
  });
  return out;
}

// Wald and Wolfowitz 1940: the number of runs of equal sign among n+ and n- signs has mean 1 + 2n+n-/n and variance
// (mean - 1)(mean - 2)/(n - 1), and is normal for large n. Two-sided p; absent below 8 of either sign.
void runs_test(const Fit& fit, const Result& result, Diagnostics& out) {
  const auto order = ordered_rows(fit.data);
  double positive = 0, negative = 0;
  bool last = false;
  for (size_t i = 0; i < order.size(); ++i) {
    const bool sign = result.residuals[order[i]] > 0;
    (sign ? positive : negative) += 1;
    out.runs += i == 0 || sign != last;
    last = sign;
  }
  constexpr double kFewest = 8;
  if (positive < kFewest || negative < kFewest) return;
  const double n = positive + negative, mean = 1 + 2 * positive * negative / n;
  const double sd = std::sqrt((mean - 1) * (mean - 2) / (n - 1));
  out.runs_p = std::erfc(std::abs(out.runs - mean) / sd / std::sqrt(2.0));
}

void leverages(const Fit& fit, Diagnostics& out) {
  if (!fit.determined) return;
  const auto forecasts = fit.model.predict(fit.data, fit.at(), fit.curvature);
  const double unit = on_logarithms(fit.model.objective()) ? 1 : fit.model.scale() * fit.model.scale();
  for (size_t i = 0; i < forecasts.size(); ++i) {
    if (!forecasts[i]) continue;
    const double leverage = fit.model.weights()[static_cast<Eigen::Index>(i)] * forecasts[i]->variance / unit;
    if (leverage > out.largest_leverage) out.largest_leverage = std::min(leverage, 1.0), out.leverage_row = i;
  }
}

std::optional<size_t> first_free_exponent(const Fit& fit, const Result& result) {
  for (size_t p = 0; p < result.parameters.size(); ++p) {
    const auto& parameter = result.parameters[p].second;
    if (fit.model.parameters()[p].kind == ParameterKind::shape && !parameter.held && parameter.se && *parameter.se > 0)
      return p;
  }
  return std::nullopt;
}

void influences(const Fit& fit, const Result& result, Diagnostics& out) {
  constexpr size_t kMostUnits = 2000, kKept = 5;
  const auto parameter = first_free_exponent(fit, result);
  const auto unit = units_of(fit.data);
  const size_t n_units = unit.empty() ? 0 : *std::max_element(unit.begin(), unit.end()) + size_t{1};
  if (!fit.determined || !parameter || n_units > kMostUnits || n_units < 3) return;
  const auto& [name, p] = result.parameters[*parameter];
  out.influence_of = name;
  std::vector<size_t> first(n_units, fit.data.y.size());
  for (size_t i = unit.size(); i-- > 0;) first[unit[i]] = i;
  for (size_t u = 0; u < n_units; ++u) {
    Eigen::VectorXd weights = fit.model.weights();
    for (size_t i = 0; i < unit.size(); ++i) {
      if (unit[i] == u) weights[static_cast<Eigen::Index>(i)] = 0;
    }
    const Solution without = fit.model.polish(weights, fit.at());
    if (fit.model.curvature(weights, without.at).smallest <= kUndetermined) continue;
    const double value = fit.model.value(*parameter, without.at);
    out.influential.push_back({first[u],
                               fit.data.cluster.empty() ? fmt::format("row {}", u + 1) : fit.data.cluster[first[u]],
                               (value - p.value) / *p.se, value});
  }
  std::stable_sort(out.influential.begin(), out.influential.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.shift) > std::abs(b.shift); });
  if (out.influential.size() > kKept) out.influential.resize(kKept);
}

void warn(const Fit& fit, const Diagnostics& d, Result& result) {
  constexpr double kUnlikely = 0.01, kFarShift = 1.0, kPoised = 0.9;
  if (d.runs_p && *d.runs_p < kUnlikely) {
    result.warnings.push_back(fmt::format(
        "the residuals are not independent along {}: {} runs of equal sign, which chance gives with p = {:.2g} "
        "(a form that does not fit, or rows that belong together)",
        fit.model.law().inputs[0], d.runs, *d.runs_p));
  }
  if (!d.influential.empty() && result[d.influence_of].identified && std::abs(d.influential[0].shift) > kFarShift) {
    const auto& most = d.influential[0];
    result.warnings.push_back(fmt::format("{} rests on {}: without it, it is {:.4g} ({:+.1f} standard errors)",
                                          d.influence_of, most.unit, most.value, most.shift));
  }
  if (d.largest_leverage > kPoised && fit.data.y.size() > 8) {
    result.warnings.push_back(fmt::format("row {} decides its own prediction (leverage {:.2f} of 1)",
                                          d.leverage_row + 1, d.largest_leverage));
  }
}

}  // namespace

void diagnose(const Fit& fit, Result& result) {
  Diagnostics out;
  runs_test(fit, result, out);
  if (fit.data.y.size() <= kManyRows) leverages(fit, out);
  influences(fit, result, out);
  warn(fit, out, result);
  result.diagnostics = out;
}

}  // namespace superpose::fit
