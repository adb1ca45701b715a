// SPDX-License-Identifier: Apache-2.0
// What intact files of each format give.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "superpose/base/files.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/dtypes.h"
#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

TEST(F16, every_bit_pattern_has_the_value_of_the_ieee_formula) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const double sign = bits & 0x8000 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = (bits & 1023) / 1024.0;
    const float value = f16_value(static_cast<uint16_t>(bits));
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    const double expected = exponent == 31  ? sign * std::numeric_limits<double>::infinity()
                            : exponent == 0 ? sign * std::ldexp(fraction, -14)
                                            : sign * std::ldexp(1 + fraction, exponent - 15);
    ASSERT_EQ(static_cast<double>(value), expected) << bits;
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
  }
}

TEST(Bf16, is_the_upper_half_of_a_float) {
  EXPECT_EQ(bf16_value(0x3f80), 1.0f);
  EXPECT_EQ(bf16_value(0xc049), -3.140625f);
  EXPECT_EQ(bf16_value(0x0001), 0x1p-133f);  // subnormal
  EXPECT_TRUE(std::isinf(bf16_value(0x7f80)));
}

TEST(Safetensors, loads_all_four_float_types_exactly) {
  Bytes data = bytes_of(std::vector<double>{1.0 / 3, -2, 0x1p-1074, 4});
  append(data, 1.5f), append(data, -0x1p-149f);
  append(data, uint16_t{0x0001}), append(data, uint16_t{0x7bff});  // smallest F16 subnormal, largest F16
  append(data, uint16_t{0x3f80}), append(data, uint16_t{0x8001});
  const auto file = open_one("w.safetensors", safetensors(R"({"d":{"dtype":"F64","shape":[2,2],"data_offsets":[0,32]},
      "f":{"dtype":"F32","shape":[1,2],"data_offsets":[32,40]},"h":{"dtype":"F16","shape":[2,1],"data_offsets":[40,44]},
      "b":{"shape":[1,2],"data_offsets":[44,48],"dtype":"BF16"},"__metadata__":{"made":"here"}})",
                                                          data));
  EXPECT_EQ(file.format(), "safetensors");
  EXPECT_EQ(file.metadata().at("made"), "here");
  EXPECT_TRUE(file.config().is_null());
  const auto d = file.load<double>(*file.find("d"));
  EXPECT_EQ(d(0, 0), 1.0 / 3);
  EXPECT_EQ(d(0, 1), -2);
  EXPECT_EQ(d(1, 0), 0x1p-1074);
  EXPECT_EQ(file.load<float>(*file.find("d"))(0, 0), static_cast<float>(1.0 / 3));
  EXPECT_EQ(file.load<double>(*file.find("f"))(0, 1), -0x1p-149);
  const auto h = file.load<float>(*file.find("h"));
  EXPECT_EQ(h.rows(), 2u);
  EXPECT_EQ(h(0, 0), 0x1p-24f);
  EXPECT_EQ(h(1, 0), 65504.0f);
  EXPECT_EQ(file.load<float>(*file.find("b"))(0, 0), 1.0f);
  EXPECT_EQ(file.load<double>(*file.find("b"))(0, 1), -0x1p-133);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_EQ(file.find("b")->dtype, Dtype::bf16);
}

TEST(Safetensors, scalars_and_tensors_without_elements_are_legal) {
  const auto file = open_one("w.safetensors", safetensors(R"({"none":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},
      "s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"end":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]}})",
                                                          bytes_of(std::vector<float>{3})));
  EXPECT_TRUE(file.find("s")->shape.empty());
  const auto none = file.load<float>(*file.find("none"));
  EXPECT_EQ(none.rows(), 0u);
  EXPECT_EQ(none.cols(), 7u);
  EXPECT_EQ(file.load<double>(*file.find("end")).rows(), 3u);
  expect_error(ErrorKind::unsupported, "tensor \"s\": shape [] is not a matrix",
               [&] { file.load<float>(*file.find("s")); });
  EXPECT_TRUE(open_one("w.safetensors", safetensors("{}")).tensors().empty());
}

TEST(Safetensors, integers_are_listed_but_not_loaded) {
  const auto file = open_one("w.safetensors", safetensors(R"({"i":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]},
      "e":{"dtype":"F8_E4M3","shape":[2,4],"data_offsets":[8,16]},"q":{"dtype":"F4","shape":[2,4],"data_offsets":[16,20]}})",
                                                          Bytes(20)));
  EXPECT_EQ(file.find("i")->dtype, Dtype::other);
  EXPECT_EQ(file.find("e")->dtype_text, "F8_E4M3");
  EXPECT_EQ(file.find("q")->bits, 4u);
  expect_error(ErrorKind::unsupported, "dtype \"I64\" cannot be loaded", [&] { file.load<float>(*file.find("i")); });
  expect_error(ErrorKind::unsupported, "dtype \"F4\" cannot be loaded: of number types F64",
               [&] { file.load<double>(*file.find("q")); });
  EXPECT_EQ(file.load<double>(*file.find("e"))(1, 3), 0);
}

