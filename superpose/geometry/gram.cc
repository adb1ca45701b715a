// SPDX-License-Identifier: Apache-2.0
#include "superpose/geometry/gram.h"

#include <algorithm>
#include <string>
#include <vector>

#include "superpose/base/aligned.h"
#include "superpose/base/error.h"
#include "superpose/kernels/kernels.h"

namespace superpose::geometry {
namespace {

constexpr size_t kBlockBytes = size_t{64} << 20;  // of packed rows; two blocks are alive
constexpr size_t kMostBlockRows = 4096;

struct Tile {
  size_t row, column;  // first of each; row <= column
};

struct Block {
  size_t begin = 0, rows = 0;
  AlignedVector<float> packed;  // chunk by chunk, each [wide, chunk rows] as kernels::pack_rows leaves it
  std::vector<double> totals;   // chunk by chunk
  size_t chunks() const { return (rows + kChunkRows - 1) / kChunkRows; }
  size_t chunk_rows(size_t chunk) const { return std::min(kChunkRows, rows - chunk * kChunkRows); }
};

class GramPass {
 public:
  GramPass(const ChunkedRows& A, UpperMatrix* G)
      : A_(A), G_(G), wide_(kernels::pad(A.cols)), tile_(A.cols <= 1024 ? 96 : 192) {
    for (size_t row = 0; G && row < A.cols; row += tile_) {
      for (size_t column = row; column < A.cols; column += tile_) tiles_.push_back({row, column});
    }
    const size_t fit = std::clamp(kBlockBytes / (wide_ * sizeof(float)), kChunkRows, kMostBlockRows);
    block_rows_ = fit / kChunkRows * kChunkRows;
  }

  void run(ThreadPool& pool, double* totals) {
    const size_t blocks = (A_.rows + block_rows_ - 1) / block_rows_;
    Block two[2];
    for (size_t k = 0; k <= blocks; ++k) {
      Block &next = two[k % 2], &now = two[(k + 1) % 2];
      if (k < blocks) {
        next.begin = k * block_rows_;
        next.rows = std::min(block_rows_, A_.rows - next.begin);
        if (G_) next.packed.resize(std::max(next.packed.size(), next.rows * wide_));
        next.totals.assign(next.chunks() * A_.totals, 0.0);
      }
      const size_t loads = k < blocks ? next.chunks() : 0, products = k > 0 ? tiles_.size() : 0;
      pool.parallel_for(loads + products, [&](size_t t) {
        if (t < loads) {
          load(next, t);
        } else {
          multiply(now, tiles_[t - loads]);
        }
      });
      for (size_t chunk = 0; chunk < loads; ++chunk) {
        for (size_t j = 0; j < A_.totals; ++j) totals[j] += next.totals[chunk * A_.totals + j];
      }
    }
  }

 private:
  void load(Block& block, size_t chunk) {
    const size_t count = block.chunk_rows(chunk);
    const auto rows = std::make_unique_for_overwrite<float[]>(count * wide_);
    for (size_t k = 0; k < count; ++k) std::fill(rows.get() + k * wide_ + A_.cols, rows.get() + (k + 1) * wide_, 0.0f);
    A_.fill(block.begin + chunk * kChunkRows, count, rows.get(), wide_, block.totals.data() + chunk * A_.totals);
    if (G_) kernels::pack_rows(rows.get(), wide_, count, wide_, block.packed.data() + chunk * kChunkRows * wide_);
  }

  // The packed form serves both sides of the product: a panel of it is A with its rows one float apart.
  void multiply(const Block& block, const Tile& tile) {
    const size_t rows = std::min(tile_, wide_ - tile.row), columns = std::min(tile_, wide_ - tile.column);
    const size_t panel = kernels::panel_columns();
    const auto sums = std::make_unique_for_overwrite<float[]>(rows * columns);
    for (size_t chunk = 0; chunk < block.chunks(); ++chunk) {
      const size_t inner = block.chunk_rows(chunk);
      const float* packed = block.packed.data() + chunk * kChunkRows * wide_;
      for (size_t i = 0; i < rows; i += panel) {
        const size_t height = std::min(panel, rows - i);
        const size_t first = tile.row == tile.column ? i : 0;  // nothing left of the diagonal
        kernels::gemm_packed({.rows = height,
                              .columns = columns - first,
                              .inner = inner,
                              .a = packed + (tile.row + i) * inner,
                              .row_step = 1,
                              .inner_step = height,
                              .packed = packed + (tile.column + first) * inner,
                              .c = sums.get() + i * columns + first,
                              .ldc = columns,
                              .add = chunk > 0});
      }
    }
    for (size_t i = 0; i < std::min(rows, A_.cols - tile.row); ++i) {
      double* out = G_->row(tile.row + i) + tile.column;
      for (size_t j = tile.row == tile.column ? i : 0; j < std::min(columns, A_.cols - tile.column); ++j) {
        out[j] += static_cast<double>(sums[i * columns + j]);
      }
    }
  }

  const ChunkedRows& A_;
  UpperMatrix* G_;
  size_t wide_, tile_, block_rows_;
  std::vector<Tile> tiles_;
};

}  // namespace

UpperMatrix::UpperMatrix(size_t m) : m_(m) {
  if (m == 0) return;
  if (m < (size_t{1} << 24)) data_.reset(static_cast<double*>(std::calloc(m * m, sizeof(double))));
  if (!data_) {
    throw Error(ErrorKind::unsupported, "a matrix of " + std::to_string(m) + " columns: there is no memory for its " +
                                            std::to_string(m) + " x " + std::to_string(m) + " Gram matrix in double");
  }
}

double sum_of_squares(const UpperMatrix& G) {
  double sum = 0;
  for (size_t a = 0; a < G.side(); ++a) {
    const double* row = G.row(a);
    double above[4] = {0, 0, 0, 0};
    for (size_t b = a + 1; b < G.side(); ++b) above[b % 4] += row[b] * row[b];
    sum += row[a] * row[a] + 2 * ((above[0] + above[1]) + (above[2] + above[3]));
  }
  return sum;
}

void add_gram(const ChunkedRows& A, ThreadPool& pool, UpperMatrix* G, double* totals) {
  SUPERPOSE_ASSERT(!G || G->side() == A.cols);
  if (A.cols > 0) GramPass(A, G).run(pool, totals);
}

}  // namespace superpose::geometry
