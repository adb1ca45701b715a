// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set by Highway's foreach_target; HWY_DYNAMIC_DISPATCH picks one at run time.
#include <algorithm>
#include <cmath>

#include "superpose/kernels/kernels.h"

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

// Two vectors of columns at a time: g, b, d, db and the sums stay in registers while the samples go by.
double ReluRank1(const float* HWY_RESTRICT g, const float* HWY_RESTRICT b, size_t padded, const float* HWY_RESTRICT v,
                 size_t samples, float* HWY_RESTRICT d, float* HWY_RESTRICT db) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  const V zero = hn::Zero(tag);
  V sum0 = zero, sum1 = zero;
  size_t j = 0;
  for (; j + 2 * lanes <= padded; j += 2 * lanes) {
    const V g0 = hn::LoadU(tag, g + j), g1 = hn::LoadU(tag, g + j + lanes);
    const V b0 = hn::LoadU(tag, b + j), b1 = hn::LoadU(tag, b + j + lanes);
    V d0 = hn::LoadU(tag, d + j), d1 = hn::LoadU(tag, d + j + lanes);
    V e0 = hn::LoadU(tag, db + j), e1 = hn::LoadU(tag, db + j + lanes);
    for (size_t s = 0; s < samples; ++s) {
      const V value = hn::Set(tag, v[s]);
      const V y0 = hn::Max(hn::MulAdd(value, g0, b0), zero);
      const V y1 = hn::Max(hn::MulAdd(value, g1, b1), zero);
      sum0 = hn::MulAdd(y0, y0, sum0);
      sum1 = hn::MulAdd(y1, y1, sum1);
      d0 = hn::MulAdd(value, y0, d0);
      d1 = hn::MulAdd(value, y1, d1);
      e0 = hn::Add(e0, y0);
      e1 = hn::Add(e1, y1);
    }
    hn::StoreU(d0, tag, d + j);
    hn::StoreU(d1, tag, d + j + lanes);
    hn::StoreU(e0, tag, db + j);
    hn::StoreU(e1, tag, db + j + lanes);
  }
  for (; j < padded; j += lanes) {
    const V g0 = hn::LoadU(tag, g + j), b0 = hn::LoadU(tag, b + j);
    V d0 = hn::LoadU(tag, d + j), e0 = hn::LoadU(tag, db + j);
    for (size_t s = 0; s < samples; ++s) {
      const V value = hn::Set(tag, v[s]);
      const V y0 = hn::Max(hn::MulAdd(value, g0, b0), zero);
      sum0 = hn::MulAdd(y0, y0, sum0);
      d0 = hn::MulAdd(value, y0, d0);
      e0 = hn::Add(e0, y0);
    }
    hn::StoreU(d0, tag, d + j);
    hn::StoreU(e0, tag, db + j);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, hn::Add(sum0, sum1))));
}

// Appends the positive lanes of z. Compress in a register and store the whole vector: compressing straight to memory is
// microcoded on Zen 4 and several times slower.
HWY_INLINE size_t Append(D tag, V z, hn::Mask<D> keep, size_t j, uint32_t* index, float* y) {
  const DU tag_u;
  hn::StoreU(hn::Compress(z, keep), tag, y);
  hn::StoreU(hn::Compress(hn::Iota(tag_u, static_cast<uint32_t>(j)), hn::RebindMask(tag_u, keep)), tag_u, index);
  return hn::CountTrue(tag, keep);
}

size_t ReluSumImpl(const ReluSum& in, uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT y, double* sum_square) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  const V zero = hn::Zero(tag);
  V sum = zero;
  size_t count = 0;
  size_t j = 0;
  for (; j + 4 * lanes <= in.padded; j += 4 * lanes) {
    V z0 = hn::LoadU(tag, in.b + j), z1 = hn::LoadU(tag, in.b + j + lanes);
    V z2 = hn::LoadU(tag, in.b + j + 2 * lanes), z3 = hn::LoadU(tag, in.b + j + 3 * lanes);
    for (size_t k = 0; k < in.active; ++k) {
      const V value = hn::Set(tag, in.v[k]);
      const float* g = in.g[k] + j;
      z0 = hn::MulAdd(value, hn::LoadU(tag, g), z0);
      z1 = hn::MulAdd(value, hn::LoadU(tag, g + lanes), z1);
      z2 = hn::MulAdd(value, hn::LoadU(tag, g + 2 * lanes), z2);
      z3 = hn::MulAdd(value, hn::LoadU(tag, g + 3 * lanes), z3);
    }
    const V largest = hn::Max(hn::Max(z0, z1), hn::Max(z2, z3));
    if (hn::AllFalse(tag, hn::Gt(largest, zero))) continue;
    const V zs[4] = {z0, z1, z2, z3};
    for (size_t q = 0; q < 4; ++q) {
      const V positive = hn::Max(zs[q], zero);
      sum = hn::MulAdd(positive, positive, sum);
      count += Append(tag, zs[q], hn::Gt(zs[q], zero), j + q * lanes, index + count, y + count);
    }
  }
  for (; j < in.padded; j += lanes) {
    V z = hn::LoadU(tag, in.b + j);
    for (size_t k = 0; k < in.active; ++k) z = hn::MulAdd(hn::Set(tag, in.v[k]), hn::LoadU(tag, in.g[k] + j), z);
    const V positive = hn::Max(z, zero);
    sum = hn::MulAdd(positive, positive, sum);
    count += Append(tag, z, hn::Gt(z, zero), j, index + count, y + count);
  }
  *sum_square += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
  return count;
}