TEST(Values, nan_and_infinity_are_named_by_tensor_and_element) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto load = [](std::vector<float> values) {
    const auto file = open_one(
        "w.safetensors", safetensors(R"({"W":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", bytes_of(values)));
    file.load<float>(*file.find("W"));
  };
  expect_error(ErrorKind::bad_file, "w.safetensors: tensor \"W\": element [1, 2] is NaN", [&] {
    load({1, 2, 3, 4, 5, std::nanf("")});
  });
  expect_error(ErrorKind::bad_file, "element [0, 1] is infinite", [&] { load({1, inf, 3, 4, 5, std::nanf("")}); });
  expect_error(ErrorKind::bad_file, "element [1, 0] is -infinite", [&] { load({1, 2, 3, -inf, 5, 6}); });
  const auto half = open_one("h.npy", npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2)}",
                                          bytes_of(std::vector<uint16_t>{0, 0x7c00})));
  expect_error(ErrorKind::bad_file, "element [0, 1] is infinite", [&] { half.load<double>(half.tensors()[0]); });
}

TEST(Values, a_double_beyond_float_is_no_infinity_in_the_file) {
  const auto file = open_one(
      "w.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)}", bytes_of(std::vector<double>{1e300})));
  EXPECT_EQ(file.load<double>(file.tensors()[0])(0, 0), 1e300);
  expect_error(ErrorKind::unsupported, "element [0, 0] = 1e+300 is beyond the float32 range",
               [&] { file.load<float>(file.tensors()[0]); });
}

TEST(Npy, reads_versions_1_to_3_in_both_orders) {
  const Bytes data = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});
  for (const uint8_t version : {uint8_t{1}, uint8_t{2}, uint8_t{3}}) {
    const auto c =
        open_one("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", data, version));
    const auto W = c.load<double>(c.tensors()[0]);
    EXPECT_EQ(W(0, 2), 3);
    EXPECT_EQ(W(1, 0), 4);
    const auto f = open_one("a.npy", npy("{\"shape\":(2,3),'fortran_order':True,'descr':'<f4'}", data, version));
    EXPECT_FALSE(f.tensors()[0].strides.empty());
    const auto V = f.load<float>(f.tensors()[0]);  // columns are (1,2) (3,4) (5,6)
    EXPECT_EQ(V.cols(), 3u);
    EXPECT_EQ(V(0, 2), 5);
    EXPECT_EQ(V(1, 0), 2);
  }
}

TEST(Npy, other_shapes_and_types_are_listed) {
  const auto scalar = open_one("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", Bytes(8)));
  EXPECT_TRUE(scalar.tensors()[0].shape.empty());
  const auto line = open_one("a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", Bytes(5)));
  EXPECT_EQ(line.tensors()[0].shape, std::vector<uint64_t>{5});
  EXPECT_EQ(line.tensors()[0].dtype, Dtype::other);
  const auto ints = open_one("a.npy", npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1)}", Bytes(8)));
  expect_error(ErrorKind::unsupported, "dtype \"<i8\"", [&] { ints.load<float>(ints.tensors()[0]); });
}

// dim 4, hidden_dim 6, 2 layers, 2 heads, 1 kv head, seq_len 3; every weight is its position in the file.
Bytes llama2c(int32_t vocab, size_t classifier_rows) {
  Bytes out;
  for (const int32_t field : {4, 6, 2, 2, 1, vocab, 3}) append(out, field);
  const size_t per_layer = 4 + 4 * 4 + 2 * 4 + 2 * 4 + 4 * 4 + 4 + 3 * (6 * 4);
  const size_t rows = static_cast<size_t>(std::abs(vocab));
  const size_t floats = rows * 4 + 2 * per_layer + 4 + 2 * 3 * 1 + classifier_rows * 4;
  for (size_t i = 0; i < floats; ++i) append(out, static_cast<float>(i));
  return out;
}

