// SPDX-License-Identifier: Apache-2.0
// Files with one defect each: the kind of error, and a message that says where and what.
#include <gtest/gtest.h>

#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr ErrorKind bad_file = ErrorKind::bad_file;
constexpr ErrorKind unsupported = ErrorKind::unsupported;

struct Defect {
  std::string_view name;
  ErrorKind kind;
  std::string_view fragment;  // of the message
  Bytes bytes;
};

void expect_each_is_refused(const std::string& file_name, const std::vector<Defect>& defects) {
  for (const auto& defect : defects) {
    SCOPED_TRACE(defect.name);
    expect_error(defect.kind, defect.fragment, [&] { open_one(file_name, defect.bytes); });
  }
}

// A header with one float32 tensor "W" of the given shape and offsets.
std::string one(std::string_view shape, std::string_view offsets, std::string_view dtype = "\"F32\"") {
  return "{\"W\":{\"dtype\":" + std::string(dtype) + ",\"shape\":" + std::string(shape) +
         ",\"data_offsets\":" + std::string(offsets) + "}}";
}

Bytes with_length(uint64_t length, std::string_view rest) {
  Bytes out;
  append(out, length);
  append(out, rest);
  return out;
}

std::string two(std::string_view a, std::string_view b, std::string_view name_b = "b") {
  return "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + std::string(a) + "},\"" + std::string(name_b) +
         "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + std::string(b) + "}}";
}

TEST(HostileSafetensors, lengths_of_the_header) {
  Bytes large = with_length(100'000'001, "{");
  large.resize(8 + 100'000'001, std::byte{' '});
  expect_each_is_refused(
      "w.safetensors",
      {{"empty file", bad_file, "the file is empty", {}},
       {"shorter than a length", bad_file, "header length at byte 0 needs 8 bytes, file has 3 left", Bytes(3)},
       {"length only", bad_file, "header at byte 8 does not begin with '{'", Bytes(8)},
       {"length beyond the file", bad_file, "says 18446744073709551615 bytes, file has 2 left",
        with_length(~uint64_t{0}, "{}")},
       {"length one too many", bad_file, "says 3 bytes, file has 2 left", with_length(3, "{}")},
       {"above the limit", bad_file, "says 100000001 bytes, the format allows 100000000", large},
       {"text", bad_file, "begins with text", bytes_of("Once upon a time there was a text.")},
       {"git lfs pointer", bad_file, "git lfs pull", bytes_of("version https://git-lfs.github.com/spec/v1\noid")}});
}

TEST(HostileSafetensors, headers_that_are_not_what_json_promises) {
  const Bytes data(8);
  expect_each_is_refused(
      "w.safetensors",
      {{"array", bad_file, "does not begin with '{'", safetensors("[1, 2]")},
       {"cut JSON", bad_file, "not valid JSON at its byte", safetensors("{\"W\":{\"dtype\":")},
       {"text after the object", bad_file, "not valid JSON", safetensors("{} {}")},
       {"bad UTF-8 in a name", bad_file, "not valid JSON",
        safetensors("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", data)},
       {"entry is a number", bad_file, "header entry \"W\": unexpected number", safetensors("{\"W\":3}")},
       {"entry is null", bad_file, "unexpected null", safetensors("{\"W\":null}")},
       {"metadata is a list", bad_file, "header entry \"__metadata__\": unexpected array",
        safetensors("{\"__metadata__\":[]}")},
       {"metadata holds a number", bad_file, "unexpected number", safetensors("{\"__metadata__\":{\"k\":1}}")},
       {"metadata twice", bad_file, "__metadata__ appears twice",
        safetensors("{\"__metadata__\":{},\"__metadata__\":{}}")},
       {"metadata key twice", bad_file, "field \"k\" appears twice",
        safetensors("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}")},
       {"deep nesting", bad_file, "unexpected array", safetensors("{\"W\":" + std::string(100000, '['))},
       {"deep objects", bad_file, "unexpected object", safetensors("{\"W\":{\"shape\":{\"a\":{\"b\":{")},
       {"unknown field", bad_file, "\"stride\" is not one of dtype, shape, data_offsets",
        safetensors("{\"W\":{\"stride\":1}}")},
       {"field twice", bad_file, "field \"dtype\" appears twice",
        safetensors("{\"W\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}")},
       {"no dtype", bad_file, "tensor \"W\" has no dtype",
        safetensors("{\"W\":{\"shape\":[],\"data_offsets\":[0,8]}}")},
       {"no shape", bad_file, "has no shape", safetensors("{\"W\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}")},
       {"no offsets", bad_file, "has no data_offsets", safetensors("{\"W\":{\"dtype\":\"F32\",\"shape\":[2]}}")}});
}

