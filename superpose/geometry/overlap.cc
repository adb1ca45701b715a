// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/pairs.h"
#include "superpose/geometry/rows.h"

namespace superpose::geometry {
namespace {

// Calls visit(i, j, cos) with i < j for every unordered pair of different unit rows, tile by tile in a fixed order.
template <class T, class Visit>
void for_each_cosine(const UnitRows<T>& rows, Visit visit) {
  constexpr size_t kTile = 384;
  const size_t n = rows.size(), m = rows.cols();
  const size_t side = std::min(kTile, n);
  std::vector<double> left(side * m), right(side * m), tile(side * side);
  for (size_t i0 = 0; i0 < n; i0 += kTile) {
    const size_t ni = std::min(kTile, n - i0);
    rows.fill(i0, ni, left.data());
    for (size_t j0 = i0; j0 < n; j0 += kTile) {
      const size_t nj = std::min(kTile, n - j0);
      if (j0 != i0) rows.fill(j0, nj, right.data());
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(ni), static_cast<int>(nj),
                  static_cast<int>(m), 1.0, left.data(), static_cast<int>(m), j0 == i0 ? left.data() : right.data(),
                  static_cast<int>(m), 0.0, tile.data(), static_cast<int>(nj));
      for (size_t i = 0; i < ni; ++i) {
        for (size_t j = j0 == i0 ? i + 1 : 0; j < nj; ++j) visit(i0 + i, j0 + j, tile[i * nj + j]);
      }
    }
  }
}

// Σ over unordered pairs of cos² = (|ŴᵀŴ|_F² - Σ|Ŵ_i|⁴) / 2: m² memory and no n² work. The difference is only taken
// for n > m, where Welch's bound keeps it well above rounding; otherwise the n² pairs are fewer than the m² entries.
template <class T>
double sum_of_squares(const UnitRows<T>& rows) {
  const size_t n = rows.size(), m = rows.cols();
  if (n <= m) {
    double sum = 0;
    for_each_cosine(rows, [&](size_t, size_t, double c) { sum += c * c; });
    return sum;
  }
  const size_t block = std::min(block_rows(m), n);
  std::vector<double> gram(m * m), unit(block * m);
  double diagonal = 0;
  for (size_t begin = 0; begin < n; begin += block) {
    const size_t count = std::min(block, n - begin);
    rows.fill(begin, count, unit.data());
    for (size_t k = 0; k < count; ++k) {
      const double* row = unit.data() + k * m;
      const double square = cblas_ddot(static_cast<int>(m), row, 1, row, 1);
      diagonal += square * square;
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, static_cast<int>(m), static_cast<int>(count), 1.0, unit.data(),
                static_cast<int>(m), 1.0, gram.data(), static_cast<int>(m));
  }
  double sum = 0;
  for (size_t a = 0; a < m; ++a) {
    double above = 0;
    for (size_t b = a + 1; b < m; ++b) above += gram[a * m + b] * gram[a * m + b];
    sum += gram[a * m + a] * gram[a * m + a] + 2 * above;
  }
  return std::max(0.0, 0.5 * (sum - diagonal));
}

template <class T>
void add_sample(const UnitRows<T>& rows, const OverlapOptions& options, AbsoluteMoments& moments,
                std::vector<uint64_t>& counts) {
  const size_t m = rows.cols();
  std::vector<double> left(m), right(m);
  PairSample sample(options.seed, rows.size());
  for (size_t k = 0; k < options.sampled_pairs; ++k) {
    const auto [i, j] = sample.next();
    rows.fill_row(i, left.data());
    rows.fill_row(j, right.data());
    const double c = cblas_ddot(static_cast<int>(m), left.data(), 1, right.data(), 1);
    moments.add(c);
    if (!counts.empty()) ++counts[histogram_bin(std::abs(c), counts.size())];
  }
}

// (|Σ Ŵ_i|² - Σ |Ŵ_i|²) / (n(n-1)).
template <class T>
double mean_cosine_of(const UnitRows<T>& rows) {
  std::vector<double> row(rows.cols()), sum(rows.cols());
  double own = 0, square = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows.fill_row(i, row.data());
    for (size_t j = 0; j < row.size(); ++j) sum[j] += row[j], own += row[j] * row[j];
  }
  for (const double x : sum) square += x * x;
  return std::clamp((square - own) / (2 * pairs_of(rows.size())), -1.0, 1.0);
}

