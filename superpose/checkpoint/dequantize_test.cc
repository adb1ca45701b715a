// SPDX-License-Identifier: Apache-2.0
// Blocks written value by value from the layouts in docs/formats/gguf.md, whose values are known in closed form; and
// every type against what ggml makes of it, bit for bit.
#include "superpose/checkpoint/dequantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

class Block {
 public:
  explicit Block(Dtype dtype) : dtype_(dtype), bytes_(traits(dtype).block_bytes) {}
  Block& bits(size_t byte, int shift, int value) {
    bytes_[byte] |= static_cast<std::byte>(value << shift);
    return *this;
  }
  Block& u16(size_t byte, uint16_t value) { return bits(byte, 0, value & 255).bits(byte + 1, 0, value >> 8); }
  std::vector<float> values() const {
    std::vector<float> out(traits(dtype_).block_elements, NAN);
    dequantize(dtype_, bytes_.data(), 1, out.data());
    return out;
  }

 private:
  Dtype dtype_;
  Bytes bytes_;
};
constexpr uint16_t kHalf = 0x3800, kTwo = 0x4000, kMinusOne = 0xbc00, kQuarter = 0x3400;  // as binary16

template <class Expected>
void expect_values(const Block& block, const Expected& expected) {
  const auto values = block.values();
  for (size_t k = 0; k < values.size(); ++k) {
    EXPECT_EQ(values[k], static_cast<float>(expected(static_cast<int>(k)))) << "value " << k;
  }
}

// Value k of 32: byte k % 16 behind the scales, its low half for the first 16.
void put_nibble(Block& block, size_t first, int k, int code) {
  block.bits(first + static_cast<size_t>(k % 16), k < 16 ? 0 : 4, code);
}
int code16(int k) { return (7 * k + k / 16) % 16; }
int code32(int k) { return (11 * k + 3) % 32; }

TEST(Dequantize, four_and_five_bits_with_and_without_an_offset) {
  Block q4_0(Dtype::q4_0), q4_1(Dtype::q4_1), q5_0(Dtype::q5_0), q5_1(Dtype::q5_1);
  q4_0.u16(0, kHalf);
  q4_1.u16(0, kTwo).u16(2, kMinusOne);
  q5_0.u16(0, kMinusOne);
  q5_1.u16(0, kHalf).u16(2, kQuarter);
  for (int k = 0; k < 32; ++k) {
    put_nibble(q4_0, 2, k, code16(k));
    put_nibble(q4_1, 4, k, code16(k));
    put_nibble(q5_0, 6, k, code32(k) % 16);
    put_nibble(q5_1, 8, k, code32(k) % 16);
    q5_0.bits(2 + static_cast<size_t>(k / 8), k % 8, code32(k) / 16);
    q5_1.bits(4 + static_cast<size_t>(k / 8), k % 8, code32(k) / 16);
  }
  expect_values(q4_0, [](int k) { return (code16(k) - 8) * 0.5; });
  expect_values(q4_1, [](int k) { return code16(k) * 2.0 - 1; });
  expect_values(q5_0, [](int k) { return 16.0 - code32(k); });
  expect_values(q5_1, [](int k) { return code32(k) * 0.5 + 0.25; });
}

TEST(Dequantize, eight_bits_are_signed) {
  Block block(Dtype::q8_0);
  block.u16(0, kQuarter);
  for (int k = 0; k < 32; ++k) block.bits(2 + static_cast<size_t>(k), 0, (k * 8 + 124) % 256);
  expect_values(block, [](int k) { return ((k * 8 + 124 + 128) % 256 - 128) * 0.25; });
  EXPECT_EQ(block.values()[0], 31.0f);
  EXPECT_EQ(block.values()[1], -31.0f);  // code 132 = -124
}

TEST(Dequantize, tables_of_iq4_nl_and_mxfp4) {
  const float iq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const float e2m1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0f, -0.5, -1, -1.5, -2, -3, -4, -6};
  Block iq4_nl(Dtype::iq4_nl), mxfp4(Dtype::mxfp4), smallest(Dtype::mxfp4), none(Dtype::mxfp4);
  iq4_nl.u16(0, kTwo);
  mxfp4.bits(0, 0, 129);  // 2^(129 - 127)
  none.bits(0, 0, 255);
  for (int k = 0; k < 32; ++k) {
    put_nibble(iq4_nl, 2, k, code16(k));
    put_nibble(mxfp4, 1, k, code16(k));
    put_nibble(smallest, 1, k, code16(k));
  }
  expect_values(iq4_nl, [&](int k) { return 2 * iq4[code16(k)]; });
  expect_values(mxfp4, [&](int k) { return 4 * e2m1[code16(k)]; });
  expect_values(smallest, [&](int k) { return std::ldexp(e2m1[code16(k)], -127); });
  for (const float value : none.values()) EXPECT_TRUE(std::isnan(value));
}

