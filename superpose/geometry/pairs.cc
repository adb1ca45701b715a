// SPDX-License-Identifier: Apache-2.0
#include "superpose/geometry/pairs.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "superpose/base/aligned.h"
#include "superpose/geometry/gram.h"
#include "superpose/kernels/kernels.h"

namespace superpose::geometry {
namespace {

constexpr size_t kTile = 192;                    // rows and columns of a tile of cosines: it stays in the second cache
constexpr size_t kInner = 256;                   // with 192 rows of this many floats
constexpr size_t kMostFloats = size_t{1} << 27;  // of unit rows in memory: 512 MiB

// Unit rows [begin, begin + count) in memory. Rows whose length is a power of two would lie in the same cache sets.
struct UnitBlock {
  size_t begin = 0, count = 0, stride = 0;
  AlignedVector<float> rows;
  const float* row(size_t i) const { return rows.data() + (i - begin) * stride; }

  void read(const UnitReader& source, size_t first, size_t some, ThreadPool& pool) {
    begin = first, count = some, stride = kernels::pad(source.cols()) + kernels::kLanes;
    rows.resize(std::max(rows.size(), count * stride));
    pool.parallel_for((count + kChunkRows - 1) / kChunkRows, [&](size_t chunk) {
      const size_t at = chunk * kChunkRows, length = std::min(kChunkRows, count - at);
      double norms[kChunkRows], lengths[kChunkRows];
      source.read(begin + at, length, rows.data() + at * stride, stride, norms, lengths);
    });
  }
};

class AllPairs {
 public:
  AllPairs(const UnitReader& source, double pivot, size_t bins) : m_(source.cols()), pivot_(pivot) {
    out_.counts.assign(bins, 0);
    out_.best.assign(source.rows(), -1.0f);
    out_.partner.assign(source.rows(), 0);
    sums_.assign((source.rows() + kTile - 1) / kTile, {0, 0, 0});
  }

  // Pairs (i, j) with i in `left`, j in `right` and i < j. The blocks are one and the same, or left lies before right.
  void add(const UnitBlock& left, const UnitBlock& right, ThreadPool& pool) {
    const size_t tiles = (right.count + kTile - 1) / kTile;
    // The longest columns of tiles first, so that no thread is left with one at the end.
    pool.parallel_for(tiles, [&](size_t t) { add_column(left, right, right.begin + (tiles - 1 - t) * kTile); });
  }

  PairTotals finish() {
    out_.moments.pivot = pivot_;
    out_.moments.count = pairs_of(out_.best.size());
    for (const auto& s : sums_) out_.moments.first += s[0], out_.moments.second += s[1], out_.squares += s[2];
    return std::move(out_);
  }

 private:
  struct Scratch {
    AlignedVector<float> packed, cosines;
    std::vector<uint32_t> counts;
    float row_best[kTile], column_best[kTile];
    uint32_t row_partner[kTile], column_partner[kTile];
  };

  // The tiles of columns [j0, j0 + kTile).
  void add_column(const UnitBlock& left, const UnitBlock& right, size_t j0) {
    const size_t columns = std::min(kTile, right.begin + right.count - j0), wide = kernels::pad(columns);
    Scratch s;
    s.packed.resize(wide * m_);
    s.cosines.resize(kTile * wide);
    s.counts.assign(out_.counts.size(), 0);
    pack(right, j0, columns, s.packed);
    std::fill_n(s.column_best, columns, -1.0f);
    std::array<double, 3>& sums = sums_[j0 / kTile];
    for (size_t i0 = left.begin; i0 < std::min(left.begin + left.count, j0 + 1); i0 += kTile) {
      const size_t rows = std::min(kTile, left.begin + left.count - i0);
      for (size_t k = 0; k < m_; k += kInner) {
        kernels::gemm_packed({.rows = rows,
                              .columns = wide,
                              .inner = std::min(kInner, m_ - k),
                              .a = left.row(i0) + k,
                              .row_step = left.stride,
                              .inner_step = 1,
                              .packed = s.packed.data() + k * wide,
                              .c = s.cosines.data(),
                              .ldc = wide,
                              .add = k > 0});
      }
      std::fill_n(s.row_best, rows, -1.0f);
      kernels::add_cosines({.c = s.cosines.data(),
                            .rows = rows,
                            .columns = columns,
                            .ldc = wide,
                            .diagonal = i0 == j0,
                            .pivot = static_cast<float>(pivot_),
                            .row_best = s.row_best,
                            .column_best = s.column_best,
                            .row_partner = s.row_partner,
                            .column_partner = s.column_partner,
                            .row_first = static_cast<uint32_t>(i0),
                            .column_first = static_cast<uint32_t>(j0),
                            .counts = s.counts.data(),
                            .bins = s.counts.size()},
                           sums.data());
      merge(i0, rows, s.row_best, s.row_partner);
    }
    merge(j0, columns, s.column_best, s.column_partner);
    const std::lock_guard lock(mutex_);
    for (size_t b = 0; b < s.counts.size(); ++b) out_.counts[b] += s.counts[b];
  }

