// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/geometry/geometry.h"

namespace superpose::geometry {
namespace {

// NumPy's default: linear between the order statistics at q·(n-1).
double quantile(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - static_cast<double>(below));
}

}  // namespace

NormSummary summarize_norms(std::span<const double> norms) {
  NormSummary out;
  if (norms.empty()) return out;
  std::vector<double> sorted(norms.begin(), norms.end());
  // NaN goes last: comparing it with < would break the sort.
  std::sort(sorted.begin(), sorted.end(),
            [](double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); });
  const double n = static_cast<double>(sorted.size());
  // Divided by the largest first, so that squares of deviations neither overflow nor vanish.
  const double largest = sorted.back();
  out.min = sorted.front();
  out.max = largest;
  for (const double q : kQuantiles) out.quantiles.push_back(quantile(sorted, q));
  if (largest == 0) return out;
  double sum = 0, squares = 0;
  for (const double r : sorted) sum += r / largest;
  const double mean = sum / n;
  for (const double r : sorted) squares += (r / largest - mean) * (r / largest - mean);
  out.mean = std::clamp(mean * largest, out.min, out.max);
  out.std = std::sqrt(squares / n) * largest;
  return out;
}

double represented_fraction(std::span<const double> norms, double threshold) {
  if (norms.empty()) return 0;
  const auto above = std::count_if(norms.begin(), norms.end(), [&](double r) { return r > threshold; });
  return static_cast<double>(above) / static_cast<double>(norms.size());
}

double unlearned_loss(std::span<const double> norms, std::span<const double> probability, double mean_square) {
  SUPERPOSE_ASSERT(norms.size() == probability.size());
  constexpr double kRepresented = 0.5;
  double sum = 0;
  for (size_t i = 0; i < norms.size(); ++i) {
    if (norms[i] <= kRepresented) sum += probability[i];
  }
  return mean_square * sum;
}

}  // namespace superpose::geometry
