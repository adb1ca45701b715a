// SPDX-License-Identifier: Apache-2.0
// The rows of W [n, m] as doubles: their norms without overflow, and the unit rows that overlaps are made of, a block
// at a time, so that nothing the size of W is ever copied.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/matrix.h"

namespace superpose::geometry {

// Below and above these a sum of squares in double has lost digits to underflow or has overflowed.
inline constexpr double kSmallestSafeSquare = 1e-280, kLargestSafeSquare = 1e280;

// |row|, right for every magnitude whose norm is a double. NaN or infinity in the row come out as they are.
template <class T>
double row_norm(std::span<const T> row) {
  // Four running sums: the order is fixed, and the compiler may keep them in vector registers.
  double sum[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= row.size(); j += 4) {
    for (size_t k = 0; k < 4; ++k) sum[k] += static_cast<double>(row[j + k]) * static_cast<double>(row[j + k]);
  }
  for (; j < row.size(); ++j) sum[0] += static_cast<double>(row[j]) * static_cast<double>(row[j]);
  const double square = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  if (square > kSmallestSafeSquare && square < kLargestSafeSquare) return std::sqrt(square);
  double largest = 0;
  for (const T x : row) {
    if (!std::isfinite(x)) return std::abs(static_cast<double>(x));
    largest = std::max(largest, std::abs(static_cast<double>(x)));
  }
  if (largest == 0) return 0;
  double scaled = 0;
  for (const T x : row) scaled += (static_cast<double>(x) / largest) * (static_cast<double>(x) / largest);
  return largest * std::sqrt(scaled);
}

// Norms of all rows; Error{numeric} names the first row that is not finite.
template <class T>
std::vector<double> finite_row_norms(MatrixView<const T> W);

// The rows that take part in an overlap, scaled to length 1: those with norm > min_norm (zero rows never), after their
// mean was subtracted when `centered`. A row that equals the mean to rounding has no direction left and drops out too.
template <class T>
class UnitRows {
 public:
  UnitRows(MatrixView<const T> W, bool centered, double min_norm);
  size_t size() const { return rows_.size(); }
  size_t cols() const { return W_.cols; }
  size_t index(size_t k) const { return rows_[k]; }  // of unit row k in W
  // Unit row k as m doubles.
  void fill_row(size_t k, double* out) const;
  // Unit rows [begin, begin + count), row-major with stride m.
  void fill(size_t begin, size_t count, double* out) const;

 private:
  MatrixView<const T> W_;
  std::vector<size_t> rows_;   // indices into W
  std::vector<double> norms_;  // of the row, or of the centred and scaled row
  std::vector<double> mean_;   // [m], of scaled rows; empty when not centred
  double scale_ = 1;           // what rows are divided by before centring, so that sums cannot overflow
};

// Rows per block: a block of doubles stays near 16 MB, and long enough for the matrix product to run at full speed.
inline size_t block_rows(size_t cols) {
  return std::clamp<size_t>((size_t{1} << 21) / std::max<size_t>(cols, 1), 256, 4096);
}

}  // namespace superpose::geometry
