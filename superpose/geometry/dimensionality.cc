// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/rows.h"

namespace superpose::geometry {
namespace {

// Rows [begin, begin + count) of W / scale as doubles.
template <class T>
void fill_scaled(MatrixView<const T> W, double scale, size_t begin, size_t count, double* out) {
  for (size_t k = 0; k < count; ++k) {
    const auto row = W.row(begin + k);
    for (size_t j = 0; j < W.cols; ++j) out[k * W.cols + j] = static_cast<double>(row[j]) / scale;
  }
}

}  // namespace

// Σ_j (Ŵ_i·W_j)² = Ŵ_iᵀ (WᵀW) Ŵ_i. W is divided by its largest norm first: D_i does not change, and nothing overflows.
template <class T>
std::vector<double> feature_dimensionality(MatrixView<const T> W) {
  const size_t n = W.rows, m = W.cols;
  const std::vector<double> norms = finite_row_norms(W);
  std::vector<double> out(n, 0.0);
  const double scale = norms.empty() ? 0 : *std::max_element(norms.begin(), norms.end());
  if (scale == 0) return out;
  const size_t block = std::min(block_rows(m), n);
  std::vector<double> rows(block * m), gram(m * m), product(block * m);
  for (size_t begin = 0; begin < n; begin += block) {
    const size_t count = std::min(block, n - begin);
    fill_scaled(W, scale, begin, count, rows.data());
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, static_cast<int>(m), static_cast<int>(count), 1.0, rows.data(),
                static_cast<int>(m), 1.0, gram.data(), static_cast<int>(m));
  }
  for (size_t begin = 0; begin < n; begin += block) {
    const size_t count = std::min(block, n - begin);
    fill_scaled(W, scale, begin, count, rows.data());
    for (size_t k = 0; k < count; ++k) {  // unit rows
      const double norm = norms[begin + k] / scale;
      if (norm == 0) continue;
      for (size_t j = 0; j < m; ++j) rows[k * m + j] /= norm;
    }
    cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, static_cast<int>(count), static_cast<int>(m), 1.0, gram.data(),
                static_cast<int>(m), rows.data(), static_cast<int>(m), 0.0, product.data(), static_cast<int>(m));
    for (size_t k = 0; k < count; ++k) {
      const double norm = norms[begin + k] / scale;
      if (norm == 0) continue;
      const double own = norm * norm;  // the term j = i, so the sum is never smaller
      const double sum = cblas_ddot(static_cast<int>(m), product.data() + k * m, 1, rows.data() + k * m, 1);
      out[begin + k] = own / std::max(own, sum);
    }
  }
  return out;
}

template std::vector<double> feature_dimensionality(MatrixView<const float>);
template std::vector<double> feature_dimensionality(MatrixView<const double>);

}  // namespace superpose::geometry
