// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/dtypes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "superpose/checkpoint/gguf.h"

namespace superpose::checkpoint {
namespace {

// (1 + mantissa / 2^bits) · 2^(exponent - bias), without the 1 and one exponent higher below the normal range.
double small_float(unsigned code, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(code >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double fraction = (code & ((1u << mantissa_bits) - 1)) / std::pow(2.0, mantissa_bits);
  const double magnitude =
      exponent ? (1 + fraction) * std::pow(2.0, exponent - bias) : fraction * std::pow(2.0, 1 - bias);
  return code >> (exponent_bits + mantissa_bits) ? -magnitude : magnitude;
}

TEST(Dtypes, all_codes_of_the_8_bit_floats) {
  for (unsigned code = 0; code < 256; ++code) {
    const float e4m3 = f8_e4m3_value(static_cast<uint8_t>(code)), e5m2 = f8_e5m2_value(static_cast<uint8_t>(code));
    SCOPED_TRACE(code);
    EXPECT_EQ(std::isnan(e4m3), (code & 127) == 127);
    EXPECT_FALSE(std::isinf(e4m3));
    if (!std::isnan(e4m3)) {
      EXPECT_EQ(e4m3, small_float(code, 4, 3));
      EXPECT_EQ(std::signbit(e4m3), code > 127);
    }
    EXPECT_EQ(std::isnan(e5m2), (code & 127) > 124);
    EXPECT_EQ(std::isinf(e5m2), (code & 127) == 124);
    if (std::isfinite(e5m2)) {
      EXPECT_EQ(e5m2, small_float(code, 5, 2));
      EXPECT_EQ(std::signbit(e5m2), code > 127);
    }
  }
  EXPECT_EQ(f8_e4m3_value(0x7e), 448);  // the largest numbers of the specification
  EXPECT_EQ(f8_e5m2_value(0x7b), 57344);
}

TEST(Dtypes, names_and_blocks_of_gguf_agree_with_the_table_of_dtypes) {
  int decoded = 0;
  for (uint32_t number = 0; find_gguf_type(number); ++number) {
    const GgufType& type = *find_gguf_type(number);
    if (type.dtype == Dtype::other) continue;
    ++decoded;
    EXPECT_EQ(type.name, traits(type.dtype).name);
    EXPECT_EQ(type.block_elements, traits(type.dtype).block_elements) << type.name;
    EXPECT_EQ(type.block_bytes, traits(type.dtype).block_bytes) << type.name;
  }
  EXPECT_EQ(decoded, 17);
}

}  // namespace
}  // namespace superpose::checkpoint
