// SPDX-License-Identifier: Apache-2.0
// AᵀA of a matrix that is streamed: float32 products of our own, a block of rows at a time on all cores, added up in
// double. The rows of a block are read and packed while the block before it is multiplied. Private to geometry/.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>

#include "superpose/base/threads.h"

namespace superpose::geometry {

// A symmetric matrix [m, m] in double, row-major, of which only j >= i is touched: pages never touched take no memory.
class UpperMatrix {
 public:
  explicit UpperMatrix(size_t m);  // zeros; Error{unsupported} when there is no memory for it
  size_t side() const { return m_; }
  double* row(size_t i) { return data_.get() + i * m_; }
  const double* row(size_t i) const { return data_.get() + i * m_; }
  double* data() { return data_.get(); }

 private:
  struct Free {
    void operator()(double* p) const { std::free(p); }
  };
  size_t m_;
  std::unique_ptr<double[], Free> data_;
};

// Σ of squares of all m² entries, row by row.
double sum_of_squares(const UpperMatrix& G);

// Rows are asked for in chunks of this many, the last one shorter; a chunk begins at a multiple of it.
inline constexpr size_t kChunkRows = 256;

struct ChunkedRows {
  size_t rows, cols;
  size_t totals = 0;  // numbers that each chunk may add up beside its rows
  // Writes rows [begin, begin + count) with `stride` >= cols floats between them, of finite entries near 1 or smaller;
  // adds to chunk_totals [totals], which starts at zero. Called by several threads.
  std::function<void(size_t begin, size_t count, float* out, size_t stride, double* chunk_totals)> fill;
};

// G += AᵀA (G may be null), totals += those of the chunks. Relative to √(G_aa·G_bb) an entry's error is about 1e-7,
// with either sign. Every sum is made in an order that depends on the sizes alone, not on the threads. Memory beside G:
// at most 128 MiB or 512 rows, and 256 rows per thread.
void add_gram(const ChunkedRows& A, ThreadPool& pool, UpperMatrix* G, double* totals);

}  // namespace superpose::geometry
