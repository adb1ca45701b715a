// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

namespace superpose::report {

// Σ_{i>m} (4/3·p_i - p_i²) with p_i = density·i^-alpha / Σ_j j^-alpha clipped at 1, i = 1..n: the loss of a model that
// represents the m most frequent features perfectly and answers <x_i> for the others (paper Eq. 4 before its
// approximations; <v²> = 4/3 of v ~ U(0,2)). 0 ≤ m ≤ n.
double ideal_weak_loss(double alpha, double density, size_t n, size_t m);

// Minus the slope of ln(ideal_weak_loss) on ln m over these widths (at least two different, all in [1, n)): what the
// asymptotic alpha - 1 becomes at finite n.
double ideal_weak_exponent(double alpha, double density, size_t n, std::span<const double> widths);

}  // namespace superpose::report
