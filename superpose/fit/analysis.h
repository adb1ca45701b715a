// SPDX-License-Identifier: Apache-2.0
// What follows once a law has been fitted: each part reads the Fit and adds to the Result. Private to fit/.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/fit/fit.h"
#include "superpose/fit/model.h"

namespace superpose::fit {

// A law fitted to rows: the optimum and the shape of the objective around it.
struct Fit {
  Fit(const Law& law, const Data& data, const Options& options);
  const Data& data;
  Options options;
  Model model;
  std::vector<Solution> optima;  // best first; others are local
  std::vector<bool> vanished;    // [P] exponents of terms that are 0
  Curvature curvature;
  Noise noise;
  bool determined = true;  // false: several parameters can be moved together without changing the fit

  const Point& at() const { return optima[0].at; }
  void take(const Solution& better);  // another optimum, and all that follows from it
  int n_free() const { return static_cast<int>(curvature.free.size()) + curvature.free_offsets; }
};

// Eigenvalue of the normal matrix with unit diagonal below which the parameters are not determined together.
inline constexpr double kUndetermined = 1e-13;

void set_asymptotic(const Fit& fit, Result& result);  // values, s.e., asymptotic intervals
// Profile-likelihood intervals of the parameters that have an asymptotic one. False, and `fit` moved there, when a
// lower optimum turned up on the way.
bool set_profiles(Fit& fit, Result& result);
// Case resampling: draw as many units (rows, or clusters with all their rows) as there are, with replacement, refit,
// repeat; the 2.5 % and 97.5 % quantiles over the refits are the interval. A pure function of the data and
// options.seed: resample r uses the Philox stream (seed, resample, r).
void set_bootstrap(const Fit& fit, Result& result);
void choose_intervals(const Fit& fit, Result& result);  // ci95 and interval_method; warns where the kinds disagree
void identify(const Fit& fit, Result& result);          // docs/fitting.md "What identified means"
void compare(const Fit& fit, Result& result);           // other laws on the same rows, and yardsticks
void diagnose(const Fit& fit, Result& result);
void set_curves(const Fit& fit, Result& result);
void judge_inverse_width(const Fit& fit, Result& result);

// The rows at the largest x (at least 5 % of the rows) predicted by the law fitted to the others.
struct HeldOut {
  std::vector<size_t> known, held;  // rows
  double x = 0, largest_used = 0;
};
HeldOut hold_out_largest(const Data& data);
// Absent when the other rows do not determine the law.
std::optional<Backtest> backtest(const Law& law, const Data& data, const Options& options, const HeldOut& held_out);
void set_backtest(const Fit& fit, Result& result);

// The laws that could describe the rows: the table's that their columns allow, the fitted one with its width exponent
// at 1, and (candidate = false) yardsticks.
struct Rival {
  Law law;
  std::map<std::string, double> fixed{};
  bool candidate = true;
};
std::vector<Rival> rivals_of(const Fit& fit);
// The rows under `law`, its inputs taken from those of the fitted law and the other columns; absent when one is
// missing.
std::optional<Data> data_for(const Law& law, const Law& fitted, const Data& data);
std::optional<double> aicc_of(const Fit& fit);

// Half the width of the 95 % interval of a new observation, on the scale of the residuals, added to the curve's own.
double spread_95(const Fit& fit);
// -2·log-likelihood at the best scale of the noise of the density that the objective stands for; y in its own units,
// also for objectives on logarithms.
std::optional<double> deviance(Objective objective, double delta, double F, const std::vector<double>& y);

std::vector<uint32_t> units_of(const Data& data);  // rows -> resampling units, in the order of first appearance
std::string unit_text(const Data& data);           // "rows", "clusters (model)"

}  // namespace superpose::fit
