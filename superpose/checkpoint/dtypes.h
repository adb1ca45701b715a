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

}  // namespace superpose::checkpoint
