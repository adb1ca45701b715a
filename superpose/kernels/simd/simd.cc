// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set by Highway's foreach_target; HWY_DYNAMIC_DISPATCH picks one at run time.
#include <algorithm>
#include <cmath>

#include "superpose/base/philox.h"
#include "superpose/kernels/kernels.h"
#include "superpose/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "superpose/kernels/simd/simd.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace superpose::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kLanes>;
using DU = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;

// Appends the lanes of `keep`. Compress in a register and store the whole vector: compressing straight to memory is
// microcoded on Zen 4 and several times slower.
HWY_INLINE void AppendValues(D tag, V x, hn::Mask<D> keep, float* out) { hn::StoreU(hn::Compress(x, keep), tag, out); }
using VU = hn::Vec<DU>;
HWY_INLINE void AppendIndex(VU columns, hn::Mask<D> keep, uint32_t* out) {
  const DU tag_u;
  hn::StoreU(hn::Compress(columns, hn::RebindMask(tag_u, keep)), tag_u, out);
}

// z is linear in v, so a column is positive for some sample of the group only if it is so for the smallest or the
// largest v: most vectors need no more than that look. Two vectors at a time; the sums stay in registers.
size_t ReluGroupImpl(const ReluGroup& in, const ReluGroupList& out, double* sum_square) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  const V zero = hn::Zero(tag), low = hn::Set(tag, in.v_min), high = hn::Set(tag, in.v_max);
  V sum = zero;
  size_t count = 0;
  const VU first = hn::Iota(DU(), 0);
  const auto append = [&](size_t j, V d, V e) HWY_ATTR {
    const auto keep = hn::Gt(e, zero);
    AppendIndex(hn::Add(first, hn::Set(DU(), static_cast<uint32_t>(j))), keep, out.index + count);
    AppendValues(tag, d, keep, out.d + count);
    AppendValues(tag, e, keep, out.e + count);
    count += hn::CountTrue(tag, keep);
  };
  for (size_t j = 0; j < in.padded; j += 2 * lanes) {
    // An odd last vector is done twice; the second copy is never positive.
    const bool pair = j + lanes < in.padded;
    const V g0 = hn::LoadU(tag, in.g + j), b0 = hn::LoadU(tag, in.b + j);
    const V g1 = pair ? hn::LoadU(tag, in.g + j + lanes) : zero;
    const V b1 = pair ? hn::LoadU(tag, in.b + j + lanes) : hn::Set(tag, -1.0f);
    const V best0 = hn::Max(hn::MulAdd(low, g0, b0), hn::MulAdd(high, g0, b0));
    const V best1 = hn::Max(hn::MulAdd(low, g1, b1), hn::MulAdd(high, g1, b1));
    if (hn::AllFalse(tag, hn::Gt(hn::Max(best0, best1), zero))) continue;
    V d0 = zero, d1 = zero, e0 = zero, e1 = zero;
    for (size_t s = 0; s < in.samples; ++s) {
      const V value = hn::Set(tag, in.v[s]);
      const V y0 = hn::Max(hn::MulAdd(value, g0, b0), zero);
      const V y1 = hn::Max(hn::MulAdd(value, g1, b1), zero);
      sum = hn::MulAdd(y0, y0, sum);
      d0 = hn::MulAdd(value, y0, d0);
      d1 = hn::MulAdd(value, y1, d1);
      e0 = hn::Add(e0, y0);
      e1 = hn::Add(e1, y1);
      sum = hn::MulAdd(y1, y1, sum);
    }
    append(j, d0, e0);
    append(j + lanes, d1, e1);
  }
  *sum_square += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
  return count;
}

