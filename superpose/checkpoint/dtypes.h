// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>
#include <string_view>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

struct DtypeEntry {
  std::string_view text;
  Dtype dtype;
  uint32_t bits;
};
// A dtype as safetensors spells it, or nullptr.
const DtypeEntry* find_safetensors_dtype(std::string_view text);

// IEEE binary16 bits -> the same value; subnormals, infinities and NaN included.
inline float f16_value(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 31u;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: mantissa · 2^-24, exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;  // 112 = 127 - 15, the difference of the biases
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

// bfloat16 is the upper half of a float.
inline float bf16_value(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// FP8 of OCP's specification. E4M3 has no infinity, its largest exponent with mantissa 7 is NaN; E5M2 is the upper half
// of an F16.
inline float f8_e4m3_value(uint8_t bits) {
  const uint32_t exponent = (bits >> 3) & 15u, mantissa = bits & 7u;
  if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(0x7fc00000u);
  const float magnitude = exponent == 0 ? static_cast<float>(mantissa) * 0x1p-9f
                                        : std::bit_cast<float>((exponent + 120u) << 23 | mantissa << 20);
  return bits & 0x80 ? -magnitude : magnitude;
}
inline float f8_e5m2_value(uint8_t bits) { return f16_value(static_cast<uint16_t>(bits << 8)); }

}  // namespace superpose::checkpoint
