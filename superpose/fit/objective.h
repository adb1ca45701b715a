// SPDX-License-Identifier: Apache-2.0
// What a fit minimises: Σ w·ρ(r), always a sum, never a mean. Private to fit/.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/fit/fit.h"

namespace superpose::fit {

constexpr bool on_logarithms(Objective objective) {
  return objective == Objective::log_squares || objective == Objective::log_huber ||
         objective == Objective::log_absolute;
}
constexpr bool is_huber(Objective objective) {
  return objective == Objective::huber || objective == Objective::log_huber;
}
constexpr bool is_absolute(Objective objective) {
  return objective == Objective::absolute || objective == Objective::log_absolute;
}
constexpr bool is_robust(Objective objective) { return is_huber(objective) || is_absolute(objective); }

// Huber's ρ (1964): r²/2 up to delta, then the tangent line delta·(|r| - delta/2); delta = ∞ is least squares.
struct HuberLoss {
  double delta = std::numeric_limits<double>::infinity();
  double rho(double r) const {
    const double a = std::abs(r);
    return a <= delta ? r * r / 2 : delta * (a - delta / 2);
  }
  double psi(double r) const { return std::clamp(r, -delta, delta); }  // ρ'
  bool inside(double r) const { return std::abs(r) <= delta; }         // where ρ'' = 1; it is 0 outside
};

}  // namespace superpose::fit
