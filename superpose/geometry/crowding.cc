// SPDX-License-Identifier: Apache-2.0
// Row by row: how crowded, which neighbours, which duplicates.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

#include "superpose/base/aligned.h"
#include "superpose/base/error.h"
#include "superpose/geometry/geometry.h"
#include "superpose/geometry/unit_gram.h"
#include "superpose/kernels/kernels.h"

namespace superpose::geometry {
namespace {

constexpr size_t kTile = 192;   // columns of a product at a time
constexpr size_t kInner = 256;  // and its inner size

size_t chunks_of(size_t n) { return (n + kChunkRows - 1) / kChunkRows; }

// T upper triangular with wᵀGw = wᵀTw: G's diagonal, and twice what lies above it. As floats, packed for products:
// column tiles of kTile, each in parts of kInner rows down to the last row with a nonzero.
class PackedTriangle {
 public:
  explicit PackedTriangle(const UpperMatrix& G, ThreadPool& pool) : m_(G.side()), tiles_((m_ + kTile - 1) / kTile) {
    parts_.resize(tiles_);
    pool.parallel_for(tiles_, [&](size_t t) {
      const size_t first = t * kTile, wide = width(t), inner = height(t);
      parts_[t].resize(inner * wide);
      std::vector<float> rows(kInner * wide);
      for (size_t k = 0; k < inner; k += kInner) {
        const size_t some = std::min(kInner, inner - k);
        for (size_t a = k; a < k + some; ++a) {
          for (size_t c = 0; c < wide; ++c) {
            const size_t b = first + c;
            const double x = b >= m_ || b < a ? 0 : a == b ? G.row(a)[b] : 2 * G.row(a)[b];
            rows[(a - k) * wide + c] = static_cast<float>(x);
          }
        }
        kernels::pack_rows(rows.data(), wide, some, wide, parts_[t].data() + k * wide);
      }
    });
  }

  // form[i] += w_iᵀ T w_i for the rows of `units`.
  void add_forms(const float* units, size_t count, size_t stride, double* form) const {
    const auto product = std::make_unique_for_overwrite<float[]>(count * kTile);
    for (size_t t = 0; t < tiles_; ++t) {
      const size_t first = t * kTile, wide = width(t), inner = height(t);
      for (size_t k = 0; k < inner; k += kInner) {
        kernels::gemm_packed({.rows = count,
                              .columns = wide,
                              .inner = std::min(kInner, inner - k),
                              .a = units + k,
                              .row_step = stride,
                              .inner_step = 1,
                              .packed = parts_[t].data() + k * wide,
                              .c = product.get(),
                              .ldc = wide,
                              .add = k > 0});
      }
      for (size_t i = 0; i < count; ++i) {
        double sum = 0;
        for (size_t c = 0; c < std::min(wide, m_ - first); ++c) {
          sum += static_cast<double>(product[i * wide + c]) * static_cast<double>(units[i * stride + first + c]);
        }
        form[i] += sum;
      }
    }
  }

 private:
  size_t width(size_t t) const { return kernels::pad(std::min(kTile, m_ - t * kTile)); }
  size_t height(size_t t) const { return std::min(m_, (t + 1) * kTile); }

  size_t m_, tiles_;
  std::vector<AlignedVector<float>> parts_;
};

// A row more than the padded width apart, see pairs.cc.
size_t stride_of(size_t m) { return kernels::pad(m) + kernels::kLanes; }

// |cos| descending, the first of equals first.
bool before(const Neighbor& a, const Neighbor& b) {
  const double x = std::abs(a.cosine), y = std::abs(b.cosine);
  return x > y || (x == y && a.row < b.row);
}

// The k best of those given, in order.
void keep_best(std::vector<Neighbor>& found, size_t k) {
  k = std::min(k, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k), found.end(), before);
  found.resize(k);
}

// 64 bits of the values of a row; -0 and 0 are equal.
uint64_t hash_row(const double* row, size_t m) {
  uint64_t hash = 0x9E3779B97F4A7C15u;
  for (size_t j = 0; j < m; ++j) {
    const double x = row[j] == 0 ? 0.0 : row[j];
    uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    hash = (hash ^ bits) * 0xBF58476D1CE4E5B9u;
    hash ^= hash >> 31;
  }
  return hash;
}

}  // namespace

std::vector<std::optional<double>> crowding(const RowSource& W, bool centered, ThreadPool& pool) {
  const size_t n = W.rows(), m = W.cols();
  UnitReader rows(W);
  if (centered) rows.center(pool);
  UnitGram units = unit_gram(rows, m > 0, pool);
  std::vector<std::optional<double>> out(n);
  if (units.chosen.size() < 2) return out;
  const PackedTriangle triangle(*units.gram, pool);
  units.gram.reset();
  pool.parallel_for(chunks_of(n), [&](size_t chunk) {
    const size_t begin = chunk * kChunkRows, count = std::min(kChunkRows, n - begin), stride = stride_of(m);
    const auto unit = std::make_unique_for_overwrite<float[]>(count * stride);
    double norms[kChunkRows], lengths[kChunkRows], form[kChunkRows] = {};
    rows.read(begin, count, unit.get(), stride, norms, lengths);
    triangle.add_forms(unit.get(), count, stride, form);
    for (size_t i = 0; i < count; ++i) {
      if (lengths[i] == 0) continue;
      double own = 0;
      for (size_t j = 0; j < m; ++j) {
        own += static_cast<double>(unit[i * stride + j]) * static_cast<double>(unit[i * stride + j]);
      }
      const double others = static_cast<double>(units.chosen.size() - 1);
      out[begin + i] = std::clamp((form[i] - own * own) / others, 0.0, 1.0);
    }
  });
  return out;
}

