// SPDX-License-Identifier: Apache-2.0
// Which of the three kinds of interval ci95 is, and whether they agree.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/fit/analysis.h"

namespace superpose::fit {
namespace {

std::string method_text(IntervalKind kind, const Fit& fit, const Result& result) {
  if (kind == IntervalKind::asymptotic) return "t";
  if (kind == IntervalKind::profile) return "profile";
  return fmt::format("bootstrap: {} resamples of {} {}, seed {}", result.resampling->resamples,
                     result.resampling->n_units, result.resampling->unit, fit.options.seed);
}

std::optional<double> width_of(const Parameter& p, const std::optional<Interval>& interval) {
  if (!interval) return std::nullopt;
  const bool ratio = interval->first > 0 && p.value > 0;
  return ratio ? std::log(interval->second / interval->first) : interval->second - interval->first;
}

// Kinds whose widths differ by more than this disagree.
constexpr double kDisagreement = 1.5;

void warn_of_disagreement(const Fit& fit, Result& result) {
  std::string differing;
  int count = 0;
  for (size_t i = 0; i < result.parameters.size(); ++i) {
    const auto& [name, p] = result.parameters[i];
    const auto& reference = p.profile ? p.profile : p.asymptotic;
    const auto a = width_of(p, reference), b = width_of(p, p.bootstrap);
    if (!a || !b || !(*a > 0) || !(*b > 0)) continue;
    const double ratio = *b / *a;
    if (ratio < kDisagreement && ratio > 1 / kDisagreement) continue;
    constexpr int kMostNamed = 4;
    if (++count <= kMostNamed) {
      differing += fmt::format("{}{} ({} [{:.4g}, {:.4g}], bootstrap [{:.4g}, {:.4g}])", differing.empty() ? "" : ", ",
                               name, p.profile ? "profile" : "t", reference->first, reference->second,
                               p.bootstrap->first, p.bootstrap->second);
    }
  }
  if (count == 0) return;
  const char* const why = fit.data.cluster.empty()
                              ? "the noise is not what the objective takes it for, or the units are few"
                              : "rows of one cluster are not independent; the bootstrap knows that, the other does not";
  result.warnings.push_back(fmt::format("the kinds of interval disagree for {}{}: {}", differing,
                                        count > 4 ? fmt::format(" and {} more", count - 4) : "", why));
}

}  // namespace

void choose_intervals(const Fit& fit, Result& result) {
  const bool profiled = std::any_of(result.parameters.begin(), result.parameters.end(),
                                    [](const auto& entry) { return entry.second.profile.has_value(); });
  IntervalKind kind = fit.options.interval;
  if (kind == IntervalKind::automatic) {
    kind = result.resampling ? IntervalKind::bootstrap : IntervalKind::profile;
  }
  if (kind == IntervalKind::bootstrap && !result.resampling) kind = IntervalKind::profile;
  // For a straight line the two are the same, and t is exact.
  if (kind == IntervalKind::profile && (!profiled || fit.model.law().is_only_a_power()))
    kind = IntervalKind::asymptotic;
  for (auto& [name, p] : result.parameters) {
    p.ci95 = kind == IntervalKind::bootstrap              ? p.bootstrap
             : kind == IntervalKind::profile && p.profile ? p.profile
                                                          : p.asymptotic;
  }
  const bool any = std::any_of(result.parameters.begin(), result.parameters.end(),
                               [](const auto& entry) { return entry.second.ci95.has_value(); });
  result.interval_method = any || result.resampling ? method_text(kind, fit, result) : "none";
  warn_of_disagreement(fit, result);
}

}  // namespace superpose::fit
