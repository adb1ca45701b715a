// SPDX-License-Identifier: Apache-2.0
// The unit rows of a source, as floats, for the passes over matrices that do not fit into memory: what UnitRows
// (rows.h) is for those that do, with the same rules on which rows take part. Private to geometry/.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "superpose/base/rows.h"
#include "superpose/base/threads.h"

namespace superpose::geometry {

class UnitReader {
 public:
  // The source must outlive it. Uncentred, unless `center` is called.
  explicit UnitReader(const RowSource& source, double min_norm = 0) : source_(&source), min_norm_(min_norm) {}
  size_t rows() const { return source_->rows(); }
  size_t cols() const { return source_->cols(); }

  // From now on the mean of the rows that take part is subtracted first: a pass over the source, or two of an F64 one.
  // Memory: 256·m doubles.
  void center(ThreadPool& pool);

  // What is subtracted, when centred and the source is not F64 (elsewhere it is in units of the source's scale).
  const std::vector<double>& mean() const { return mean_; }

  // The same means and rules over some of the rows.
  UnitReader over(const RowSource& some) const {
    UnitReader out = *this;
    out.source_ = &some;
    return out;
  }

  // Rows [begin, begin + count) with `stride` floats between them; zeros for a row that takes no part. norms [count]:
  // of the rows as they are in the source. lengths [count]: what the row, centred or not, was divided by, 0 for one
  // that takes no part. Thread-safe.
  void read(size_t begin, size_t count, float* out, size_t stride, double* norms, double* lengths) const;

 private:
  template <class T>
  void read_as(size_t begin, size_t count, float* out, size_t stride, double* norms, double* lengths) const;
  template <class T>
  void center_as(ThreadPool& pool);

  const RowSource* source_;
  double min_norm_;
  std::vector<double> mean_;  // [m], of rows times scale_; empty when not centred
  double scale_ = 1;          // a power of two, so that sums of an F64 source cannot overflow
  double mean_norm_ = 0;
};

// Row norms of a source in one pass; the same numbers as row_norms of the matrix.
std::vector<double> source_norms(const RowSource& source, ThreadPool& pool);

}  // namespace superpose::geometry
