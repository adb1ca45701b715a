// SPDX-License-Identifier: Apache-2.0
// The mean square overlap of a matrix beside that of the same matrix with something taken away.
#include <algorithm>
#include <cmath>
#include <memory>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/gram.h"
#include "superpose/geometry/rows.h"
#include "superpose/geometry/singular_values.h"
#include "superpose/geometry/unit_reader.h"

namespace superpose::geometry {
namespace {

constexpr size_t kParts = 8;  // of the sample, for its standard error

// Rows in memory, divided by a power of two near the largest norm where they are not floats.
Matrix<float> load(const RowSource& W, ThreadPool& pool) {
  Matrix<float> out(W.rows(), W.cols());
  double scale = 1;
  if (!W.exact_in_float()) {
    const std::vector<double> norms = row_norms(W, pool);
    const double largest = norms.empty() ? 0 : *std::max_element(norms.begin(), norms.end());
    if (largest > 0) scale = std::ldexp(1.0, std::clamp(std::ilogb(largest), -1021, 1022));
  }
  pool.parallel_for((W.rows() + kChunkRows - 1) / kChunkRows, [&](size_t chunk) {
    const size_t begin = chunk * kChunkRows, count = std::min(kChunkRows, W.rows() - begin);
    float* rows = out.data() + begin * W.cols();
    if (W.exact_in_float()) return W.read(begin, count, rows);
    const auto exact = std::make_unique_for_overwrite<double[]>(count * W.cols());
    W.read(begin, count, exact.get());
    for (size_t k = 0; k < count * W.cols(); ++k) rows[k] = static_cast<float>(exact[k] / scale);
  });
  return out;
}

// The mean of the rows that are not zero, and the leading eigenvectors of their covariance.
struct Principal {
  std::vector<double> mean;
  Matrix<double> directions;  // [m, k]
};
Principal principal_directions(const RowSource& W, size_t k, ThreadPool& pool) {
  const size_t m = W.cols();
  UnitReader reader(W);
  reader.center(pool);
  Principal out{reader.mean(), {}};
  double scale = 0;
  for (const double r : row_norms(W, pool)) scale = std::max(scale, r);
  UpperMatrix gram(m);
  const auto fill = [&](size_t begin, size_t count, float* rows, size_t stride, double*) {
    const auto exact = std::make_unique_for_overwrite<double[]>(count * m);
    W.read(begin, count, exact.get());
    for (size_t i = 0; i < count; ++i) {
      const double* row = exact.get() + i * m;
      const bool zero = std::all_of(row, row + m, [](double x) { return x == 0; });
      for (size_t j = 0; j < m; ++j)
        rows[i * stride + j] = zero ? 0.0f : static_cast<float>((row[j] - out.mean[j]) / scale);
    }
  };
  add_gram({W.rows(), m, 0, fill}, pool, &gram, nullptr);
  out.directions = leading_eigenvectors(gram.data(), m, k);
  return out;
}

class Measure {
 public:
  Measure(bool sampled, ThreadPool& pool) : sampled_(sampled), pool_(pool) {}

  Baseline operator()(const RowSource& W, bool centered) const {
    OverlapOptions options{.centered = centered, .max_exact_pairs = 0, .sampled_pairs = 0};
    Baseline out;
    out.mean_square = overlap(W, options, pool_).mean_square;
    if (!sampled_ || !out.mean_square) return out;
    double sum = 0, squares = 0, count = 0;
    for (size_t part = 0; part < kParts; ++part) {
      std::vector<size_t> rows;
      for (size_t i = part; i < W.rows(); i += kParts) rows.push_back(i);
      const auto value = overlap(SelectedRows(W, std::move(rows)), options, pool_).mean_square;
      if (value) sum += *value, squares += *value * *value, count += 1;
    }
    if (count < 2) return out;
    const double variance = std::max(0.0, squares / count - sum / count * (sum / count)) * count / (count - 1);
    out.se = std::sqrt(variance / count);
    return out;
  }

 private:
  bool sampled_;
  ThreadPool& pool_;
};

}  // namespace

Baselines baselines(const RowSource& W, const BaselineOptions& options, ThreadPool& pool) {
  Baselines out;
  const size_t m = W.cols();
  const size_t most = options.max_elements / std::max<size_t>(m, 1);
  const std::vector<size_t> chosen = row_sample(W.rows(), std::max<size_t>(most, 2), options.seed);
  out.rows = chosen.size();
  if (m == 0 || out.rows < 2) return out;
  const bool sampled = out.rows < W.rows();
  Matrix<float> rows = load(SelectedRows(W, chosen), pool);
  const MatrixRows<float> source(rows.view());
  const Measure measure(sampled, pool);
  out.plain = measure(source, false);
  out.centered = measure(source, true);
  const size_t last = std::size(kRemovedDirections) - 1;
  size_t most_removed = 0;
  for (const size_t k : kRemovedDirections) {
    if (k < std::min(m, out.rows)) most_removed = k;
  }
  if (most_removed > 0 && out.centered.mean_square) {
    const Principal principal = principal_directions(source, most_removed, pool);
    for (size_t r = 0; r <= last; ++r) {
      const size_t k = kRemovedDirections[r];
      if (k > most_removed) break;
      Matrix<double> V(m, k);
      for (size_t j = 0; j < m; ++j) std::copy_n(principal.directions.row(j).begin(), k, V.row(j).begin());
      out.removed[r] = measure(WithoutDirections(source, principal.mean, std::move(V)), false);
    }
  }
  shuffle_columns(rows.view(), options.seed, pool);
  out.shuffled = measure(source, false);
  out.shuffled_centered = measure(source, true);
  return out;
}

}  // namespace superpose::geometry
