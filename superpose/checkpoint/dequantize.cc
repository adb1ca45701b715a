// SPDX-License-Identifier: Apache-2.0
// Every product below is exact: a scale is binary16 (11 bits) times an integer of at most 7 bits, and what it
// multiplies has at most 5 bits (7 with scales of 5), together at most 24. The subtraction of an offset is the only
// rounding, so a compiler that fuses it with the product cannot change a bit; -ffp-contract=off (CMakeLists.txt) says
// so once more. The order of multiplication is kept because it decides the sign of a zero.
#include "superpose/checkpoint/dequantize.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>

#include "superpose/base/error.h"
#include "superpose/checkpoint/dtypes.h"

namespace superpose::checkpoint {
namespace {

using Block = const uint8_t*;  // in the order of the file; multi-byte fields are not aligned

uint16_t u16_at(Block at) { return static_cast<uint16_t>(at[0] | at[1] << 8); }
uint32_t u32_at(Block at) { return u16_at(at) | uint32_t{u16_at(at + 2)} << 16; }
float f16_at(Block at) { return f16_value(u16_at(at)); }

// 16 bytes hold 32 values of 4 bits: the low halves are values 0 to 15, the high halves 16 to 31. value(code, k) ->
// float
template <class Value>
inline void nibbles(Block bytes, float* out, const Value& value) {
  for (int k = 0; k < 16; ++k) {
    out[k] = value(bytes[k] & 15, k);
    out[k + 16] = value(bytes[k] >> 4, k + 16);
  }
}

void q4_0(Block block, float* out) {
  const float d = f16_at(block);
  nibbles(block + 2, out, [d](int code, int) { return static_cast<float>(code - 8) * d; });
}

void q4_1(Block block, float* out) {
  const float d = f16_at(block), low = f16_at(block + 2);
  nibbles(block + 4, out, [=](int code, int) { return static_cast<float>(code) * d + low; });
}

// Bit k of `fifth` is the highest of the five bits of value k.
inline int with_fifth_bit(int code, uint32_t fifth, int k) { return code | static_cast<int>((fifth >> k & 1u) << 4); }

void q5_0(Block block, float* out) {
  const float d = f16_at(block);
  const uint32_t fifth = u32_at(block + 2);
  nibbles(block + 6, out, [=](int code, int k) { return static_cast<float>(with_fifth_bit(code, fifth, k) - 16) * d; });
}

void q5_1(Block block, float* out) {
  const float d = f16_at(block), low = f16_at(block + 2);
  const uint32_t fifth = u32_at(block + 4);
  nibbles(block + 8, out,
          [=](int code, int k) { return static_cast<float>(with_fifth_bit(code, fifth, k)) * d + low; });
}

void q8_0(Block block, float* out) {
  const float d = f16_at(block);
  for (int k = 0; k < 32; ++k) out[k] = static_cast<float>(static_cast<int8_t>(block[2 + k])) * d;
}

// The 4-bit formats that are not linear look their values up.
constexpr float kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr float kE2m1Doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

void iq4_nl(Block block, float* out) {
  const float d = f16_at(block);
  nibbles(block + 2, out, [d](int code, int) { return d * kIq4[code]; });
}

// 2^(e - 128): half of the scale 2^(e - 127) that the block's E8M0 byte stands for, since kE2m1Doubled is doubled.
float half_e8m0(uint8_t e) {
  if (e == 255) return std::numeric_limits<float>::quiet_NaN();
  if (e < 2) return std::bit_cast<float>(uint32_t{0x200000} << e);  // subnormal: 2^-128, 2^-127
  return std::bit_cast<float>(uint32_t{e - 1u} << 23);
}

void mxfp4(Block block, float* out) {
  const float d = half_e8m0(block[0]);
  nibbles(block + 1, out, [d](int code, int) { return kE2m1Doubled[code] * d; });
}

// The K formats and IQ4_XS: 256 values in groups of 16 or 32, each with a scale (and an offset) of a few bits.

// In the formats of 2, 3 and 6 bits, group g of 16 values lies in the half g / 8 of its fields and there in the quarter
// g % 8 / 2, which selects bits of a byte; its bytes are the first or the last 16 of 32.
constexpr int half_of(int g) { return g / 8; }
constexpr int quarter_of(int g) { return g % 8 / 2; }
constexpr int first_of(int g) { return 16 * (g % 2); }

void q2_k(Block block, float* out) {
  const Block scales = block, codes = block + 16;
  const float d = f16_at(block + 80), d_low = f16_at(block + 82);
  for (int g = 0; g < 16; ++g, out += 16) {
    const float scale = d * static_cast<float>(scales[g] & 15);
    const float low = d_low * static_cast<float>(scales[g] >> 4);
    const Block bytes = codes + 32 * half_of(g) + first_of(g);
    const int shift = 2 * quarter_of(g);
    for (int k = 0; k < 16; ++k) out[k] = scale * static_cast<float>(bytes[k] >> shift & 3) - low;
  }
}

// Scale g, 6 bits: four in a half of byte g % 8, two in byte 8 + g % 4.
int q3_scale(Block scales, int g) {
  const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
  return (low | (scales[8 + g % 4] >> 2 * (g / 4) & 3) << 4) - 32;
}

void q3_k(Block block, float* out) {
  const Block high = block, codes = block + 32, scales = block + 96;
  const float d = f16_at(block + 108);
  for (int g = 0; g < 16; ++g, out += 16) {
    const float scale = d * static_cast<float>(q3_scale(scales, g));
    const Block bytes = codes + 32 * half_of(g) + first_of(g), third = high + first_of(g);
    const int shift = 2 * quarter_of(g), bit = g / 2;
    for (int k = 0; k < 16; ++k) {
      const int code = (bytes[k] >> shift & 3) | (third[k] >> bit & 1) << 2;
      out[k] = scale * static_cast<float>(code - 4);
    }
  }
}

// Eight scales and eight offsets of 6 bits in 12 bytes: the first four of each whole in a byte, whose two upper bits
// complete the last four.
struct ScaleAndLow {
  int scale, low;
};
ScaleAndLow q4_scale(Block bytes, int g) {
  if (g < 4) return {bytes[g] & 63, bytes[g + 4] & 63};
  return {(bytes[g + 4] & 15) | bytes[g - 4] >> 6 << 4, bytes[g + 4] >> 4 | bytes[g] >> 6 << 4};
}

void q4_k(Block block, float* out) {
  const float d = f16_at(block), d_low = f16_at(block + 2);
  for (int g = 0; g < 8; ++g, out += 32) {
    const ScaleAndLow of = q4_scale(block + 4, g);
    const float scale = d * static_cast<float>(of.scale), low = d_low * static_cast<float>(of.low);
    const Block bytes = block + 16 + 32 * (g / 2);
    const int shift = 4 * (g % 2);
    for (int k = 0; k < 32; ++k) out[k] = scale * static_cast<float>(bytes[k] >> shift & 15) - low;
  }
}

void q5_k(Block block, float* out) {
  const float d = f16_at(block), d_low = f16_at(block + 2);
  const Block fifth = block + 16;
  for (int g = 0; g < 8; ++g, out += 32) {
    const ScaleAndLow of = q4_scale(block + 4, g);
    const float scale = d * static_cast<float>(of.scale), low = d_low * static_cast<float>(of.low);
    const Block bytes = block + 48 + 32 * (g / 2);
    const int shift = 4 * (g % 2);
    for (int k = 0; k < 32; ++k) {
      const int code = (bytes[k] >> shift & 15) | (fifth[k] >> g & 1) << 4;
      out[k] = scale * static_cast<float>(code) - low;
    }
  }
}

void q6_k(Block block, float* out) {
  const Block lower = block, upper = block + 128, scales = block + 192;
  const float d = f16_at(block + 208);
  for (int g = 0; g < 16; ++g, out += 16) {
    const float scale = d * static_cast<float>(static_cast<int8_t>(scales[g]));
    const int quarter = quarter_of(g), low_shift = 4 * (quarter / 2), high_shift = 2 * quarter;
    const Block low = lower + 64 * half_of(g) + 32 * (quarter % 2) + first_of(g);
    const Block high = upper + 32 * half_of(g) + first_of(g);
    for (int k = 0; k < 16; ++k) {
      const int code = (low[k] >> low_shift & 15) | (high[k] >> high_shift & 3) << 4;
      out[k] = scale * static_cast<float>(code - 32);
    }
  }
}

void iq4_xs(Block block, float* out) {
  const float d = f16_at(block);
  const int upper = u16_at(block + 2);
  const Block lower = block + 4, codes = block + 8;
  for (int g = 0; g < 8; ++g, out += 32) {
    const int scale_code = (lower[g / 2] >> 4 * (g % 2) & 15) | (upper >> 2 * g & 3) << 4;
    const float scale = d * static_cast<float>(scale_code - 32);
    nibbles(codes + 16 * g, out, [scale](int code, int) { return scale * kIq4[code]; });
  }
}

constexpr struct {
  Dtype dtype;
  void (*decode)(Block block, float* out);
} kFormats[] = {
    {Dtype::q4_0, q4_0},   {Dtype::q4_1, q4_1},     {Dtype::q5_0, q5_0},     {Dtype::q5_1, q5_1}, {Dtype::q8_0, q8_0},
    {Dtype::q2_k, q2_k},   {Dtype::q3_k, q3_k},     {Dtype::q4_k, q4_k},     {Dtype::q5_k, q5_k}, {Dtype::q6_k, q6_k},
    {Dtype::mxfp4, mxfp4}, {Dtype::iq4_nl, iq4_nl}, {Dtype::iq4_xs, iq4_xs},
};

}  // namespace

void dequantize(Dtype dtype, const std::byte* blocks, size_t block_count, float* out) {
  const auto* format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                    [&](const auto& candidate) { return candidate.dtype == dtype; });
  SUPERPOSE_ASSERT(format != std::end(kFormats));
  const DtypeTraits& of = traits(dtype);
  const auto* from = reinterpret_cast<Block>(blocks);
  for (size_t i = 0; i < block_count; ++i) format->decode(from + i * of.block_bytes, out + i * of.block_elements);
}

}  // namespace superpose::checkpoint