TEST(HostileSafetensors, shapes_dtypes_and_offsets) {
  const Bytes data(8);
  std::string ones;
  for (int i = 0; i < 64; ++i) ones += ",1";
  const auto file = [&](const std::string& header) { return safetensors(header, data); };
  expect_each_is_refused(
      "w.safetensors",
      {{"dtype unknown", unsupported, "unknown dtype \"F33\"", file(one("[2]", "[0,8]", "\"F33\""))},
       {"dtype lower case", unsupported, "unknown dtype \"f32\"", file(one("[2]", "[0,8]", "\"f32\""))},
       {"dtype a number", bad_file, "unexpected number", file(one("[2]", "[0,8]", "32"))},
       {"dtype a list", bad_file, "unexpected array", file(one("[2]", "[0,8]", "[\"F32\"]"))},
       {"shape a number", bad_file, "field \"shape\": unexpected number", file(one("2", "[0,8]"))},
       {"shape negative", bad_file, "unexpected negative number", file(one("[-2]", "[0,8]"))},
       {"shape fractional", bad_file, "no 64-bit integer", file(one("[2.0]", "[0,8]"))},
       {"shape above 64 bits", bad_file, "no 64-bit integer", file(one("[18446744073709551616]", "[0,8]"))},
       {"shape nested", bad_file, "unexpected array", file(one("[[2]]", "[0,8]"))},
       {"shape overflows", bad_file, "number of elements overflows 64 bits",
        file(one("[4294967296,4294967296]", "[0,8]"))},
       {"shape overflows before a zero", bad_file, "overflows", file(one("[4294967296,4294967296,0]", "[0,0]"))},
       {"bits overflow", bad_file, "number of bits overflows", file(one("[1152921504606846976]", "[0,8]"))},
       {"2^58 elements", bad_file, "needs 1152921504606846976 bytes, found 8",
        file(one("[288230376151711744]", "[0,8]"))},
       {"rank 9", unsupported, "tensor \"W\": rank 9", file(one("[1,1,1,1,1,1,1,1,2]", "[0,8]"))},
       {"rank 65", bad_file, "more than 64 numbers", file(one("[1" + ones + "]", "[0,8]"))},
       {"half a byte", bad_file, "do not fill whole bytes", file(one("[3]", "[0,2]", "\"F4\""))},
       {"one offset", bad_file, "data_offsets has 1 numbers, expected 2", file(one("[2]", "[0]"))},
       {"three offsets", bad_file, "data_offsets has 3 numbers", file(one("[2]", "[0,4,8]"))},
       {"end before begin", bad_file, "begins at byte", file(one("[2]", "[8,0]"))},
       {"offset wraps", bad_file, "data offset overflows",
        file(one("[2]", "[18446744073709551608,18446744073709551615]"))},
       {"beyond the file", bad_file, "the file is cut short", file(one("[3]", "[0,12]"))},
       {"too few bytes for the shape", bad_file, "shape [3] of F32 needs 12 bytes, found 8", file(one("[3]", "[0,8]"))},
       {"too many bytes for the shape", bad_file, "needs 4 bytes, found 8", file(one("[1]", "[0,8]"))},
       {"bytes before", bad_file, "belong to no tensor; tensor \"W\" begins only after", file(one("[1]", "[4,8]"))},
       {"bytes after", bad_file, "4 bytes after the last tensor", file(one("[1]", "[0,4]"))}});
}