// kActive: the number of rows when it is known (then the values stay in registers), or 0.
template <size_t kActive>
HWY_INLINE size_t ReluSumOf(const ReluSum& in, uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT y) {
  const D tag;
  const size_t lanes = hn::Lanes(tag), active = kActive == 0 ? in.active : kActive;
  const V zero = hn::Zero(tag);
  size_t count = 0;
  VU columns = hn::Iota(DU(), 0);  // once: it is made lane by lane in memory
  const VU width = hn::Set(DU(), static_cast<uint32_t>(lanes));
  const auto append = [&](V z) HWY_ATTR {
    const auto keep = hn::Gt(z, zero);
    AppendIndex(columns, keep, index + count);
    columns = hn::Add(columns, width);
    AppendValues(tag, z, keep, y + count);
    count += hn::CountTrue(tag, keep);
  };
  size_t j = 0;
  for (; j + 2 * lanes <= in.padded; j += 2 * lanes) {
    V z0 = hn::LoadU(tag, in.b + j), z1 = hn::LoadU(tag, in.b + j + lanes);
    for (size_t k = 0; k < active; ++k) {
      const V value = hn::Set(tag, in.v[k]);
      z0 = hn::MulAdd(value, hn::LoadU(tag, in.g[k] + j), z0);
      z1 = hn::MulAdd(value, hn::LoadU(tag, in.g[k] + j + lanes), z1);
    }
    if (hn::AllFalse(tag, hn::Gt(hn::Max(z0, z1), zero))) {  // the rule where few outputs are positive
      columns = hn::Add(columns, hn::Add(width, width));
      continue;
    }
    append(z0);
    append(z1);
  }
  for (; j < in.padded; j += lanes) {
    V z = hn::LoadU(tag, in.b + j);
    for (size_t k = 0; k < active; ++k) z = hn::MulAdd(hn::Set(tag, in.v[k]), hn::LoadU(tag, in.g[k] + j), z);
    append(z);
  }
  return count;
}

double SumSquares(const float* x, size_t padded) {
  const D tag;
  V sum = hn::Zero(tag);
  for (size_t j = 0; j < padded; j += hn::Lanes(tag)) {
    const V value = hn::LoadU(tag, x + j);
    sum = hn::MulAdd(value, value, sum);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
}

size_t ReluSumImpl(const ReluSum& in, uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT y, double* sum_square) {
  const size_t count = in.active == 1   ? ReluSumOf<1>(in, index, y)
                       : in.active == 2 ? ReluSumOf<2>(in, index, y)
                       : in.active == 3 ? ReluSumOf<3>(in, index, y)
                                        : ReluSumOf<0>(in, index, y);
  std::fill(y + count, y + pad(count), 0.0f);
  *sum_square += SumSquares(y, pad(count));
  return count;
}

// kVectors vectors of each row, starting at column `at`. With few vectors per row one sum would wait for itself, so
// kChains of them take the rows in turn.
template <size_t kVectors, size_t kChains>
HWY_INLINE void GatherPart(const SparseRow& in, const float* HWY_RESTRICT W, size_t at, float* HWY_RESTRICT sum) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  V acc[kChains][kVectors];
  for (size_t c = 0; c < kChains; ++c) {
    for (size_t q = 0; q < kVectors; ++q) acc[c][q] = hn::Zero(tag);
  }
  size_t t = 0;
  for (; t + kChains <= in.count; t += kChains) {
    for (size_t c = 0; c < kChains; ++c) {
      const V value = hn::Set(tag, in.value[t + c]);
      const float* row = W + in.index[t + c] * in.stride + at;
      for (size_t q = 0; q < kVectors; ++q) acc[c][q] = hn::MulAdd(value, hn::LoadU(tag, row + q * lanes), acc[c][q]);
    }
  }
  for (; t < in.count; ++t) {
    const V value = hn::Set(tag, in.value[t]);
    const float* row = W + in.index[t] * in.stride + at;
    for (size_t q = 0; q < kVectors; ++q) acc[0][q] = hn::MulAdd(value, hn::LoadU(tag, row + q * lanes), acc[0][q]);
  }
  for (size_t q = 0; q < kVectors; ++q) {
    V total = acc[0][q];
    for (size_t c = 1; c < kChains; ++c) total = hn::Add(total, acc[c][q]);
    hn::StoreU(hn::Add(hn::LoadU(tag, sum + at + q * lanes), total), tag, sum + at + q * lanes);
  }
}

template <size_t kVectors>
HWY_INLINE void ScatterPart(const SparseRow& in, const float* HWY_RESTRICT w, size_t at, float* HWY_RESTRICT G) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  V wv[kVectors];
  for (size_t q = 0; q < kVectors; ++q) wv[q] = hn::LoadU(tag, w + at + q * lanes);
  for (size_t t = 0; t < in.count; ++t) {
    const V value = hn::Set(tag, in.value[t]);
    float* row = G + in.index[t] * in.stride + at;
    for (size_t q = 0; q < kVectors; ++q) {
      hn::StoreU(hn::MulAdd(value, wv[q], hn::LoadU(tag, row + q * lanes)), tag, row + q * lanes);
    }
  }
}

