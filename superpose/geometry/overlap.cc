// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "superpose/base/philox.h"
#include "superpose/geometry/geometry.h"
#include "superpose/geometry/rows.h"

namespace superpose::geometry {
namespace {

double pairs_of(size_t n) { return 0.5 * static_cast<double>(n) * (static_cast<double>(n) - 1); }

// Calls visit(cos) for every unordered pair of different unit rows, tile by tile in a fixed order.
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
        for (size_t j = j0 == i0 ? i + 1 : 0; j < nj; ++j) visit(tile[i * nj + j]);
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
    for_each_cosine(rows, [&](double c) { sum += c * c; });
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

// Running moments of |cos| about a pivot near their mean: when all overlaps are equal the spread comes out as zero,
// where mean square minus squared mean would leave the square root of a rounding error.
struct AbsoluteMoments {
  double pivot = 0, count = 0, first = 0, second = 0, largest = 0;
  void add(double cosine) {
    const double x = std::abs(cosine), d = x - pivot;
    count += 1;
    first += d;
    second += d * d;
    largest = std::max(largest, x);
  }
  double mean() const { return pivot + first / count; }
  double variance() const { return std::max(0.0, second / count - (first / count) * (first / count)); }
};

// An integer in [0, bound), uniform to within bound / 2^64.
size_t below(uint32_t high, uint32_t low, size_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{(uint64_t{high} << 32) | low} * bound) >> 64);
}

template <class T>
void sample_pairs(const UnitRows<T>& rows, const OverlapOptions& options, AbsoluteMoments& moments) {
  const size_t n = rows.size(), m = rows.cols();
  std::vector<double> left(m), right(m);
  RandomBlocks random(options.seed, RandomStream::pair_sample);
  for (size_t k = 0; k < options.sampled_pairs; ++k) {
    const PhiloxBlock draw = random.next();
    const size_t i = below(draw[0], draw[1], n);
    size_t j = below(draw[2], draw[3], n - 1);
    if (j >= i) ++j;
    rows.fill_row(i, left.data());
    rows.fill_row(j, right.data());
    moments.add(cblas_ddot(static_cast<int>(m), left.data(), 1, right.data(), 1));
  }
}

}  // namespace

template <class T>
Overlap overlap(MatrixView<const T> W, const OverlapOptions& options) {
  SUPERPOSE_ASSERT(options.sampled_pairs >= 2 && options.sampled_pairs < (uint64_t{1} << 32));
  const UnitRows<T> rows(W, options.centered, options.min_norm);
  Overlap out;
  out.rows = rows.size();
  if (out.rows < 2) return out;
  const double pairs = pairs_of(out.rows);
  out.mean_square = std::min(1.0, sum_of_squares(rows) / pairs);
  AbsoluteMoments moments;
  moments.pivot = std::sqrt(*out.mean_square);
  out.sampled = pairs > static_cast<double>(options.max_exact_pairs);
  if (out.sampled) {
    sample_pairs(rows, options, moments);
    out.mean_abs_se = std::sqrt(moments.variance() / (moments.count - 1));
  } else {
    for_each_cosine(rows, [&](double c) { moments.add(c); });
    out.max_abs = std::min(1.0, moments.largest);
  }
  out.mean_abs = std::clamp(moments.mean(), 0.0, 1.0);
  out.std_abs = std::sqrt(moments.variance());
  return out;
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