TEST(HostileSafetensors, tensors_against_each_other) {
  expect_each_is_refused(
      "w.safetensors",
      {{"overlap", bad_file, "tensor \"b\" begins at byte", safetensors(two("[0,8]", "[4,12]"), Bytes(12))},
       {"the same bytes", bad_file, "inside tensor", safetensors(two("[0,8]", "[0,8]"), Bytes(8))},
       {"gap", bad_file, "belong to no tensor", safetensors(two("[0,8]", "[12,20]"), Bytes(20))},
       {"the same name", bad_file, "tensor \"a\" appears twice", safetensors(two("[0,8]", "[8,16]", "a"), Bytes(16))},
       {"a long name", bad_file, "bytes long, at most 512",
        safetensors(two("[0,8]", "[8,16]", std::string(513, 'n')), Bytes(16))}});
}

// Cutting an intact file anywhere must be noticed, and so must any byte added at its end.
TEST(HostileSafetensors, every_truncation_is_refused) {
  const Bytes intact = model_safetensors({{"W", {3, 2}}, {"b", {3}}}, Json{{"k", "v"}});
  EXPECT_EQ(open_one("w.safetensors", intact).tensors().size(), 2u);
  for (size_t length = 0; length < intact.size(); ++length) {
    expect_error(bad_file, "",
                 [&] { open_one("w.safetensors", Bytes(intact.begin(), intact.begin() + static_cast<long>(length))); });
  }
  Bytes longer = intact;
  longer.push_back(std::byte{0});
  expect_error(bad_file, "1 bytes after the last tensor", [&] { open_one("w.safetensors", longer); });
}