// Both walk a row in parts of at most eight vectors (what stays in registers), widest first.
void GatherRows(const SparseRow& in, const float* HWY_RESTRICT W, float* HWY_RESTRICT sum) {
  const size_t lanes = hn::Lanes(D());
  size_t at = 0;
  for (; at + 8 * lanes <= in.stride; at += 8 * lanes) GatherPart<8, 1>(in, W, at, sum);
  switch ((in.stride - at) / lanes) {
    case 7:
      return GatherPart<7, 1>(in, W, at, sum);
    case 6:
      return GatherPart<6, 1>(in, W, at, sum);
    case 5:
      return GatherPart<5, 1>(in, W, at, sum);
    case 4:
      return GatherPart<4, 2>(in, W, at, sum);
    case 3:
      return GatherPart<3, 2>(in, W, at, sum);
    case 2:
      return GatherPart<2, 4>(in, W, at, sum);
    case 1:
      return GatherPart<1, 4>(in, W, at, sum);
    default:
      return;
  }
}

void ScatterRows(const SparseRow& in, const float* HWY_RESTRICT w, float* HWY_RESTRICT G) {
  const size_t lanes = hn::Lanes(D());
  size_t at = 0;
  for (; at + 8 * lanes <= in.stride; at += 8 * lanes) ScatterPart<8>(in, w, at, G);
  switch ((in.stride - at) / lanes) {
    case 7:
      return ScatterPart<7>(in, w, at, G);
    case 6:
      return ScatterPart<6>(in, w, at, G);
    case 5:
      return ScatterPart<5>(in, w, at, G);
    case 4:
      return ScatterPart<4>(in, w, at, G);
    case 3:
      return ScatterPart<3>(in, w, at, G);
    case 2:
      return ScatterPart<2>(in, w, at, G);
    case 1:
      return ScatterPart<1>(in, w, at, G);
    default:
      return;
  }
}

// Columns of a panel: two vectors. A panel is packed inner-first: packed[panel][k][column].
constexpr size_t kPanelVectors = 2;

void PackColumns(const float* HWY_RESTRICT B, size_t columns, size_t inner, size_t ldb, float* HWY_RESTRICT packed) {
  const D tag;
  const hn::RebindToSigned<D> tag_i;
  const size_t lanes = hn::Lanes(tag), panel = kPanelVectors * lanes;
  const auto stride = hn::Mul(hn::Iota(tag_i, 0), hn::Set(tag_i, static_cast<int32_t>(ldb)));
  for (size_t first = 0; first < columns; first += panel) {
    const size_t width = std::min(panel, columns - first);
    for (size_t part = 0; part < width; part += lanes) {
      const float* rows = B + (first + part) * ldb;
      float* out = packed + first * inner + part;
      for (size_t k = 0; k < inner; ++k) hn::StoreU(hn::GatherIndex(tag, rows + k, stride), tag, out + k * width);
    }
  }
}

void PackRows(const float* HWY_RESTRICT B, size_t columns, size_t inner, size_t ldb, float* HWY_RESTRICT packed) {
  const size_t panel = kPanelVectors * hn::Lanes(D());
  for (size_t first = 0; first < columns; first += panel) {
    const size_t width = std::min(panel, columns - first);
    for (size_t k = 0; k < inner; ++k) std::copy_n(B + k * ldb + first, width, packed + first * inner + k * width);
  }
}

size_t PanelColumns() { return kPanelVectors * hn::Lanes(D()); }

