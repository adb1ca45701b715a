// SPDX-License-Identifier: Apache-2.0
// |cos| of pairs of rows of a source: of all of them, tile by tile on all cores, or of a sample. Private to geometry/.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "superpose/base/philox.h"
#include "superpose/geometry/unit_reader.h"

namespace superpose::geometry {

inline double pairs_of(size_t n) { return 0.5 * static_cast<double>(n) * (static_cast<double>(n) - 1); }

inline size_t histogram_bin(double x, size_t bins) {
  return std::min(static_cast<size_t>(x * static_cast<double>(bins)), bins - 1);
}

// Running moments of |cos| about a pivot near their mean: when all overlaps are equal the spread comes out as zero,
// where mean square minus squared mean would leave the square root of a rounding error.
struct AbsoluteMoments {
  double pivot = 0, count = 0, first = 0, second = 0, largest = 0;
  void add(double cosine) {
    const double x = std::abs(cosine), d = x - pivot;
    count += 1;
    first += d;
    second += d * d;
    largest = std::max(largest, x);
  }
  double mean() const { return pivot + first / count; }
  double variance() const { return std::max(0.0, second / count - (first / count) * (first / count)); }
};

// Pair k of the sample that `seed` names, of n >= 2 rows: i != j, each ordered pair as likely to within n / 2^64.
class PairSample {
 public:
  PairSample(uint64_t seed, size_t n) : random_(seed, RandomStream::pair_sample), n_(n) {}
  std::array<size_t, 2> next() {
    const PhiloxBlock draw = random_.next();
    const size_t i = below(draw[0], draw[1], n_);
    size_t j = below(draw[2], draw[3], n_ - 1);
    if (j >= i) ++j;
    return {i, j};
  }

 private:
  static size_t below(uint32_t high, uint32_t low, size_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<size_t>((Wide{(uint64_t{high} << 32) | low} * bound) >> 64);
  }
  RandomBlocks random_;
  size_t n_;
};

struct PairTotals {
  AbsoluteMoments moments;        // without `largest`
  double squares = 0;             // Σ cos²
  std::vector<uint64_t> counts;   // |cos| in equal bins of [0, 1]
  std::vector<float> best;        // largest |cos| of each row
  std::vector<uint32_t> partner;  // and the first row it was found with
};

// Over all pairs; 2 <= rows < 2^32, all of which take part. n²·m operations in float32, n·m floats in memory up to
// 512 MiB, beyond that half as much at a time, read again and again.
PairTotals all_pairs(const UnitReader& rows, double pivot, size_t bins, ThreadPool& pool);

// Of `count` pairs drawn with replacement; all of the rows, at least two, take part. They are read in ascending order,
// all at once where their floats take at most 512 MiB, otherwise 128 MiB of them for a batch of pairs at a time.
// counts: of |cos| in equal bins of [0, 1], added to; empty: not wanted.
AbsoluteMoments sampled_pairs(const UnitReader& rows, double pivot, size_t count, uint64_t seed,
                              std::vector<uint64_t>& counts, ThreadPool& pool);

}  // namespace superpose::geometry
