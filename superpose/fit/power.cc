// SPDX-License-Identifier: Apache-2.0
// law power: y = C·x^-α, by ordinary least squares of ln y on ln x (the regression behind every α_m of the paper,
// study text B.4: scipy's linregress).
#include "superpose/fit/laws.h"

namespace superpose::fit {

Law power_law() {
  return {.name = "power",
          .formula = "y = C/x^alpha",
          .objective = Objective::log_squares,
          .inputs = {"m"},
          .terms = {{"C", "alpha", {"m"}}},
          .default_bootstrap = 0};
}

Result fit_power(std::span<const double> x, std::span<const double> y, const Options& options) {
  Data data;
  data.inputs = {{x.begin(), x.end()}};
  data.y = {y.begin(), y.end()};
  return find_law("power").fit(data, options);
}

}  // namespace superpose::fit
