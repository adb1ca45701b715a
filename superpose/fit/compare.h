// SPDX-License-Identifier: Apache-2.0
// The fitted law against simpler ones on the same rows, by AICc of the density of y. Private to fit/.
#pragma once
#include "superpose/fit/fit.h"

namespace superpose::fit {

struct Rival {
  std::string law;
  std::string formula;
  int n_parameters = 0;
  double rss = 0;  // Σr², of y, or of ln y when `of_logarithm`
  bool of_logarithm = false;
};

// Laws with closed forms, an offset (or a coefficient) per group and one slope:
Rival constant_rival(const Data& data);              // y = a[group]
Rival logarithm_rival(const Data& data);             // y = a[group] - b·ln x: the width law in the limit α -> 0
Rival inverse_rival(const Data& data);               // y = C/x + L0[group]: the width law at α = 1
std::optional<Rival> power_rival(const Data& data);  // y = C[group]/x^α, on ln y; absent unless all y > 0
// y = C/x^α + L0[group], absent when x does not tell C and α apart.
std::optional<Rival> width_rival(const Data& data);

// Fills result.aicc (of `fitted`) and result.compared_to (the others); warns where another law is clearly better.
void compare(const Data& data, const Rival& fitted, const std::vector<Rival>& others, Result& result);

}  // namespace superpose::fit
