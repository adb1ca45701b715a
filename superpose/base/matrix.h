// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "superpose/base/error.h"

namespace superpose {

// A row-major matrix that somebody else owns. Row i begins at data + i * stride; stride >= cols.
template <class T>
struct MatrixView {
  T* data = nullptr;
  size_t rows = 0;
  size_t cols = 0;
  size_t stride = 0;

  MatrixView() = default;
  MatrixView(T* data_, size_t rows_, size_t cols_) : MatrixView(data_, rows_, cols_, cols_) {}
  MatrixView(T* data_, size_t rows_, size_t cols_, size_t stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {}
  // A view of mutable elements is also a view of const ones.
  template <class U>
  requires std::is_same_v<const U, T> MatrixView(MatrixView<U> other)
      : MatrixView(other.data, other.rows, other.cols, other.stride) {}

  std::span<T> row(size_t i) const { return {data + i * stride, cols}; }
  T& operator()(size_t i, size_t j) const { return data[i * stride + j]; }
};

// A row-major matrix that owns its elements; starts at zero.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(size_t rows, size_t cols) : rows_(rows), cols_(cols), data_(rows * cols) {}

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  std::span<T> row(size_t i) { return {data_.data() + i * cols_, cols_}; }
  std::span<const T> row(size_t i) const { return {data_.data() + i * cols_, cols_}; }
  T& operator()(size_t i, size_t j) { return data_[i * cols_ + j]; }
  const T& operator()(size_t i, size_t j) const { return data_[i * cols_ + j]; }
  MatrixView<T> view() { return {data_.data(), rows_, cols_}; }
  MatrixView<const T> view() const { return {data_.data(), rows_, cols_}; }

 private:
  size_t rows_ = 0;
  size_t cols_ = 0;
  std::vector<T> data_;
};

}  // namespace superpose