size_t TakeNonzero(float* HWY_RESTRICT d, size_t padded, uint32_t* HWY_RESTRICT index, float* HWY_RESTRICT value) {
  const D tag;
  const V zero = hn::Zero(tag);
  size_t count = 0;
  for (size_t j = 0; j < padded; j += hn::Lanes(tag)) {
    const V x = hn::LoadU(tag, d + j);
    const auto keep = hn::Ne(x, zero);
    if (hn::AllFalse(tag, keep)) continue;
    hn::StoreU(zero, tag, d + j);
    count += Append(tag, x, keep, j, index + count, value + count);
  }
  return count;
}

// kVectors vectors of each row, starting at column `at`.
template <size_t kVectors>
HWY_INLINE void SparseRowsPart(const SparseRows& in, size_t at, const float* HWY_RESTRICT w, float* HWY_RESTRICT sum) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  V wv[kVectors], acc[kVectors];
  for (size_t q = 0; q < kVectors; ++q) {
    wv[q] = hn::LoadU(tag, w + at + q * lanes);
    acc[q] = hn::LoadU(tag, sum + at + q * lanes);
  }
  for (size_t t = 0; t < in.count; ++t) {
    const size_t row = in.index[t] * in.stride + at;
    const V value = hn::Set(tag, in.value[t]);
    for (size_t q = 0; q < kVectors; ++q) {
      acc[q] = hn::MulAdd(value, hn::LoadU(tag, in.W + row + q * lanes), acc[q]);
      float* g = in.G + row + q * lanes;
      hn::StoreU(hn::MulAdd(value, wv[q], hn::LoadU(tag, g)), tag, g);
    }
  }
  for (size_t q = 0; q < kVectors; ++q) hn::StoreU(acc[q], tag, sum + at + q * lanes);
}

void SparseRowsImpl(const SparseRows& in, const float* HWY_RESTRICT w, float* HWY_RESTRICT sum) {
  const D tag;
  const size_t lanes = hn::Lanes(tag);
  size_t at = 0;
  // 4 vectors use 9 registers, which every instruction set has; 8 are faster where there are 32 (AVX-512).
  if (lanes == kLanes) {
    for (; at + 8 * lanes <= in.stride; at += 8 * lanes) SparseRowsPart<8>(in, at, w, sum);
    switch ((in.stride - at) / lanes) {
      case 7:
        return SparseRowsPart<7>(in, at, w, sum);
      case 6:
        return SparseRowsPart<6>(in, at, w, sum);
      case 5:
        return SparseRowsPart<5>(in, at, w, sum);
      case 4:
        return SparseRowsPart<4>(in, at, w, sum);
      case 3:
        return SparseRowsPart<3>(in, at, w, sum);
      case 2:
        return SparseRowsPart<2>(in, at, w, sum);
      case 1:
        return SparseRowsPart<1>(in, at, w, sum);
      default:
        return;
    }
  }
  for (; at + 4 * lanes <= in.stride; at += 4 * lanes) SparseRowsPart<4>(in, at, w, sum);
  for (; at + 2 * lanes <= in.stride; at += 2 * lanes) SparseRowsPart<2>(in, at, w, sum);
  for (; at < in.stride; at += lanes) SparseRowsPart<1>(in, at, w, sum);
}

void AddScaled(float a, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, size_t padded) {
  const D tag;
  const V scale = hn::Set(tag, a);
  for (size_t j = 0; j < padded; j += hn::Lanes(tag)) {
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(tag, x + j), hn::LoadU(tag, y + j)), tag, y + j);
  }
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

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace superpose::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace superpose::kernels {

HWY_EXPORT(ReluRank1);
HWY_EXPORT(ReluSumImpl);
HWY_EXPORT(TakeNonzero);
HWY_EXPORT(SparseRowsImpl);
HWY_EXPORT(AddScaled);
HWY_EXPORT(SumSquares);
HWY_EXPORT(AdamUpdate);
HWY_EXPORT(TargetName);

double relu_rank1(const float* g, const float* b, size_t padded, const float* v, size_t samples, float* d, float* db) {
  return HWY_DYNAMIC_DISPATCH(ReluRank1)(g, b, padded, v, samples, d, db);
}
size_t relu_sum(const ReluSum& in, uint32_t* index, float* y, double* sum_square) {
  return HWY_DYNAMIC_DISPATCH(ReluSumImpl)(in, index, y, sum_square);
}
size_t take_nonzero(float* d, size_t padded, uint32_t* index, float* value) {
  return HWY_DYNAMIC_DISPATCH(TakeNonzero)(d, padded, index, value);
}
void sparse_rows(const SparseRows& in, const float* w, float* sum) { HWY_DYNAMIC_DISPATCH(SparseRowsImpl)(in, w, sum); }
void add_scaled(float a, const float* x, float* y, size_t padded) { HWY_DYNAMIC_DISPATCH(AddScaled)(a, x, y, padded); }
double sum_squares(const float* x, size_t padded) { return HWY_DYNAMIC_DISPATCH(SumSquares)(x, padded); }
void adam_update(float* W, const float* gradient, float* moment1, float* moment2, size_t padded,
                 const AdamCoefficients& c) {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(W, gradient, moment1, moment2, padded, c);
}
const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

}  // namespace superpose::kernels
#endif  // HWY_ONCE
