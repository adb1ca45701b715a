// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/gram.h"
#include "superpose/geometry/in_memory.h"
#include "superpose/geometry/rows.h"
#include "superpose/geometry/singular_values.h"

namespace superpose::geometry {
namespace {

// n·m·min(n, m) up to which the accurate method is used; the other needs about a quarter of its time.
constexpr double kAffordable = 1e10;

// What the singular values of W / scale say.
Spectrum finish(std::vector<double> singular_values, double scale) {
  Spectrum out;
  out.singular_values = std::move(singular_values);
  double sum = 0, squares = 0, fourths = 0;
  for (const double s : out.singular_values) sum += s, squares += s * s, fourths += s * s * s * s;
  double entropy = 0, of_squares = 0;
  for (const double s : out.singular_values) {
    if (s > 0) entropy -= s / sum * std::log(s / sum);
    if (s * s > 0) of_squares -= s * s / squares * std::log(s * s / squares);
  }
  out.effective_rank = std::exp(entropy);
  out.participation_ratio = squares * squares / fourths;
  out.stable_rank = squares / (out.singular_values.front() * out.singular_values.front());
  out.eigenvalue_effective_rank = std::exp(of_squares);
  for (double& s : out.singular_values) s *= scale;
  return out;
}

Spectrum nothing(size_t side) { return {.singular_values = std::vector<double>(side, 0.0)}; }

// Gram matrix of W / scale from float32 products.
template <class T>
void add_scaled_gram(const RowSource& W, double scale, ThreadPool& pool, UpperMatrix& gram) {
  const size_t m = W.cols();
  const auto fill = [&](size_t begin, size_t count, float* out, size_t stride, double*) {
    const auto raw = std::make_unique_for_overwrite<T[]>(count * m);
    W.read(begin, count, raw.get());
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < m; ++j)
        out[i * stride + j] = static_cast<float>(static_cast<double>(raw[i * m + j]) / scale);
    }
  };
  add_gram({W.rows(), m, 0, fill}, pool, &gram, nullptr);
}

}  // namespace

template <class T>
Spectrum spectrum(MatrixView<const T> W) {
  const std::vector<double> norms = finite_row_norms(W);
  const size_t side = std::min(W.rows, W.cols);
  const double scale = side == 0 ? 0 : *std::max_element(norms.begin(), norms.end());
  if (scale == 0) return nothing(side);
  const double cost = static_cast<double>(W.rows) * static_cast<double>(W.cols) * static_cast<double>(side);
  return finish(cost <= kAffordable ? singular_values_by_qr(W, scale) : singular_values_by_gram(W, scale), scale);
}

Spectrum spectrum(const RowSource& W, ThreadPool& pool) {
  const size_t m = W.cols(), side = std::min(W.rows(), m);
  if (m == 0 || (W.rows() <= kSmallElements / m && work(W, side) <= kAffordable)) {
    return with_matrix(W, [](const auto& view) { return spectrum(view); });
  }
  double scale = 1;  // what float32 products need: entries whose squares are floats
  const std::vector<double> norms = row_norms(W, pool);
  const double largest = *std::max_element(norms.begin(), norms.end());
  if (largest == 0) return nothing(side);
  scale = std::ldexp(1.0, std::clamp(std::ilogb(largest), -1021, 1022));
  UpperMatrix gram(m);
  if (W.exact_in_float()) {
    add_scaled_gram<float>(W, scale, pool, gram);
  } else {
    add_scaled_gram<double>(W, scale, pool, gram);
  }
  std::vector<double> values = symmetric_eigenvalues(gram.data(), m);
  std::reverse(values.begin(), values.end());
  values.resize(side);
  const double floor = kStreamedFloor * kStreamedFloor * values.front();
  for (double& x : values) x = x > floor ? std::sqrt(x) : 0.0;
  return finish(std::move(values), scale);
}

template Spectrum spectrum(MatrixView<const float>);
template Spectrum spectrum(MatrixView<const double>);

}  // namespace superpose::geometry
