// SPDX-License-Identifier: Apache-2.0
// What is asked of every pair of rows, a tile of cosines at a time: see add_cosines in kernels.h.
#include <algorithm>
#include <cmath>

#include "superpose/kernels/kernels.h"
#include "superpose/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "superpose/kernels/simd/cosines.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace superpose::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLanes>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;

// One row, columns [begin, tile.columns): whole vectors first, then one by one.
class Row {
 public:
  Row(const CosineTile& tile, size_t i) : tile_(tile), i_(i), c_(tile.c + i * tile.ldc) {}

  void Add(size_t begin, double sums[3]) {
    if (begin >= tile_.columns) return;  // the last row of a tile on the diagonal
    const D tag;
    const size_t lanes = hn::Lanes(tag);
    const V pivot = hn::Set(tag, tile_.pivot);
    V first = hn::Zero(tag), second = hn::Zero(tag), squares = hn::Zero(tag), largest = hn::Zero(tag);
    size_t j = begin;
    for (; j + lanes <= tile_.columns; j += lanes) {
      const V x = hn::Abs(hn::LoadU(tag, c_ + j));
      const V d = hn::Sub(x, pivot);
      first = hn::Add(first, d);
      second = hn::MulAdd(d, d, second);
      squares = hn::MulAdd(x, x, squares);
      largest = hn::Max(largest, x);
      // A record of a column becomes rare after the first rows.
      if (!hn::AllFalse(tag, hn::Gt(x, hn::LoadU(tag, tile_.column_best + j)))) {
        for (size_t k = j; k < j + lanes; ++k) Column(k, std::abs(c_[k]));
      }
      if (tile_.bins != 0) Count(x);
    }
    float rest_first = 0, rest_second = 0, rest_squares = 0;
    float best = hn::GetLane(hn::MaxOfLanes(tag, largest));  // >= 0, and one of the values from `begin` on
    for (; j < tile_.columns; ++j) {
      const float x = std::abs(c_[j]), d = x - tile_.pivot;
      rest_first += d;
      rest_second += d * d;
      rest_squares += x * x;
      best = std::max(best, x);
      Column(j, x);
      if (tile_.bins != 0) ++tile_.counts[Bin(x)];
    }
    sums[0] += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, first))) + static_cast<double>(rest_first);
    sums[1] += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, second))) + static_cast<double>(rest_second);
    sums[2] += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, squares))) + static_cast<double>(rest_squares);
    if (best > tile_.row_best[i_]) Record(begin, best);
  }

 private:
  void Column(size_t j, float x) {
    if (x > tile_.column_best[j]) {
      tile_.column_best[j] = x;
      tile_.column_partner[j] = tile_.row_first + static_cast<uint32_t>(i_);
    }
  }

  void Record(size_t begin, float best) {
    size_t j = begin;
    while (std::abs(c_[j]) != best) ++j;
    tile_.row_best[i_] = best;
    tile_.row_partner[i_] = tile_.column_first + static_cast<uint32_t>(j);
  }

  size_t Bin(float x) const {
    return std::min(static_cast<size_t>(x * static_cast<float>(tile_.bins)), tile_.bins - 1);
  }

  void Count(V x) {
    const D tag;
    const DI tag_i;
    HWY_ALIGN int32_t bin[kLanes];
    const auto place = hn::ConvertTo(tag_i, hn::Mul(x, hn::Set(tag, static_cast<float>(tile_.bins))));
    hn::Store(hn::Min(place, hn::Set(tag_i, static_cast<int32_t>(tile_.bins) - 1)), tag_i, bin);
    for (size_t k = 0; k < hn::Lanes(tag); ++k) ++tile_.counts[bin[k]];
  }

  const CosineTile& tile_;
  size_t i_;
  const float* c_;
};

void AddCosines(const CosineTile& tile, double sums[3]) {
  for (size_t i = 0; i < tile.rows; ++i) Row(tile, i).Add(tile.diagonal ? i + 1 : 0, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace superpose::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace superpose::kernels {

HWY_EXPORT(AddCosines);

void add_cosines(const CosineTile& tile, double sums[3]) { HWY_DYNAMIC_DISPATCH(AddCosines)(tile, sums); }

}  // namespace superpose::kernels
#endif  // HWY_ONCE