TEST(HostileNpy, headers) {
  const Bytes data(8);
  const auto file = [&](std::string_view dict) { return npy(dict, data); };
  Bytes lying = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", data);
  lying[8] = lying[9] = std::byte{0xff};
  Bytes version = npy("{}", data);
  version[6] = std::byte{4};
  std::string long_dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}" + std::string(70000, ' ');
  expect_each_is_refused(
      "w.npy",
      {{"wrong magic", bad_file, "does not begin with \\x93NUMPY", bytes_of("\x93NUMPX\x01\x00____")},
       {"cut magic", bad_file, "magic at byte 0 needs 6 bytes", bytes_of("\x93NU")},
       {"cut version", bad_file, "version at byte", bytes_of("\x93NUMPY")},
       {"version 4", unsupported, "npy version 4.0", version},
       {"header length lies", bad_file, "header at byte 10 needs 65535 bytes", lying},
       {"header too long", bad_file, "header of 70055 bytes", npy(long_dict, data, 2)},
       {"not a dict", bad_file, "expected {", file("[1, 2]")},
       {"no end", bad_file, "expected a string", file("{'descr': '<f4',")},
       {"string without end", bad_file, "a string without end", file("{'descr: ")},
       {"text after", bad_file, "text after the end",
        file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x")},
       {"key missing", bad_file, "lacks one of the keys", file("{'descr': '<f4', 'shape': (2,)}")},
       {"key twice", bad_file, "key \"descr\" appears twice", file("{'descr': '<f4', 'descr': '<f4'}")},
       {"key unknown", bad_file, "unknown key \"x\"", file("{'x': 1}")},
       {"order a number", bad_file, "expected True or False", file("{'fortran_order': 0}")},
       {"shape a number", bad_file, "expected (", file("{'shape': 2}")},
       {"shape (2)", bad_file, "is written (n,)", file("{'shape': (2)}")},
       {"shape negative", bad_file, "expected a number", file("{'shape': (-2,)}")},
       {"shape above 64 bits", bad_file, "expected a number", file("{'shape': (18446744073709551616,)}")},
       {"big-endian", unsupported, "big-endian", file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}")},
       {"objects", unsupported, "not a number type", file("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}")},
       {"strings", unsupported, "not a number type", file("{'descr': '<U1', 'fortran_order': False, 'shape': (2,)}")},
       {"records", unsupported, "records", file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}")}});
}

TEST(HostileNpy, sizes) {
  const auto file = [](std::string_view shape, size_t bytes) {
    return npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + "}", Bytes(bytes));
  };
  expect_each_is_refused("w.npy",
                         {{"too few", bad_file, "shape [2, 2] of <f4 needs 16 bytes, found 12", file("(2, 2)", 12)},
                          {"too many", bad_file, "needs 16 bytes, found 20", file("(2, 2)", 20)},
                          {"none", bad_file, "needs 16 bytes, found 0", file("(2, 2)", 0)},
                          {"overflow", bad_file, "overflows 64 bits", file("(4294967296, 4294967296)", 8)},
                          {"rank 9", unsupported, "rank 9", file("(1,1,1,1,1,1,1,1,2)", 8)}});
}

Bytes llama2c_header(std::vector<int32_t> fields, size_t bytes_after) {
  Bytes out = bytes_of(fields);
  out.resize(out.size() + bytes_after);
  return out;
}

TEST(HostileLlama2c, headers_and_sizes) {
  const int32_t big = 2'000'000'000;
  Bytes magic = bytes_of(std::vector<uint32_t>{0x616b3432, 3});
  magic.resize(256);
  expect_each_is_refused(
      "model.bin",
      {{"version 3", unsupported, "llama2.c format version 3 (magic ak42)", magic},
       {"magic only", bad_file, "version at byte 4", bytes_of(std::vector<uint32_t>{0x616b3432})},
       {"text", unsupported, "begins with text", bytes_of("a text that is no weights at all")},
       {"cut header", bad_file, "seq_len at byte 24 needs 4 bytes", llama2c_header({4, 6, 2, 2, 1, 5}, 0)},
       {"dim 0", bad_file, "dim is 0, expected at least 1", llama2c_header({0, 6, 2, 2, 1, 5, 3}, 0)},
       {"layers negative", bad_file, "n_layers is -2", llama2c_header({4, 6, -2, 2, 1, 5, 3}, 0)},
       {"vocabulary 0", bad_file, "vocab_size is 0", llama2c_header({4, 6, 2, 2, 1, 0, 3}, 0)},
       {"too many layers", bad_file, "n_layers is 2000000000", llama2c_header({4, 6, big, 2, 1, 5, 3}, 0)},
       {"heads do not divide dim", bad_file, "dim 4 is not a multiple of n_heads 3",
        llama2c_header({4, 6, 2, 3, 1, 5, 3}, 0)},
       {"kv heads do not divide heads", bad_file, "n_heads 2 is not a multiple of n_kv_heads 4",
        llama2c_header({4, 6, 2, 2, 4, 5, 3}, 0)},
       {"odd head size", bad_file, "head size 3 is odd", llama2c_header({6, 6, 2, 2, 1, 5, 3}, 0)},
       {"overflow", bad_file, "overflows 64 bits", llama2c_header({big, big, 1, 1, 1, big, 3}, 0)},
       {"too short", bad_file, "asks for 1172 bytes, found 1171", llama2c_header({4, 6, 2, 2, 1, 5, 3}, 1143)},
       {"too long", bad_file, "asks for 1172 bytes, found 1173", llama2c_header({4, 6, 2, 2, 1, 5, 3}, 1145)},
       {"untied asks for more", bad_file, "asks for 1252 bytes, found 1172",
        llama2c_header({4, 6, 2, 2, 1, -5, 3}, 1144)},
       {"smallest vocabulary", bad_file, "asks for", llama2c_header({4, 6, 2, 2, 1, INT32_MIN, 3}, 0)}});
}

TEST(Foreign, formats_are_named) {
  expect_each_is_refused("model.bin", {{"gguf", unsupported, "GGUF", bytes_of("GGUF and so on")}});
  expect_each_is_refused("notes.txt", {{"text", unsupported, "not recognised", bytes_of("a text")},
                                       {"empty", bad_file, "the file is empty", {}}});
  expect_error(bad_file, "notes.txt: the file is empty", [] { open_one("notes.txt", {}); });
}

TEST(Hostile, empty_shapes_with_enormous_extents_are_not_loaded) {
  const auto file = open_one("w.safetensors", safetensors(one("[1099511627776,0]", "[0,0]")));
  expect_error(unsupported, "has no elements", [&] { file.load<float>(file.tensors()[0]); });
}

}  // namespace
}  // namespace superpose::checkpoint
