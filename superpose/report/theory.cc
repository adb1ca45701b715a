// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/theory.h"

#include <algorithm>
#include <cmath>

namespace superpose::report {

double ideal_weak_loss(double alpha, double density, size_t n, size_t m) {
  double norm = 0;
  for (size_t i = n; i >= 1; --i) norm += std::pow(static_cast<double>(i), -alpha);
  double loss = 0;
  for (size_t i = n; i > m; --i) {  // small terms first
    const double p = std::min(1.0, density * std::pow(static_cast<double>(i), -alpha) / norm);
    loss += 4.0 / 3.0 * p - p * p;
  }
  return loss;
}

double ideal_weak_exponent(double alpha, double density, size_t n, std::span<const double> widths) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const double m : widths) {
    const double x = std::log(m), y = std::log(ideal_weak_loss(alpha, density, n, static_cast<size_t>(m)));
    sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  const double k = static_cast<double>(widths.size());
  return -(k * sxy - sx * sy) / (k * sxx - sx * sx);
}

}  // namespace superpose::report
