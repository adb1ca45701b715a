// SPDX-License-Identifier: Apache-2.0
#include "superpose/geometry/rows.h"

#include <string>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/unit_reader.h"

namespace superpose::geometry {

template <class T>
std::vector<double> row_norms(MatrixView<const T> W) {
  std::vector<double> out(W.rows);
  for (size_t i = 0; i < W.rows; ++i) out[i] = row_norm(W.row(i));
  return out;
}

std::vector<double> row_norms(const RowSource& W, ThreadPool& pool) { return source_norms(W, pool); }

template <class T>
std::vector<double> finite_row_norms(MatrixView<const T> W) {
  std::vector<double> out = row_norms(W);
  for (size_t i = 0; i < out.size(); ++i) {
    if (!std::isfinite(out[i])) {
      throw Error(ErrorKind::numeric, "row " + std::to_string(i) + " of the matrix has a norm that is not finite");
    }
  }
  return out;
}

namespace {

// Mean of the listed rows of W / scale. Kahan's sum: the error stays at a few roundings whatever the number of rows,
// which is what lets a row equal to the mean be recognised.
template <class T>
std::vector<double> mean_row(MatrixView<const T> W, const std::vector<size_t>& rows, double scale) {
  std::vector<double> sum(W.cols), lost(W.cols);
  for (const size_t i : rows) {
    const auto row = W.row(i);
    for (size_t j = 0; j < W.cols; ++j) {
      const double x = static_cast<double>(row[j]) / scale - lost[j];
      const double next = sum[j] + x;
      lost[j] = (next - sum[j]) - x;
      sum[j] = next;
    }
  }
  for (double& x : sum) x /= static_cast<double>(rows.size());
  return sum;
}

}  // namespace

template <class T>
UnitRows<T>::UnitRows(MatrixView<const T> W, bool centered, double min_norm) : W_(W) {
  const std::vector<double> norms = finite_row_norms(W);
  double largest = 0;
  for (size_t i = 0; i < W.rows; ++i) {
    if (norms[i] > 0 && norms[i] > min_norm) {
      rows_.push_back(i);
      norms_.push_back(norms[i]);
      largest = std::max(largest, norms[i]);
    }
  }
  if (!centered || rows_.empty()) return;
  // A power of two: dividing by it changes no digit.
  scale_ = std::ldexp(1.0, std::clamp(std::ilogb(largest), -1021, 1022));
  mean_ = mean_row(W, rows_, scale_);
  const double mean_norm = row_norm(std::span<const double>(mean_));
  std::vector<double> row(W.cols);
  size_t kept = 0;
  for (size_t k = 0; k < rows_.size(); ++k) {
    const auto source = W.row(rows_[k]);
    for (size_t j = 0; j < W.cols; ++j) row[j] = static_cast<double>(source[j]) / scale_ - mean_[j];
    const double norm = row_norm(std::span<const double>(row));
    const double rounding = 16 * std::numeric_limits<double>::epsilon() * (norms_[k] / scale_ + mean_norm);
    if (norm <= rounding) continue;
    rows_[kept] = rows_[k];
    norms_[kept] = norm;
    ++kept;
  }
  rows_.resize(kept);
  norms_.resize(kept);
}

template <class T>
void UnitRows<T>::fill_row(size_t k, double* out) const {
  const auto row = W_.row(rows_[k]);
  const double norm = norms_[k];
  if (mean_.empty()) {
    for (size_t j = 0; j < row.size(); ++j) out[j] = static_cast<double>(row[j]) / norm;
  } else {
    for (size_t j = 0; j < row.size(); ++j) out[j] = (static_cast<double>(row[j]) / scale_ - mean_[j]) / norm;
  }
}

template <class T>
void UnitRows<T>::fill(size_t begin, size_t count, double* out) const {
  for (size_t k = 0; k < count; ++k) fill_row(begin + k, out + k * W_.cols);
}

template std::vector<double> row_norms(MatrixView<const float>);
template std::vector<double> row_norms(MatrixView<const double>);
template std::vector<double> finite_row_norms(MatrixView<const float>);
template std::vector<double> finite_row_norms(MatrixView<const double>);
template class UnitRows<float>;
template class UnitRows<double>;

}  // namespace superpose::geometry
