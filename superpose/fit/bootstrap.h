// SPDX-License-Identifier: Apache-2.0
// Case resampling: draw as many units (rows, or clusters with all their rows) as there are, with replacement, refit,
// repeat; the 2.5 % and 97.5 % quantiles over the refits are the interval. Private to fit/.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "superpose/fit/fit.h"

namespace superpose::fit {

// One refit. `values` has one entry per parameter, NaN where the resample says nothing (its group is empty).
struct Refit {
  std::vector<double> values;
  bool unique = true;     // false: the law has no unique answer on this resample
  bool at_bound = false;  // the exponent ended at a bound of its search
};

// Draws options.bootstrap resamples; refit(weights) is called with how often each row was drawn. Fills ci95 (replacing
// what is there), bootstrap_sd, resampling, interval_method and warnings of `result`. A pure function of the data and
// options.seed: resample r uses the Philox stream (seed, resample, r). Held parameters keep no interval.
void bootstrap(const Data& data, const Options& options,
               const std::function<Refit(const std::vector<double>& weights)>& refit, Result& result);

}  // namespace superpose::fit
