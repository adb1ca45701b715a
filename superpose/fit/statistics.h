// SPDX-License-Identifier: Apache-2.0
// The few distributions that intervals and comparisons need. Private to fit/.
#pragma once
#include <optional>
#include <utility>
#include <vector>

namespace superpose::fit {

// P(|T| <= t) for Student's t with `dof` > 0 degrees of freedom, t >= 0: 1 - I_{dof/(dof+t²)}(dof/2, 1/2).
double student_t_central(double t, double dof);

// Sample quantile by linear interpolation (type 7 of Hyndman and Fan), 0 <= p <= 1. Reorders `values`; not empty.
double quantile(std::vector<double>& values, double p);

}  // namespace superpose::fit