// Everything that is asked of all pairs of a matrix in memory.
template <class T>
void visit_all_pairs(const UnitRows<T>& rows, const OverlapOptions& options, AbsoluteMoments& moments, Overlap& out) {
  out.histogram.assign(options.bins, 0);
  std::vector<Neighbor> best(options.nearest ? rows.size() : 0, Neighbor{0, -1});
  for_each_cosine(rows, [&](size_t i, size_t j, double c) {
    const double x = std::abs(c);
    if (x > moments.largest || !out.max_pair) out.max_pair = {rows.index(i), rows.index(j)};
    moments.add(c);
    if (options.bins > 0) ++out.histogram[histogram_bin(x, options.bins)];
    if (!options.nearest) return;
    if (x > best[i].cosine) best[i] = {rows.index(j), x};
    if (x > best[j].cosine) best[j] = {rows.index(i), x};
  });
  if (options.nearest) out.nearest.resize(out.norms.size());
  for (size_t k = 0; k < best.size(); ++k) {
    best[k].cosine = std::min(1.0, best[k].cosine);
    out.nearest[rows.index(k)] = best[k];
  }
}

}  // namespace

template <class T>
Overlap overlap(MatrixView<const T> W, const OverlapOptions& options) {
  const UnitRows<T> rows(W, options.centered, options.min_norm);
  Overlap out;
  out.norms = row_norms(W);
  out.rows = rows.size();
  if (out.rows < 2) return out;
  const double pairs = pairs_of(out.rows);
  out.mean_square = std::min(1.0, sum_of_squares(rows) / pairs);
  out.mean_cosine = mean_cosine_of(rows);
  AbsoluteMoments moments;
  moments.pivot = std::sqrt(*out.mean_square);
  if (pairs <= static_cast<double>(options.max_exact_pairs)) {
    visit_all_pairs(rows, options, moments, out);
    out.max_abs = std::min(1.0, moments.largest);
  } else if (options.sampled_pairs > 0) {
    SUPERPOSE_ASSERT(options.sampled_pairs >= 2 && options.sampled_pairs < (uint64_t{1} << 32));
    out.sampled = true;
    out.histogram.assign(options.bins, 0);
    add_sample(rows, options, moments, out.histogram);
    out.mean_abs_se = std::sqrt(moments.variance() / (moments.count - 1));
  } else {
    return out;
  }
  out.mean_abs = std::clamp(moments.mean(), 0.0, 1.0);
  out.std_abs = std::sqrt(moments.variance());
  return out;
}

size_t affordable_pairs(size_t m) {
  // 5e11 operations: 3 s at the 160 GFLOP/s of two cores with 256-bit vectors.
  return std::max<size_t>(50'000'000, static_cast<size_t>(uint64_t{250'000'000'000} / std::max<size_t>(m, 1)));
}

double random_abs_cosine_density(double c, size_t m) {
  SUPERPOSE_ASSERT(m >= 2);
  if (!(c >= 0 && c <= 1)) return 0;
  const double half = 0.5 * static_cast<double>(m);
  const double scale = 2 / std::sqrt(M_PI) * std::exp(std::lgamma(half) - std::lgamma(half - 0.5));
  return scale * std::pow((1 - c) * (1 + c), half - 1.5);
}

std::optional<double> welch_bound_mean_square(size_t n, size_t m) {
  if (n < 2 || m < 1) return std::nullopt;
  if (n <= m) return 0.0;
  return static_cast<double>(n - m) / (static_cast<double>(m) * static_cast<double>(n - 1));
}

std::optional<double> kappa_square(size_t n, size_t m) {
  if (n < 2 || m < 1) return std::nullopt;
  const double width = static_cast<double>(m);
  const double vectors = std::min(static_cast<double>(n), 0.5 * width * width);
  if (vectors <= width) return 0.0;
  return (vectors - width) / (width * (vectors - 1));
}

template Overlap overlap(MatrixView<const float>, const OverlapOptions&);
template Overlap overlap(MatrixView<const double>, const OverlapOptions&);

}  // namespace superpose::geometry
