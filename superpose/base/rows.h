// SPDX-License-Identifier: Apache-2.0
// A matrix of n rows and m columns that is read a block of rows at a time, so that it need not fit into memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "superpose/base/matrix.h"

namespace superpose {

class RowSource {
 public:
  virtual ~RowSource() = default;
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }

  // Rows [begin, begin + count), row-major without padding, into count·cols() elements. Every value is finite, and
  // exact but for values of more than float's 24 bits (F64) read as float. Thread-safe. Error{bad_file} names the first
  // element that is NaN or infinite; Error{unsupported} one beyond the range of float; Error{io}.
  virtual void read(size_t begin, size_t count, float* out) const = 0;
  virtual void read(size_t begin, size_t count, double* out) const = 0;

  // Does every element fit a float without rounding? False only for F64.
  virtual bool exact_in_float() const { return true; }

 protected:
  RowSource(size_t rows, size_t cols) : rows_(rows), cols_(cols) {}

 private:
  size_t rows_, cols_;
};

// The rows of a matrix in memory, which must outlive the source. T = float or double.
template <class T>
class MatrixRows : public RowSource {
 public:
  explicit MatrixRows(MatrixView<const T> W) : RowSource(W.rows, W.cols), W_(W) {}
  void read(size_t begin, size_t count, float* out) const override { copy(begin, count, out); }
  void read(size_t begin, size_t count, double* out) const override { copy(begin, count, out); }
  bool exact_in_float() const override { return sizeof(T) <= sizeof(float); }

 private:
  template <class U>
  void copy(size_t begin, size_t count, U* out) const {
    for (size_t i = begin; i < begin + count; ++i) {
      for (const T x : W_.row(i)) *out++ = static_cast<U>(x);
    }
  }
  MatrixView<const T> W_;
};

}  // namespace superpose
