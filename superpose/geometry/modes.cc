// SPDX-License-Identifier: Apache-2.0
// One mode or two in the row norms, and whether norms go with token frequency.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/geometry/geometry.h"

namespace superpose::geometry {
namespace {

constexpr size_t kFewest = 8;           // norms below which nothing is said
constexpr double kStrongEvidence = 10;  // ΔBIC, Kass & Raftery 1995
constexpr double kApart = 2;            // Ashman's D
constexpr double kSmallestShare = 0.01;

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

// Sorted values as at most kMostPoints points: means of equally many neighbours. EM looks at every point some hundred
// times.
std::vector<double> condensed(const std::vector<double>& sorted) {
  constexpr size_t kMostPoints = 2048;
  if (sorted.size() <= kMostPoints) return sorted;
  std::vector<double> out(kMostPoints);
  for (size_t k = 0; k < kMostPoints; ++k) {
    const size_t begin = k * sorted.size() / kMostPoints, end = (k + 1) * sorted.size() / kMostPoints;
    out[k] = mean_of(std::span(sorted).subspan(begin, end - begin));
  }
  return out;
}

struct Gaussian {
  double weight, mean, variance;
  double log_density(double x) const {
    return std::log(weight) - 0.5 * std::log(2 * M_PI * variance) - 0.5 * (x - mean) * (x - mean) / variance;
  }
};

struct Mixture {
  std::array<Gaussian, 2> parts;
  double log_likelihood = 0;
};

// One round of EM over sorted x: the new parts, and the log likelihood of the old ones.
Mixture refine(std::span<const double> x, const std::array<Gaussian, 2>& parts, double least_variance) {
  double weight[2] = {0, 0}, first[2] = {0, 0}, second[2] = {0, 0}, total = 0;
  const double origin = 0.5 * (parts[0].mean + parts[1].mean);
  for (const double value : x) {
    const double a = parts[0].log_density(value), b = parts[1].log_density(value);
    const double top = std::max(a, b), sum = top + std::log(std::exp(a - top) + std::exp(b - top));
    total += sum;
    const double share[2] = {std::exp(a - sum), std::exp(b - sum)}, d = value - origin;
    for (size_t k = 0; k < 2; ++k) weight[k] += share[k], first[k] += share[k] * d, second[k] += share[k] * d * d;
  }
  Mixture out{parts, total};
  for (size_t k = 0; k < 2; ++k) {
    if (weight[k] < 1e-6) continue;  // a part that has died stays as it is
    const double mean = first[k] / weight[k];
    out.parts[k] = {weight[k] / static_cast<double>(x.size()), origin + mean,
                    std::max(least_variance, second[k] / weight[k] - mean * mean)};
  }
  return out;
}

// EM from a split of the sorted values at place `cut`.
Mixture fit_mixture(std::span<const double> x, size_t cut, double least_variance) {
  constexpr int kMostRounds = 200;
  std::array<Gaussian, 2> parts;
  for (size_t k = 0; k < 2; ++k) {
    const auto part = k == 0 ? x.first(cut) : x.subspan(cut);
    const double mean = mean_of(part);
    double squares = 0;
    for (const double value : part) squares += (value - mean) * (value - mean);
    const double count = static_cast<double>(part.size());
    parts[k] = {count / static_cast<double>(x.size()), mean, std::max(least_variance, squares / count)};
  }
  Mixture out{parts, -INFINITY};
  for (int round = 0; round < kMostRounds; ++round) {
    const Mixture next = refine(x, out.parts, least_variance);
    const bool done = next.log_likelihood - out.log_likelihood < 1e-6 * static_cast<double>(x.size());
    out = next;
    if (done) break;
  }
  return out;
}

// Ranks 1..n, equal values sharing the mean of theirs.
std::vector<double> ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b] || (x[a] == x[b] && a < b); });
  std::vector<double> out(x.size());
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && x[order[end]] == x[order[begin]];) ++end;
    for (size_t k = begin; k < end; ++k) out[order[k]] = 0.5 * static_cast<double>(begin + end + 1);
  }
  return out;
}