// C [kRows, kVectors vectors] = or += A [kRows, inner] · panel; the sums of all of C stay in registers.
template <size_t kRows, size_t kVectors>
HWY_INLINE void GemmBlock(const GemmPacked& g, size_t row, size_t column) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  const float* HWY_RESTRICT a = g.a + row * g.row_step;
  const float* HWY_RESTRICT b = g.packed + column * g.inner;
  V acc[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t q = 0; q < kVectors; ++q) acc[r][q] = hn::Zero(tag);
  }
  for (size_t k = 0; k < g.inner; ++k) {
    V bv[kVectors];
    for (size_t q = 0; q < kVectors; ++q) bv[q] = hn::LoadU(tag, b + (k * kVectors + q) * lanes);
    for (size_t r = 0; r < kRows; ++r) {
      const V av = hn::Set(tag, a[r * g.row_step + k * g.inner_step]);
      for (size_t q = 0; q < kVectors; ++q) acc[r][q] = hn::MulAdd(av, bv[q], acc[r][q]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    float* c = g.c + (row + r) * g.ldc + column;
    for (size_t q = 0; q < kVectors; ++q) {
      const V sum = g.add ? hn::Add(hn::LoadU(tag, c + q * lanes), acc[r][q]) : acc[r][q];
      hn::StoreU(sum, tag, c + q * lanes);
    }
  }
}

template <size_t kVectors>
HWY_INLINE void GemmPanel(const GemmPacked& g, size_t column) {
  // 12 x 2 sums and their operands fit into 32 registers (AVX-512, NEON), 6 x 2 into 16.
  constexpr size_t kTall = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM ? 12 : 6;
  size_t row = 0;
  for (; row + kTall <= g.rows; row += kTall) GemmBlock<kTall, kVectors>(g, row, column);
  for (; row + 4 <= g.rows; row += 4) GemmBlock<4, kVectors>(g, row, column);
  for (; row < g.rows; ++row) GemmBlock<1, kVectors>(g, row, column);
}

void GemmPackedImpl(const GemmPacked& g) {
  const size_t lanes = hn::Lanes(D());
  for (size_t column = 0; column < g.columns; column += kPanelVectors * lanes) {
    if (g.columns - column >= kPanelVectors * lanes) {
      GemmPanel<kPanelVectors>(g, column);
    } else {
      GemmPanel<1>(g, column);
    }
  }
}

// The first word of Philox4x32-10 (base/philox.h) for as many counters as there are lanes.
HWY_INLINE VU FirstWord(VU feature, const PhiloxCounter& at) {
  const DU tag;
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(tag, philox4x32({0, hn::GetLane(feature), at.step, at.stream},
                                 {static_cast<uint32_t>(at.seed), static_cast<uint32_t>(at.seed >> 32)})[0]);
#else
  const hn::Repartition<uint64_t, DU> wide;
  // x·factor: the upper and the lower halves of the 64-bit products. Both multiplications take every other lane.
  const auto multiply = [&](VU x, VU factor, VU& high, VU& low) HWY_ATTR {
    const auto even = hn::MulEven(x, factor);
    const auto odd = hn::MulEven(hn::BitCast(tag, hn::ShiftRight<32>(hn::BitCast(wide, x))), factor);
    high = hn::OddEven(hn::BitCast(tag, odd), hn::BitCast(tag, hn::ShiftRight<32>(even)));
    low = hn::OddEven(hn::BitCast(tag, hn::ShiftLeft<32>(odd)), hn::BitCast(tag, even));
  };
  const VU factor0 = hn::Set(tag, 0xD2511F53), factor1 = hn::Set(tag, 0xCD9E8D57);
  VU c0 = hn::Zero(tag), c1 = feature, c2 = hn::Set(tag, at.step), c3 = hn::Set(tag, at.stream);
  auto key0 = static_cast<uint32_t>(at.seed), key1 = static_cast<uint32_t>(at.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    VU high0, low0, high1, low1;
    multiply(c0, factor0, high0, low0);
    multiply(c2, factor1, high1, low1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(tag, key0));
    c1 = low1;
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(tag, key1));
    c3 = low0;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c0;
#endif
}

size_t PhiloxAtLeast(const PhiloxCounter& at, const uint32_t* HWY_RESTRICT threshold, size_t padded,
                     uint32_t* HWY_RESTRICT index) {
  const DU tag;
  const size_t lanes = hn::Lanes(tag);
  VU feature = hn::Iota(tag, 0);
  size_t count = 0;
  for (size_t j = 0; j < padded; j += lanes) {
    const VU word = FirstWord(feature, at);
    const auto least = hn::LoadU(tag, threshold + j);
    const auto keep = hn::Eq(hn::Max(word, least), word);  // word >= least; there is no unsigned comparison everywhere
    hn::StoreU(hn::Compress(feature, keep), tag, index + count);
    count += hn::CountTrue(tag, keep);
    feature = hn::Add(feature, hn::Set(tag, static_cast<uint32_t>(lanes)));
  }
  return count;
}

void AddScaled(float a, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, size_t padded) {
  const D tag;
  const V scale = hn::Set(tag, a);
  for (size_t j = 0; j < padded; j += hn::Lanes(tag)) {
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(tag, x + j), hn::LoadU(tag, y + j)), tag, y + j);
  }
}

