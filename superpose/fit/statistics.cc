// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

// Continued fraction of the incomplete beta function (DLMF 8.17.22, modified Lentz). Converges in O(sqrt(max(a, b)))
// terms for x < (a + 1)/(a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMaxTerms = 100000;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), out = d;
  for (int i = 1; i < kMaxTerms; ++i) {
    const double even = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i));
    const double odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      change = c * d;
      out *= change;
    }
    if (std::abs(change - 1) < std::numeric_limits<double>::epsilon()) break;
  }
  return out;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double student_t_central(double t, double dof) { return 1 - incomplete_beta(dof / 2, 0.5, dof / (dof + t * t)); }

double student_t_95(double dof) {
  constexpr double kNormal = 1.959963984540054;
  constexpr double kLargeDof = 1e6;  // beyond, t differs from the normal quantile by less than 3e-6
  if (dof > kLargeDof) return kNormal;
  double low = 1.9, high = 13;  // 12.706 at one degree of freedom
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_t_central(middle, dof) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

double quantile(std::vector<double>& values, double p) {
  SUPERPOSE_ASSERT(!values.empty());
  const double at = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(std::floor(at));
  const auto nth = values.begin() + below;
  std::nth_element(values.begin(), nth, values.end());
  if (nth + 1 == values.end()) return *nth;
  const double next = *std::min_element(nth + 1, values.end());
  const double fraction = at - static_cast<double>(below);
  return fraction == 0 ? *nth : *nth + fraction * (next - *nth);
}

std::optional<double> aicc(double rss, size_t n, int n_parameters) {
  const double rows = static_cast<double>(n), k = n_parameters + 1.0;
  if (rows - k - 1 <= 0 || !(rss > 0) || !std::isfinite(rss)) return std::nullopt;
  constexpr double kTwoPi = 6.283185307179586;
  return rows * std::log(kTwoPi * rss / rows) + rows + 2 * k + 2 * k * (k + 1) / (rows - k - 1);
}

}  // namespace superpose::fit