  // In parts of kInner of the inner size, each as kernels::pack_columns leaves it; missing columns are zero.
  void pack(const UnitBlock& block, size_t j0, size_t columns, AlignedVector<float>& packed) const {
    const size_t wide = kernels::pad(columns);
    const float* from = block.row(j0);
    AlignedVector<float> padded;
    if (wide != columns) {  // the last tile only
      padded.assign(wide * block.stride, 0.0f);
      std::copy_n(from, columns * block.stride, padded.data());
      from = padded.data();
    }
    for (size_t k = 0; k < m_; k += kInner) {
      kernels::pack_columns(from + k, wide, std::min(kInner, m_ - k), block.stride, packed.data() + k * wide);
    }
  }

  // The larger |cos| wins, of equal ones the first partner, so the order of the threads does not show.
  void merge(size_t first, size_t count, const float* best, const uint32_t* partner) {
    const std::lock_guard lock(mutex_);
    for (size_t k = 0; k < count; ++k) {
      if (best[k] < 0) continue;
      float& b = out_.best[first + k];
      uint32_t& p = out_.partner[first + k];
      if (best[k] > b || (best[k] == b && partner[k] < p)) b = best[k], p = partner[k];
    }
  }

  size_t m_;
  double pivot_;
  PairTotals out_;
  std::vector<std::array<double, 3>> sums_;  // by tile of columns; one thread at a time adds to each
  std::mutex mutex_;                         // best, partner, counts
};

// In double, four sums at a time.
double dot(const float* a, const float* b, size_t m) {
  double sum[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= m; j += 4) {
    for (size_t q = 0; q < 4; ++q) sum[q] += static_cast<double>(a[j + q]) * static_cast<double>(b[j + q]);
  }
  for (; j < m; ++j) sum[0] += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace

PairTotals all_pairs(const UnitReader& source, double pivot, size_t bins, ThreadPool& pool) {
  const size_t n = source.rows(), stride = kernels::pad(source.cols()) + kernels::kLanes;
  SUPERPOSE_ASSERT(n >= 2 && n < (uint64_t{1} << 32));
  AllPairs pass(source, static_cast<double>(static_cast<float>(pivot)), bins);
  const size_t fit = kMostFloats / stride;
  const size_t step = n <= fit ? n : std::max<size_t>(fit / 2 / kTile, 1) * kTile;
  UnitBlock left, right;
  for (size_t j = 0; j < n; j += step) {
    right.read(source, j, std::min(step, n - j), pool);
    pass.add(right, right, pool);
    for (size_t i = 0; i < j; i += step) {
      left.read(source, i, step, pool);
      pass.add(left, right, pool);
    }
  }
  return pass.finish();
}

AbsoluteMoments sampled_pairs(const UnitReader& source, double pivot, size_t count, uint64_t seed,
                              std::vector<uint64_t>& counts, ThreadPool& pool) {
  const size_t n = source.rows(), m = source.cols();
  // All at once where all rows fit; otherwise 128 MiB of rows at a time.
  const size_t batch = n <= kMostFloats / m ? count : std::min(count, std::max<size_t>(kMostFloats / 8 / m, 1));
  PairSample sample(seed, n);
  AbsoluteMoments out;
  out.pivot = pivot;
  AlignedVector<float> units;
  std::vector<double> cosines;
  for (size_t done = 0; done < count; done += batch) {
    std::vector<std::array<size_t, 2>> pairs(std::min(batch, count - done));
    std::vector<size_t> wanted;
    for (auto& pair : pairs) {
      pair = sample.next();
      wanted.insert(wanted.end(), pair.begin(), pair.end());
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    units.resize(std::max(units.size(), wanted.size() * m));
    pool.parallel_for((wanted.size() + kChunkRows - 1) / kChunkRows, [&](size_t chunk) {
      const size_t end = std::min(wanted.size(), (chunk + 1) * kChunkRows);
      double norms[kChunkRows], lengths[kChunkRows];
      for (size_t k = chunk * kChunkRows, run; k < end; k += run) {  // rows that follow each other are read at once
        for (run = 1; k + run < end && wanted[k + run] == wanted[k] + run;) ++run;
        source.read(wanted[k], run, units.data() + k * m, m, norms, lengths);
      }
    });
    cosines.assign(pairs.size(), 0);
    pool.parallel_for((pairs.size() + kChunkRows - 1) / kChunkRows, [&](size_t chunk) {
      for (size_t k = chunk * kChunkRows; k < std::min(pairs.size(), (chunk + 1) * kChunkRows); ++k) {
        const float* side[2];
        for (size_t e = 0; e < 2; ++e) {
          const auto found = std::lower_bound(wanted.begin(), wanted.end(), pairs[k][e]);
          side[e] = units.data() + static_cast<size_t>(found - wanted.begin()) * m;
        }
        cosines[k] = dot(side[0], side[1], m);
      }
    });
    for (const double c : cosines) {
      out.add(c);
      if (!counts.empty()) ++counts[histogram_bin(std::abs(c), counts.size())];
    }
  }
  return out;
}

}  // namespace superpose::geometry