void AdamUpdate(float* HWY_RESTRICT W, const float* HWY_RESTRICT gradient, float* HWY_RESTRICT moment1,
                float* HWY_RESTRICT moment2, size_t padded, const AdamCoefficients& c) {
  const D tag;
  const V beta1 = hn::Set(tag, c.beta1), beta2 = hn::Set(tag, c.beta2);
  const V rest1 = hn::Set(tag, c.one_minus_beta1), rest2 = hn::Set(tag, c.one_minus_beta2);
  const V rate = hn::Set(tag, c.step_size), scale = hn::Set(tag, c.inverse_sqrt_bias2);
  const V eps = hn::Set(tag, c.eps), decay = hn::Set(tag, c.decay), tiny = hn::Set(tag, 1e-30f);
  for (size_t j = 0; j < padded; j += hn::Lanes(tag)) {
    const V g = hn::LoadU(tag, gradient + j);
    V m = hn::MulAdd(beta1, hn::LoadU(tag, moment1 + j), hn::Mul(rest1, g));
    m = hn::IfThenElseZero(hn::Ge(hn::Abs(m), tiny), m);
    const V v = hn::MulAdd(beta2, hn::LoadU(tag, moment2 + j), hn::Mul(rest2, hn::Mul(g, g)));
    const V step = hn::Div(hn::Mul(rate, m), hn::MulAdd(hn::Sqrt(v), scale, eps));
    hn::StoreU(m, tag, moment1 + j);
    hn::StoreU(v, tag, moment2 + j);
    hn::StoreU(hn::MulSub(decay, hn::LoadU(tag, W + j), step), tag, W + j);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace superpose::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace superpose::kernels {

HWY_EXPORT(ReluGroupImpl);
HWY_EXPORT(ReluSumImpl);
HWY_EXPORT(GatherRows);
HWY_EXPORT(ScatterRows);
HWY_EXPORT(PackColumns);
HWY_EXPORT(PackRows);
HWY_EXPORT(PanelColumns);
HWY_EXPORT(GemmPackedImpl);
HWY_EXPORT(PhiloxAtLeast);
HWY_EXPORT(AddScaled);
HWY_EXPORT(SumSquares);
HWY_EXPORT(AdamUpdate);

size_t relu_group(const ReluGroup& in, const ReluGroupList& out, double* sum_square) {
  return HWY_DYNAMIC_DISPATCH(ReluGroupImpl)(in, out, sum_square);
}
size_t relu_sum(const ReluSum& in, uint32_t* index, float* y, double* sum_square) {
  return HWY_DYNAMIC_DISPATCH(ReluSumImpl)(in, index, y, sum_square);
}
void gather_rows(const SparseRow& in, const float* W, float* sum) { HWY_DYNAMIC_DISPATCH(GatherRows)(in, W, sum); }
void scatter_rows(const SparseRow& in, const float* w, float* G) { HWY_DYNAMIC_DISPATCH(ScatterRows)(in, w, G); }
void pack_columns(const float* B, size_t columns, size_t inner, size_t ldb, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackColumns)(B, columns, inner, ldb, packed);
}
void pack_rows(const float* B, size_t columns, size_t inner, size_t ldb, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackRows)(B, columns, inner, ldb, packed);
}
size_t panel_columns() { return HWY_DYNAMIC_DISPATCH(PanelColumns)(); }
void gemm_packed(const GemmPacked& g) { HWY_DYNAMIC_DISPATCH(GemmPackedImpl)(g); }
size_t philox_at_least(const PhiloxCounter& at, const uint32_t* threshold, size_t padded, uint32_t* index) {
  return HWY_DYNAMIC_DISPATCH(PhiloxAtLeast)(at, threshold, padded, index);
}
void add_scaled(float a, const float* x, float* y, size_t padded) { HWY_DYNAMIC_DISPATCH(AddScaled)(a, x, y, padded); }
double sum_squares(const float* x, size_t padded) { return HWY_DYNAMIC_DISPATCH(SumSquares)(x, padded); }
void adam_update(float* W, const float* gradient, float* moment1, float* moment2, size_t padded,
                 const AdamCoefficients& c) {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(W, gradient, moment1, moment2, padded, c);
}

}  // namespace superpose::kernels
#endif  // HWY_ONCE