TEST(Dequantize, two_bits_in_groups_of_16) {
  Block block(Dtype::q2_k);
  block.u16(80, kHalf).u16(82, kTwo);
  for (int g = 0; g < 16; ++g) block.bits(static_cast<size_t>(g), 0, g).bits(static_cast<size_t>(g), 4, 15 - g);
  for (int k = 0; k < 256; ++k) {
    block.bits(static_cast<size_t>(16 + k / 128 * 32 + k % 32), k % 128 / 32 * 2, (k * 5 + k / 32) % 4);
  }
  expect_values(block, [](int k) { return 0.5 * (k / 16) * ((k * 5 + k / 32) % 4) - 2.0 * (15 - k / 16); });
}

TEST(Dequantize, three_bits_in_groups_of_16_with_scales_of_6) {
  const auto code = [](int k) { return (k * 5 + k / 32) % 8; };
  const auto scale = [](int g) { return (g * 13 + 5) % 64; };
  Block block(Dtype::q3_k);
  block.u16(108, kQuarter);
  for (int g = 0; g < 16; ++g) {
    block.bits(static_cast<size_t>(96 + g % 8), g < 8 ? 0 : 4, scale(g) % 16);
    block.bits(static_cast<size_t>(104 + g % 4), g / 4 * 2, scale(g) / 16);
  }
  for (int k = 0; k < 256; ++k) {
    block.bits(static_cast<size_t>(32 + k / 128 * 32 + k % 32), k % 128 / 32 * 2, code(k) % 4);
    block.bits(static_cast<size_t>(k % 32), k / 32, code(k) / 4);
  }
  expect_values(block, [&](int k) { return 0.25 * (scale(k / 16) - 32) * (code(k) - 4); });
}

// Scales and offsets of Q4_K and Q5_K: 6 bits each, the last four of each split between two bytes.
void put_scale(Block& block, int g, int scale, int low) {
  const auto byte = [](int at) { return static_cast<size_t>(4 + at); };
  if (g < 4) {
    block.bits(byte(g), 0, scale).bits(byte(g + 4), 0, low);
  } else {
    block.bits(byte(g + 4), 0, scale % 16).bits(byte(g + 4), 4, low % 16);
    block.bits(byte(g - 4), 6, scale / 16).bits(byte(g), 6, low / 16);
  }
}

TEST(Dequantize, four_and_five_bits_in_groups_of_32_with_scales_of_6) {
  const auto scale = [](int g) { return (g * 23 + 9) % 64; };
  const auto low = [](int g) { return (g * 37 + 50) % 64; };
  Block q4(Dtype::q4_k), q5(Dtype::q5_k);
  q4.u16(0, kHalf).u16(2, kMinusOne);
  q5.u16(0, kQuarter).u16(2, kHalf);
  for (int g = 0; g < 8; ++g) {
    put_scale(q4, g, scale(g), low(g));
    put_scale(q5, g, scale(g), low(g));
  }
  for (int k = 0; k < 256; ++k) {
    const auto byte = static_cast<size_t>(k / 64 * 32 + k % 32);
    q4.bits(16 + byte, k % 64 / 32 * 4, code16(k));
    q5.bits(48 + byte, k % 64 / 32 * 4, code32(k) % 16);
    q5.bits(static_cast<size_t>(16 + k % 32), k / 32, code32(k) / 16);
  }
  expect_values(q4, [&](int k) { return 0.5 * scale(k / 32) * code16(k) + low(k / 32); });
  expect_values(q5, [&](int k) { return 0.25 * scale(k / 32) * code32(k) - 0.5 * low(k / 32); });
}