TEST(Llama2c, finds_every_tensor_where_the_export_puts_it) {
  const auto file = open_one("model.bin", llama2c(5, 0));
  EXPECT_EQ(file.format(), "llama2.c");
  EXPECT_EQ(file.config()["vocab_size"], 5);
  const auto first = [&](const char* name) { return file.load<float>(*file.find(name))(0, 0); };
  EXPECT_EQ(first("tok_embeddings.weight"), 0);
  EXPECT_EQ(first("layers.0.attention.wq.weight"), 5 * 4 + 2 * 4);
  EXPECT_EQ(first("layers.1.attention.wq.weight"), 5 * 4 + 2 * 4 + 16);
  EXPECT_EQ(first("layers.0.attention.wk.weight"), 5 * 4 + 2 * 4 + 2 * 16);
  EXPECT_EQ(file.find("layers.1.attention.wk.weight")->shape, (std::vector<uint64_t>{2, 4}));
  EXPECT_EQ(file.find("output.weight"), nullptr);
  const auto roles = resolve_heads(file);
  ASSERT_EQ(roles.size(), 1u);
  EXPECT_EQ(roles[0].tensor->name, "tok_embeddings.weight");
  EXPECT_TRUE(roles[0].tied);
}

TEST(Llama2c, a_negative_vocabulary_has_a_classifier_of_its_own) {
  const Bytes bytes = llama2c(-5, 5);
  const auto file = open_one("model.bin", bytes);
  const auto roles = resolve_heads(file);
  ASSERT_EQ(roles.size(), 2u);
  EXPECT_EQ(roles[0].tensor->name, "output.weight");
  EXPECT_FALSE(roles[0].tied);
  EXPECT_EQ(roles[1].role, "embedding");
  const auto W = file.load<float>(*roles[0].tensor);
  EXPECT_EQ(W.rows(), 5u);
  EXPECT_EQ(W(4, 3), static_cast<float>((bytes.size() - 28) / 4 - 1)) << "the classifier ends the file";
}

TEST(Write, is_read_back_and_laid_out_as_the_format_says) {
  const auto path = std::filesystem::path(testing::TempDir()) / "superpose_write_test.safetensors";
  const std::vector<float> W{1, 2, 3, 4, 5, 6}, b{-1, 0x1p-149f, 1};
  write_safetensors(path, {{"W", {3, 2}, W.data()}, {"b", {3}, b.data()}, {"none", {0, 4}, nullptr}},
                    {{"superpose.config", "{\"dim\": 2}"}, {"odd", "caf\xe9 \"x\"\n"}});
  const std::string text = read_text(path);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, text.data(), 8);
  EXPECT_EQ(header_bytes % 8, 0u);
  EXPECT_EQ(text.size(), 8 + header_bytes + 9 * sizeof(float));
  const Json header = parse_json(text.substr(8, header_bytes), "header");
  EXPECT_EQ(header["W"], (Json{{"dtype", "F32"}, {"shape", {3, 2}}, {"data_offsets", {0, 24}}}));
  EXPECT_EQ(header["b"]["data_offsets"], (Json{24, 36}));
  EXPECT_EQ(std::memcmp(text.data() + 8 + header_bytes, W.data(), 24), 0);

  const auto file = Checkpoint::open(path);
  EXPECT_EQ(file.metadata().at("superpose.config"), "{\"dim\": 2}");
  EXPECT_EQ(file.load<float>(*file.find("W"))(2, 1), 6);
  const auto roles = resolve_heads(file);
  EXPECT_EQ(roles.at(0).role, "toy");
  EXPECT_EQ(roles.at(0).tensor->name, "W");
  std::filesystem::remove(path);
  expect_error(ErrorKind::io, "no-such-folder", [&] { write_safetensors("/no-such-folder/w.safetensors", {}, {}); });
}

TEST(Printable, shows_what_a_terminal_must_not_obey) {
  EXPECT_EQ(printable("\x1b[2J"), "\"\\x1b[2J\"");
  EXPECT_EQ(printable("\xc2\x9b"), "\"\\xc2\\x9b\"");
  EXPECT_EQ(printable("gr\xc3\xb6\xc3\x9f"
                      "e"),
            "\"gr\xc3\xb6\xc3\x9f"
            "e\"");
  EXPECT_EQ(printable("\xc0\xaf\xff"), "\"\\xc0\\xaf\\xff\"");
  EXPECT_LE(printable(std::string(100000, 'x')).size(), 110u);
}

TEST(Utf8, accepts_shortest_forms_only) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xf4\x8f\xbf\xbf"), 4u);
  for (const char* bad : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xe2\x82", "\xc3"}) {
    EXPECT_EQ(utf8_length(bad), 0u) << printable(bad);
  }
}

}  // namespace
}  // namespace superpose::checkpoint
