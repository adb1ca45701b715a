// SPDX-License-Identifier: Apache-2.0
// Small sources are read whole and take the way of matrices in memory. Private to geometry/.
#pragma once
#include "superpose/base/matrix.h"
#include "superpose/base/rows.h"

namespace superpose::geometry {

inline constexpr size_t kSmallElements = size_t{1} << 24;  // n·m of a small source
inline constexpr double kSmallWork = 2e9;                  // and its n·m²
inline constexpr double kSmallPairs = 5e7;                 // that are looked at one by one in double

inline double work(const RowSource& W, size_t side) {
  return static_cast<double>(W.rows()) * static_cast<double>(W.cols()) * static_cast<double>(side);
}
inline bool is_small(const RowSource& W) {
  return W.cols() == 0 || (W.rows() <= kSmallElements / W.cols() && work(W, W.cols()) <= kSmallWork);
}

// Calls use(view) with the whole source as a matrix of float, or of double where float is not exact.
template <class Use>
auto with_matrix(const RowSource& W, Use use) {
  if (W.exact_in_float()) {
    Matrix<float> all(W.rows(), W.cols());
    W.read(0, W.rows(), all.data());
    return use(MatrixView<const float>(all.view()));
  }
  Matrix<double> all(W.rows(), W.cols());
  W.read(0, W.rows(), all.data());
  return use(MatrixView<const double>(all.view()));
}

}  // namespace superpose::geometry