TEST(Dequantize, six_bits_in_groups_of_16_with_signed_scales) {
  const auto code = [](int k) { return (k * 29 + 7) % 64; };
  const auto scale = [](int g) { return g * 17 - 128; };
  Block block(Dtype::q6_k);
  block.u16(208, kQuarter);
  for (int g = 0; g < 16; ++g) block.bits(static_cast<size_t>(192 + g), 0, scale(g) & 255);
  for (int k = 0; k < 256; ++k) {
    const int quarter = k % 128 / 32, half = k / 128;
    block.bits(static_cast<size_t>(half * 64 + quarter % 2 * 32 + k % 32), quarter / 2 * 4, code(k) % 16);
    block.bits(static_cast<size_t>(128 + half * 32 + k % 32), quarter * 2, code(k) / 16);
  }
  expect_values(block, [&](int k) { return 0.25 * scale(k / 16) * (code(k) - 32); });
}

TEST(Dequantize, table_of_iq4_with_scales_of_6) {
  const float iq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const auto scale = [](int g) { return (g * 27 + 3) % 64; };
  Block block(Dtype::iq4_xs);
  block.u16(0, kHalf);
  for (int g = 0; g < 8; ++g) {
    block.bits(static_cast<size_t>(4 + g / 2), g % 2 * 4, scale(g) % 16);
    block.bits(static_cast<size_t>(2 + g / 4), g % 4 * 2, scale(g) / 16);
  }
  for (int k = 0; k < 256; ++k) put_nibble(block, static_cast<size_t>(8 + k / 32 * 16), k % 32, code16(k));
  expect_values(block, [&](int k) { return 0.5 * (scale(k / 32) - 32) * iq4[code16(k)]; });
}

TEST(Dequantize, blocks_follow_each_other_at_any_address) {
  Bytes bytes(1 + 2 * 34);
  const uint16_t scales[] = {kHalf, kTwo};
  for (size_t b = 0; b < 2; ++b) {
    std::memcpy(bytes.data() + 1 + 34 * b, &scales[b], 2);
    bytes[1 + 34 * b + 2 + 31] = std::byte{3};
  }
  std::vector<float> out(64);
  dequantize(Dtype::q8_0, bytes.data() + 1, 2, out.data());
  EXPECT_EQ(out[31], 1.5f);
  EXPECT_EQ(out[63], 6.0f);
  EXPECT_EQ(out[32], 0.0f);
}

// The arrays of an .npz file whose members are stored: name without ".npy" -> the last bytes of the member.
std::map<std::string, Bytes> stored_members(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::map<std::string, Bytes> out;
  ByteReader bytes({reinterpret_cast<const std::byte*>(text.data()), text.size()});
  while (bytes.bytes_left() > 30 && bytes.read<uint32_t>("signature") == 0x04034b50) {
    bytes.skip(14, "fields");
    uint64_t size = bytes.read<uint32_t>("compressed size");
    bytes.skip(4, "size");
    const auto name_bytes = bytes.read<uint16_t>("length of the name");
    const auto extra_bytes = bytes.read<uint16_t>("length of the extra field");
    const std::string name(as_text(bytes.take(name_bytes, "name")));
    const auto extra = bytes.take(extra_bytes, "extra field");
    if (size == 0xffffffff) std::memcpy(&size, extra.data() + 12, 8);  // zip64: id, length, size, compressed size
    out[name.substr(0, name.rfind(".npy"))] = bytes_of(as_text(bytes.take(size, "member")));
  }
  return out;
}

TEST(Dequantize, every_type_bit_for_bit_as_ggml_has_it) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set: no gguf/vectors.gguf to compare with";
  const std::string folder = std::string(data) + "/gguf/";
  const auto expected = stored_members(folder + "vectors.npz");
  const auto checkpoint = Checkpoint::open(folder + "vectors.gguf");
  int compared = 0;
  for (const auto& tensor : checkpoint.tensors()) {
    if (!tensor.name.starts_with("w.")) continue;
    SCOPED_TRACE(tensor.name);
    ASSERT_EQ(tensor.name.substr(2), tensor.dtype_text);
    ASSERT_TRUE(expected.contains(tensor.dtype_text));
    const auto rows = checkpoint.rows(tensor);
    const size_t cols = rows->cols();
    const Bytes& member = expected.at(tensor.dtype_text);
    ASSERT_GE(member.size(), rows->rows() * cols * 4);
    const std::byte* row = member.data() + member.size() - rows->rows() * cols * 4;
    std::vector<float> found(cols);
    for (size_t i = 0; i < rows->rows(); ++i, row += cols * 4) {
      rows->read(i, 1, found.data());
      EXPECT_EQ(std::memcmp(found.data(), row, cols * 4), 0) << "row " << i;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 16);
}

}  // namespace
}  // namespace superpose::checkpoint
