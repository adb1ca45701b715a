// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/evidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace superpose::study {
namespace {

constexpr double kToyThreshold = 0.5;

double share_between(std::span<const double> norms, double low, double high) {
  return geometry::represented_fraction(norms, low) - geometry::represented_fraction(norms, high);
}

// A bare array whose norms have two clear modes about 1/2 is read as a toy model's W is.
bool on_toy_scale(std::string_view role, std::span<const double> norms) {
  if (role == "toy") return true;
  const double phi = geometry::represented_fraction(norms, kToyThreshold);
  return role == "matrix" && phi > 0 && phi < 1 &&
         share_between(norms, 0.4 * kToyThreshold, kToyThreshold) < kEmptyBetween;
}

double half_root_mean_square(std::span<const double> norms, double largest) {
  double sum = 0;
  for (const double r : norms) sum += (r / largest) * (r / largest);
  return 0.5 * largest * std::sqrt(sum / static_cast<double>(norms.size()));
}

// Calls visit(i, row) for every row, in order, a block at a time.
template <class Visit>
void each_row(const RowSource& W, const Visit& visit) {
  const size_t m = W.cols();
  const size_t block = std::clamp<size_t>((size_t{1} << 18) / std::max<size_t>(m, 1), 1, 4096);
  std::vector<double> rows(block * m);
  for (size_t begin = 0; begin < W.rows(); begin += block) {
    const size_t count = std::min(block, W.rows() - begin);
    W.read(begin, count, rows.data());
    for (size_t k = 0; k < count; ++k) visit(begin + k, std::span<const double>(rows.data() + k * m, m));
  }
}

// How wide the norms of the centred non-zero rows spread, and how wide they would if entries were independent draws
// from one distribution with the kurtosis found. Rows are divided by the largest norm so that fourth powers stay in
// range.
void measure_spread(const RowSource& W, std::span<const double> norms, double largest, Evidence& out) {
  std::vector<double> mean(W.cols());
  const double rows = static_cast<double>(out.n - out.zero_rows);
  each_row(W, [&](size_t i, std::span<const double> row) {
    for (size_t j = 0; norms[i] > 0 && j < row.size(); ++j) mean[j] += row[j] / largest / rows;
  });
  std::vector<double> centered;
  double second = 0, fourth = 0;
  each_row(W, [&](size_t i, std::span<const double> row) {
    if (norms[i] == 0) return;
    double square = 0, quartic = 0;
    for (size_t j = 0; j < row.size(); ++j) {
      const double x = row[j] / largest - mean[j], x2 = x * x;
      square += x2;
      quartic += x2 * x2;
    }
    second += square;
    fourth += quartic;
    centered.push_back(std::sqrt(square));
  });
  const double entries = rows * static_cast<double>(W.cols());
  const double kurtosis = fourth / entries / (second / entries * (second / entries));
  const geometry::NormSummary summary = geometry::summarize_norms(centered);
  // Entries all of one size have no kurtosis to compare with, and rows equal to their mean have no norm.
  if (!(summary.mean > 0) || !std::isfinite(kurtosis) || !(kurtosis > 1)) return;
  out.norm_spread = summary.std / summary.mean;
  out.independent_spread = std::sqrt((kurtosis - 1) / (4 * static_cast<double>(W.cols())));
}

// Squared norms of Gaussian rows follow χ²_m; its cube root is nearly normal (Wilson & Hilferty 1931, within 0.002 of
// the distribution for m >= 5).
std::optional<double> misfit_to_gaussian(std::span<const double> norms, double largest, size_t m) {
  std::vector<double> squares;
  double sum = 0;
  for (const double r : norms) {
    if (r > 0) squares.push_back((r / largest) * (r / largest)), sum += squares.back();
  }
  if (squares.size() < 2 || m == 0) return std::nullopt;
  std::sort(squares.begin(), squares.end());
  const double n = static_cast<double>(squares.size()), variance = 2 / (9 * static_cast<double>(m));
  double distance = 0;
  for (size_t i = 0; i < squares.size(); ++i) {
    const double z = (std::cbrt(squares[i] * n / sum) - (1 - variance)) / std::sqrt(variance);
    const double expected = 0.5 * std::erfc(-z / std::sqrt(2.0));
    distance = std::max({distance, expected - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - expected});
  }
  return std::sqrt(n) * distance;
}

}  // namespace

Evidence gather(const RowSource& W, std::string_view role, std::span<const double> norms, const MatrixReport& report,
                ThreadPool& pool) {
  Evidence out;
  out.toy_scale = on_toy_scale(role, norms);
  out.n = W.rows(), out.m = W.cols(), out.zero_rows = report.zero_rows;
  out.plain = report.overlap.mean_square, out.centered = report.overlap_centered.mean_square;
  if (out.n == out.zero_rows) return out;
  const double largest = report.norm.max;
  out.threshold = out.toy_scale ? kToyThreshold : half_root_mean_square(norms, largest);
  out.between = share_between(norms, 0.4 * out.threshold, out.threshold);
  out.represented =
      static_cast<size_t>(std::count_if(norms.begin(), norms.end(), [&](double r) { return r > out.threshold; }));
  out.plain_represented = out.plain, out.centered_represented = out.centered;
  if (out.represented + out.zero_rows < out.n) {
    geometry::OverlapOptions some{.min_norm = out.threshold, .max_exact_pairs = 0, .sampled_pairs = 0};
    out.plain_represented = geometry::overlap(W, some, pool).mean_square;
    some.centered = true;
    out.centered_represented = geometry::overlap(W, some, pool).mean_square;
  }
  measure_spread(W, norms, largest, out);
  out.gaussian_misfit = misfit_to_gaussian(norms, largest, W.cols());
  return out;
}

}  // namespace superpose::study
