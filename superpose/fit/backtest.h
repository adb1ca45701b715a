// SPDX-License-Identifier: Apache-2.0
// Would the law have predicted its largest x from the rest? Private to fit/.
#pragma once
#include <functional>

#include "superpose/fit/fit.h"

namespace superpose::fit {

struct Prediction {
  double value = 0;
  std::optional<Interval> interval95;  // of a new observation
};
// Predictions for the rows of `held_out` by the law fitted to `known`; absent for a row it cannot say anything about.
// The whole answer is absent when `known` does not determine the law.
using Predictor =
    std::function<std::optional<std::vector<std::optional<Prediction>>>(const Data& known, const Data& held_out)>;

// Fills result.backtest, or warns why there is none.
void backtest(const Data& data, const Predictor& predict, Result& result);

}  // namespace superpose::fit