std::vector<std::vector<Neighbor>> nearest(const RowSource& W, std::span<const size_t> rows, size_t k, bool centered,
                                           ThreadPool& pool) {
  const size_t n = W.rows(), m = W.cols(), wanted = rows.size();
  std::vector<std::vector<Neighbor>> out(wanted);
  if (m == 0 || k == 0) return out;
  UnitReader reader(W);
  if (centered) reader.center(pool);
  AlignedVector<float> queries(kernels::pad(wanted) * m, 0.0f), packed(queries.size());
  std::vector<double> query_lengths(wanted);
  for (size_t q = 0; q < wanted; ++q) {
    SUPERPOSE_ASSERT(rows[q] < n);
    double norm;
    reader.read(rows[q], 1, queries.data() + q * m, m, &norm, &query_lengths[q]);
  }
  const size_t wide = kernels::pad(wanted);
  for (size_t at = 0; at < m; at += kInner) {
    kernels::pack_columns(queries.data() + at, wide, std::min(kInner, m - at), m, packed.data() + at * wide);
  }
  std::vector<std::vector<std::vector<Neighbor>>> found(chunks_of(n), std::vector<std::vector<Neighbor>>(wanted));
  pool.parallel_for(found.size(), [&](size_t chunk) {
    const size_t begin = chunk * kChunkRows, count = std::min(kChunkRows, n - begin), stride = stride_of(m);
    const auto unit = std::make_unique_for_overwrite<float[]>(count * stride);
    const auto cosine = std::make_unique_for_overwrite<float[]>(count * wide);
    double norms[kChunkRows], lengths[kChunkRows];
    reader.read(begin, count, unit.get(), stride, norms, lengths);
    for (size_t at = 0; at < m; at += kInner) {
      kernels::gemm_packed({.rows = count,
                            .columns = wide,
                            .inner = std::min(kInner, m - at),
                            .a = unit.get() + at,
                            .row_step = stride,
                            .inner_step = 1,
                            .packed = packed.data() + at * wide,
                            .c = cosine.get(),
                            .ldc = wide,
                            .add = at > 0});
    }
    for (size_t q = 0; q < wanted; ++q) {
      if (query_lengths[q] == 0) continue;
      std::vector<Neighbor>& best = found[chunk][q];
      for (size_t i = 0; i < count; ++i) {
        if (lengths[i] == 0 || begin + i == rows[q]) continue;
        const double c = static_cast<double>(cosine[i * wide + q]);
        best.push_back({begin + i, std::clamp(c, -1.0, 1.0)});
      }
      keep_best(best, k);
    }
  });
  for (size_t q = 0; q < wanted; ++q) {
    for (const auto& chunk : found) out[q].insert(out[q].end(), chunk[q].begin(), chunk[q].end());
    keep_best(out[q], k);
  }
  return out;
}

std::vector<std::vector<size_t>> duplicate_rows(const RowSource& W, ThreadPool& pool) {
  const size_t n = W.rows(), m = W.cols();
  std::vector<std::vector<size_t>> out;
  if (m == 0) return out;
  struct Hashed {
    uint64_t hash;
    size_t row;
    bool zero;
  };
  std::vector<Hashed> all(n);
  pool.parallel_for(chunks_of(n), [&](size_t chunk) {
    const size_t begin = chunk * kChunkRows, count = std::min(kChunkRows, n - begin);
    const auto rows = std::make_unique_for_overwrite<double[]>(count * m);
    W.read(begin, count, rows.get());
    for (size_t i = 0; i < count; ++i) {
      const double* row = rows.get() + i * m;
      all[begin + i] = {hash_row(row, m), begin + i, std::all_of(row, row + m, [](double x) { return x == 0; })};
    }
  });
  std::erase_if(all, [](const Hashed& h) { return h.zero; });
  std::sort(all.begin(), all.end(),
            [](const Hashed& a, const Hashed& b) { return a.hash < b.hash || (a.hash == b.hash && a.row < b.row); });
  std::vector<double> one(m), other(m);
  for (size_t first = 0, end; first < all.size(); first = end) {
    for (end = first + 1; end < all.size() && all[end].hash == all[first].hash;) ++end;
    // Equal hashes are only a promise: rows are compared with the first one of each group that they might belong to.
    std::vector<std::vector<size_t>> groups;
    for (size_t k = first; end - first > 1 && k < end; ++k) {
      W.read(all[k].row, 1, one.data());
      const auto same = [&](const std::vector<size_t>& group) {
        W.read(group.front(), 1, other.data());
        return one == other;
      };
      const auto group = std::find_if(groups.begin(), groups.end(), same);
      if (group == groups.end()) {
        groups.push_back({all[k].row});
      } else {
        group->push_back(all[k].row);
      }
    }
    for (auto& group : groups) {
      if (group.size() > 1) out.push_back(std::move(group));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace superpose::geometry