std::optional<double> pearson(std::span<const double> x, std::span<const double> y) {
  const double a = mean_of(x), b = mean_of(y);
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - a) * (x[i] - a), yy += (y[i] - b) * (y[i] - b), xy += (x[i] - a) * (y[i] - b);
  }
  if (!(xx > 0 && yy > 0)) return std::nullopt;
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

}  // namespace

NormModes norm_modes(std::span<const double> norms) {
  std::vector<double> x;
  for (const double r : norms) {
    if (r > 0 && std::isfinite(r)) x.push_back(std::log(r));
  }
  NormModes out;
  if (x.size() < kFewest) return out;
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size()), mean = mean_of(x);
  double m2 = 0, m3 = 0, m4 = 0;
  for (const double value : x) {
    const double d = value - mean;
    m2 += d * d, m3 += d * d * d, m4 += d * d * d * d;
  }
  m2 /= n, m3 /= n, m4 /= n;
  // Logarithms of norms equal up to rounding have no shape.
  if (!(std::sqrt(m2) > 1e-7)) return out;
  const double skewness = m3 / std::pow(m2, 1.5) * std::sqrt(n * (n - 1)) / (n - 2);
  const double excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / (m2 * m2)) - 3 * (n - 1));
  out.bimodality_coefficient = (skewness * skewness + 1) / (excess + 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3)));

  const std::vector<double> points = condensed(x);
  const double count = static_cast<double>(points.size());
  // A variance may not fall to zero: a hundredth of the whole spread is as narrow as a mode is taken to be.
  const double least_variance = 1e-4 * m2;
  Mixture best{{}, -INFINITY};
  for (const double share : {0.05, 0.2, 0.5, 0.8, 0.95}) {
    const size_t cut = std::clamp<size_t>(static_cast<size_t>(share * count), 2, points.size() - 2);
    const Mixture fit = fit_mixture(points, cut, least_variance);
    if (fit.log_likelihood > best.log_likelihood) best = fit;
  }
  double spread = 0;
  for (const double value : points) spread += (value - mean) * (value - mean) / count;
  // BIC = p ln n - 2 ln L with p = 2 and 5; ln L of n values is n / count times that of the points.
  const double one = -0.5 * count * (std::log(2 * M_PI * spread) + 1);
  out.delta_bic = 2 * n / count * (best.log_likelihood - one) - 3 * std::log(n);
  auto [low, high] = best.parts;
  if (low.mean > high.mean) std::swap(low, high);
  out.separation = (high.mean - low.mean) / std::sqrt(0.5 * (low.variance + high.variance));
  out.low_share = low.weight;
  out.low_center = std::exp(low.mean), out.high_center = std::exp(high.mean);
  out.two_modes = *out.delta_bic > kStrongEvidence && *out.separation > kApart &&
                  std::min(low.weight, high.weight) >= kSmallestShare;
  return out;
}

RankCorrelation correlation(std::span<const double> norms, std::span<const double> counts) {
  SUPERPOSE_ASSERT(norms.size() == counts.size());
  std::vector<double> x, y;
  for (size_t i = 0; i < norms.size(); ++i) {
    if (norms[i] > 0 && counts[i] > 0) x.push_back(std::log(norms[i])), y.push_back(std::log(counts[i]));
  }
  RankCorrelation out;
  out.rows = x.size();
  if (out.rows < 4) return out;
  out.pearson_log = pearson(x, y);
  out.spearman = pearson(ranks(x), ranks(y));
  if (out.spearman) {
    const double rho = *out.spearman;
    out.spearman_se = (1 - rho * rho) * std::sqrt((1 + 0.5 * rho * rho) / (static_cast<double>(out.rows) - 3));
  }
  return out;
}

}  // namespace superpose::geometry
