// SPDX-License-Identifier: Apache-2.0
// GGUF files made in memory: what is read, and files with one defect each.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "superpose/base/files.h"
#include "superpose/checkpoint/counted_allocation.h"
#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr ErrorKind bad_file = ErrorKind::bad_file;
constexpr ErrorKind unsupported = ErrorKind::unsupported;

void append_string(Bytes& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  append(out, text);
}

// Numbers of value types and tensor types, as the specification has them.
enum : uint32_t { u8 = 0, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
enum : uint32_t { F32 = 0, Q4_0 = 2, Q8_0 = 8, IQ2_XXS = 16, I32 = 26 };

class Gguf {
 public:
  template <class T>
  Gguf& value(std::string_view key, uint32_t type, T number) {
    begin(key, type);
    append(entries_, number);
    return *this;
  }
  Gguf& text(std::string_view key, std::string_view value) {
    begin(key, string);
    append_string(entries_, value);
    return *this;
  }
  template <class T>
  Gguf& list(std::string_view key, uint32_t type, const std::vector<T>& values) {
    begin(key, array);
    append(entries_, type);
    append(entries_, uint64_t{values.size()});
    for (const auto& item : values) {
      if constexpr (std::is_arithmetic_v<T>) append(entries_, item);
      if constexpr (!std::is_arithmetic_v<T>) append_string(entries_, item);
    }
    return *this;
  }
  Gguf& raw(std::string_view key, uint32_t type, const Bytes& bytes) {
    begin(key, type);
    append(entries_, as_text(bytes));
    return *this;
  }

  // At the next aligned offset. dims: the first is the number of columns.
  Gguf& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, const Bytes& data) {
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_);
    describe(name, dims, type, data_.size());
    append(data_, as_text(data));
    return *this;
  }
  Gguf& describe(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    append_string(infos_, name);
    append(infos_, static_cast<uint32_t>(dims.size()));
    for (const uint64_t extent : dims) append(infos_, extent);
    append(infos_, type);
    append(infos_, offset);
    ++tensors_;
    return *this;
  }
  Gguf& data(size_t bytes) { return data_.resize(bytes), *this; }
  Gguf& align(size_t bytes) { return alignment_ = bytes, *this; }
  Gguf& version(uint32_t number) { return version_ = number, *this; }
  Gguf& counts(uint64_t tensors, uint64_t entries) { return tensors_ = tensors, count_ = entries, *this; }

  Bytes bytes() const {
    Bytes out = bytes_of("GGUF");
    append(out, version_);
    append(out, tensors_);
    append(out, count_);
    append(out, as_text(entries_));
    append(out, as_text(infos_));
    if (tensors_) out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_);
    append(out, as_text(data_));
    return out;
  }

 private:
  void begin(std::string_view key, uint32_t type) {
    append_string(entries_, key);
    append(entries_, type);
    ++count_;
  }
  Bytes entries_, infos_, data_;
  uint64_t tensors_ = 0, count_ = 0;
  size_t alignment_ = 32;
  uint32_t version_ = 3;
};

Bytes floats(size_t count) {
  std::vector<float> values(count);
  for (size_t k = 0; k < count; ++k) values[k] = static_cast<float>(k) + 1;
  return bytes_of(values);
}
Bytes q8_blocks(size_t count, int8_t code) {
  Bytes out;
  for (size_t b = 0; b < count; ++b) {
    append(out, uint16_t{0x3800});
    for (int k = 0; k < 32; ++k) append(out, code);
  }
  return out;
}
// An untied model: 3 tokens, width 32.
Gguf model() {
  return Gguf()
      .text("general.architecture", "llama")
      .value("llama.embedding_length", u32, uint32_t{32})
      .list<std::string>("tokenizer.ggml.tokens", string, {"<s>", "a", "b"})
      .tensor("token_embd.weight", {32, 3}, F32, floats(96))
      .tensor("blk.0.attn_q.weight", {256, 1}, IQ2_XXS, Bytes(66))
      .tensor("output.weight", {32, 3}, Q8_0, q8_blocks(3, -6));
}

TEST(Gguf, shapes_types_and_values) {
  const auto file = open_one("w.gguf", model().bytes());
  EXPECT_EQ(file.format(), "gguf");
  ASSERT_EQ(file.tensors().size(), 3u);
  const TensorInfo& head = *file.find("output.weight");
  EXPECT_EQ(head.shape, (std::vector<uint64_t>{3, 32}));
  EXPECT_EQ(head.dtype, Dtype::q8_0);
  EXPECT_EQ(head.dtype_text, "Q8_0");
  const auto W = file.load<float>(head);
  for (size_t k = 0; k < 96; ++k) EXPECT_EQ(W.data()[k], -3.0f);
  const auto E = file.load<double>(*file.find("token_embd.weight"));
  EXPECT_EQ(E.rows(), 3u);
  EXPECT_EQ(E.data()[95], 96.0);
  EXPECT_EQ(open_one("w.gguf", model().version(2).bytes()).tensors().size(), 3u);
  // The signature decides, not the name.
  EXPECT_EQ(open_one("model.bin", model().bytes()).format(), "gguf");
}

TEST(Gguf, a_type_that_is_not_decoded_stops_only_its_own_tensor) {
  const auto file = open_one("w.gguf", model().bytes());
  const TensorInfo& layer = *file.find("blk.0.attn_q.weight");
  EXPECT_EQ(layer.dtype, Dtype::other);
  EXPECT_EQ(layer.dtype_text, "IQ2_XXS");
  EXPECT_EQ(layer.end - layer.begin, 66u);
  expect_error(unsupported, "IQ2_XXS", [&] { file.load<float>(layer); });
}

TEST(Gguf, a_type_without_a_known_size_ends_where_the_next_tensor_begins) {
  const auto file = open_one("w.gguf", Gguf()
                                           .tensor("a", {7, 2}, 4711, Bytes(40))
                                           .tensor("b", {2, 2}, F32, floats(4))
                                           .tensor("c", {64, 2}, 31, Bytes(33))
                                           .bytes());
  EXPECT_EQ(file.find("a")->dtype_text, "type 4711");
  EXPECT_EQ(file.find("a")->end - file.find("a")->begin, 64u);
  EXPECT_EQ(file.find("c")->dtype_text, "Q4_0_4_4");
  EXPECT_EQ(file.find("c")->end - file.find("c")->begin, 33u);
  EXPECT_EQ(file.load<float>(*file.find("b")).data()[3], 4.0f);
  expect_error(unsupported, "type 4711", [&] { file.load<float>(*file.find("a")); });
}

TEST(Gguf, every_type_of_value_becomes_text) {
  Bytes nested;
  append(nested, uint32_t{array});
  append(nested, uint64_t{2});
  for (int k = 0; k < 2; ++k) {
    append(nested, uint32_t{u16});
    append(nested, uint64_t{1});
    append(nested, uint16_t{5});
  }
  const auto file = open_one("w.gguf", Gguf()
                                           .value("u8", u8, uint8_t{255})
                                           .value("i8", i8, int8_t{-128})
                                           .value("u16", u16, uint16_t{65535})
                                           .value("i16", i16, int16_t{-2})
                                           .value("u32", u32, uint32_t{4000000000})
                                           .value("i32", i32, int32_t{-3})
                                           .value("f32", f32, 0.1f)
                                           .value("yes", boolean, uint8_t{1})
                                           .value("no", boolean, uint8_t{0})
                                           .text("string", "two\nlines")
                                           .text("no UTF-8", "a\xff")
                                           .value("u64", u64, ~uint64_t{0})
                                           .value("i64", i64, int64_t{INT64_MIN})
                                           .value("f64", f64, 0.1)
                                           .list<int32_t>("list", i32, {1, -2})
                                           .list<std::string>("words", string, {"a", "\"b\""})
                                           .list<uint8_t>("long", u8, std::vector<uint8_t>(17))
                                           .raw("nested", array, nested)
                                           .text("very long", std::string((1 << 20) + 1, 'x'))
                                           .bytes());
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"u8", "255"},
                                                                 {"i8", "-128"},
                                                                 {"u16", "65535"},
                                                                 {"i16", "-2"},
                                                                 {"u32", "4000000000"},
                                                                 {"i32", "-3"},
                                                                 {"f32", "0.1"},
                                                                 {"yes", "true"},
                                                                 {"no", "false"},
                                                                 {"string", "two\nlines"},
                                                                 {"no UTF-8", "a\\xff"},
                                                                 {"u64", "18446744073709551615"},
                                                                 {"i64", "-9223372036854775808"},
                                                                 {"f64", "0.1"},
                                                                 {"list", "[1, -2]"},
                                                                 {"words", "[\"a\", \"\\\"b\\\"\"]"},
                                                                 {"long", "[17 elements of type uint8]"},
                                                                 {"nested", "[2 elements of type array]"},
                                                                 {"very long", "[string of 1048577 bytes]"}}));
  EXPECT_TRUE(file.tensors().empty());  // a file of a vocabulary alone
  EXPECT_TRUE(file.config().is_null());
}

TEST(Gguf, alignment_of_the_data) {
  for (const size_t alignment : {1u, 8u, 64u, 4096u}) {
    SCOPED_TRACE(alignment);
    const auto file = open_one("w.gguf", Gguf()
                                             .align(alignment)
                                             .tensor("a", {3, 1}, F32, floats(3))
                                             .tensor("b", {3, 1}, F32, floats(3))
                                             .value("general.alignment", u32, static_cast<uint32_t>(alignment))
                                             .bytes());
    EXPECT_EQ(file.load<float>(*file.find("b")).data()[2], 3.0f);
    EXPECT_EQ(file.find("a")->begin % alignment, 0u);
  }
}

TEST(Gguf, the_head_and_the_embedding) {
  const auto file = open_one("w.gguf", model().bytes());
  const auto roles = resolve_heads(file);
  ASSERT_EQ(roles.size(), 2u);
  EXPECT_EQ(roles[0].tensor->name, "output.weight");
  EXPECT_EQ(roles[0].role, "lm_head");
  EXPECT_FALSE(roles[0].tied);
  EXPECT_TRUE(roles[0].warnings.empty()) << roles[0].warnings[0];
  EXPECT_TRUE(roles[0].evidence.starts_with("GGUF metadata: model_type \"llama\"")) << roles[0].evidence;
  EXPECT_EQ(roles[1].tensor->name, "token_embd.weight");
  EXPECT_EQ(file.tokens(), (std::vector<std::string>{"<s>", "a", "b"}));
  EXPECT_EQ(file.config(), (Json{{"model_type", "llama"}, {"vocab_size", 3}, {"hidden_size", 32}}));
}

Gguf embedding_alone(std::string_view architecture) {
  return Gguf()
      .text("general.architecture", architecture)
      .value("llama.vocab_size", u32, uint32_t{5})
      .tensor("token_embd.weight", {4, 3}, F32, floats(12));
}

TEST(Gguf, without_output_the_embedding_is_the_head_but_for_encoders_and_parts_of_a_model) {
  const auto tied = open_one("w.gguf", embedding_alone("llama").bytes());
  const auto role = resolve_heads(tied)[0];
  EXPECT_EQ(role.role, "lm_head");
  EXPECT_TRUE(role.tied);
  ASSERT_EQ(role.warnings.size(), 1u);
  EXPECT_NE(role.warnings[0].find("has 3 rows"), std::string::npos) << role.warnings[0];

  const auto encoder = open_one("w.gguf", embedding_alone("nomic-bert").bytes());
  EXPECT_EQ(resolve_heads(encoder)[0].role, "embedding");
  const auto part = open_one("w.gguf", embedding_alone("llama").value("split.count", u16, uint16_t{2}).bytes());
  EXPECT_EQ(resolve_heads(part)[0].role, "embedding");
}

// Cuts within the metadata, the descriptions, the padding and the data: no prefix of a file is a file.
TEST(HostileGguf, cut_at_every_byte) {
  const Bytes whole = model().bytes();
  for (size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    expect_error(bad_file, "", [&] { open_one("w.gguf", Bytes(whole.begin(), whole.begin() + length)); });
  }
}

struct Defect {
  std::string_view name;
  ErrorKind kind;
  std::string_view fragment;
  Bytes bytes;
};
void expect_each_is_refused(const std::vector<Defect>& defects) {
  for (const auto& defect : defects) {
    SCOPED_TRACE(defect.name);
    expect_error(defect.kind, defect.fragment, [&] { open_one("w.gguf", defect.bytes); });
  }
}

constexpr uint64_t kHuge = uint64_t{1} << 60;

TEST(HostileGguf, versions_and_counts) {
  expect_each_is_refused(
      {{"another file", bad_file, "does not begin with GGUF", bytes_of("GGML....")},
       {"version 1", unsupported, "version 1", model().version(1).bytes()},
       {"version 4", unsupported, "version 4; 2 and 3 are read", model().version(4).bytes()},
       {"version 0", unsupported, "version 0", model().version(0).bytes()},
       {"big-endian", unsupported, "big-endian", model().version(0x03000000).bytes()},
       {"many tensors", unsupported, "1152921504606846976 tensors, at most", model().counts(kHuge, 3).bytes()},
       {"more tensors than bytes", bad_file, "999999 tensors before byte", model().counts(999999, 3).bytes()},
       {"more tensors than there are", bad_file, "", model().counts(4, 3).bytes()},
       {"many entries", bad_file, "4294967296 metadata entries before byte 24 need at least 14 bytes each",
        model().counts(3, uint64_t{1} << 32).bytes()}});
}

Bytes key_of_length(uint64_t length) {
  Bytes out = Gguf().counts(0, 1).bytes();
  append(out, length);
  out.resize(out.size() + 64);
  return out;
}
Bytes length_only(uint64_t length) { return bytes_of(std::vector<uint64_t>{length}); }
Bytes array_head(uint32_t type, uint64_t count) {
  Bytes out;
  append(out, type);
  append(out, count);
  return out;
}
Gguf raw(uint32_t type, const Bytes& bytes) { return Gguf().raw("k", type, bytes).data(64); }

TEST(HostileGguf, metadata) {
  Bytes deep;
  for (int k = 0; k < 100; ++k) append(deep, as_text(array_head(array, 1)));
  Bytes long_string_in_array = array_head(string, 17);
  append(long_string_in_array, kHuge);
  long_string_in_array.resize(400);
  expect_each_is_refused(
      {{"a string of 2^60 bytes", bad_file, "metadata \"k\": string at byte", raw(string, length_only(kHuge)).bytes()},
       {"a string of 2^64 - 1 bytes", bad_file, "metadata \"k\": string", raw(string, length_only(~0ull)).bytes()},
       {"a key of 2^60 bytes", bad_file, "key at byte 32 needs", key_of_length(kHuge)},
       {"a key without a name", bad_file, "a key without a name", Gguf().value("", u8, uint16_t{1}).bytes()},
       {"a long key", bad_file, "is 65536 bytes long, at most 65535",
        Gguf().value(std::string(65536, 'k'), u8, uint8_t{1}).bytes()},
       {"type 13", bad_file, "value type 13 at byte", raw(13, Bytes(8)).bytes()},
       {"type 2^32 - 1", bad_file, "value type 4294967295", raw(0xffffffff, Bytes(8)).bytes()},
       {"bool 2", bad_file, "is 2, expected 0 or 1", raw(boolean, bytes_of(std::vector<uint8_t>{2})).bytes()},
       {"key twice", bad_file, "metadata \"k\": the key appears twice",
        Gguf().value("k", u8, uint8_t{1}).value("k", u8, uint8_t{1}).bytes()},
       {"an array of 2^60 bytes", bad_file, "array elements of type uint8", raw(array, array_head(u8, kHuge)).bytes()},
       {"an array of 2^61 doubles", bad_file, "of type float64", raw(array, array_head(f64, kHuge * 2)).bytes()},
       {"an array of 2^60 strings", bad_file, "of type string", raw(array, array_head(string, kHuge)).bytes()},
       {"an array of 2^60 arrays", bad_file, "of type array", raw(array, array_head(array, kHuge)).bytes()},
       {"an array of type 13", bad_file, "value type 13", raw(array, array_head(13, 1)).bytes()},
       {"a string of 2^60 bytes in an array", bad_file, "string at byte", raw(array, long_string_in_array).bytes()},
       {"2^60 tokens", bad_file, "metadata \"tokenizer.ggml.tokens\": 1152921504606846976 array elements",
        Gguf().raw("tokenizer.ggml.tokens", array, array_head(string, kHuge)).bytes()},
       {"deep arrays", unsupported, "nested deeper than 8", raw(array, deep).bytes()}});
  for (const uint32_t alignment : {0u, 24u, 33u}) {
    expect_error(bad_file, "expected a power of two", [&] {
      open_one("w.gguf", Gguf().value("general.alignment", u32, alignment).tensor("a", {1}, F32, floats(1)).bytes());
    });
  }
  expect_error(bad_file, "expected a power of two",
               [&] { open_one("w.gguf", Gguf().text("general.alignment", "x").bytes()); });
  expect_error(bad_file, "header ends at byte 2147483648", [&] {
    open_one("w.gguf",
             Gguf().value("general.alignment", u32, uint32_t{1} << 31).tensor("a", {1}, F32, floats(1)).bytes());
  });
}

Gguf one(const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset = 0) {
  return Gguf().describe("W", dims, type, offset).data(4096);
}

TEST(HostileGguf, tensors) {
  const uint64_t half = uint64_t{1} << 32;
  expect_each_is_refused(
      {{"name twice", bad_file, "tensor \"a\" appears twice",
        Gguf().tensor("a", {1}, F32, floats(1)).tensor("a", {1}, F32, floats(1)).bytes()},
       {"overlap", bad_file, "inside tensor \"a\"",
        Gguf().describe("a", {16}, F32, 0).describe("b", {16}, F32, 32).data(128).bytes()},
       {"overlap of a type of unknown size", bad_file, "inside tensor",
        Gguf().describe("a", {16}, 4711, 32).describe("b", {16}, F32, 0).data(128).bytes()},
       {"not aligned", bad_file, "tensor \"W\": offset 4 is no multiple of the alignment 32", one({1}, F32, 4).bytes()},
       {"beyond the file", bad_file, "tensor \"W\": ends at byte", one({1}, F32, 4096).bytes()},
       {"too long", bad_file, "the file is cut short", one({1025}, F32).bytes()},
       {"offset wraps", bad_file, "end of the tensor overflows", one({64}, F32, ~uint64_t{31} - 64).bytes()},
       {"begin wraps", bad_file, "offset of the tensor overflows", one({1}, F32, ~uint64_t{31}).bytes()},
       {"unknown type behind the file", bad_file, "begins at byte", one({1}, 4711, 8192).bytes()},
       {"rows that fill no block", bad_file, "rows of 48 elements do not fill blocks of 32",
        one({48, 2}, Q4_0).bytes()},
       {"rows that fill no block of a type not decoded", bad_file, "do not fill blocks of 256",
        one({128, 2}, IQ2_XXS).bytes()},
       {"a scalar of blocks", bad_file, "rows of 1 elements do not fill", one({}, Q8_0).bytes()},
       {"size overflows", bad_file, "overflows 64 bits", one({half, half}, F32).bytes()},
       {"size of blocks overflows", bad_file, "overflows 64 bits", one({half * 32, half / 4}, Q8_0).bytes()},
       {"2^60 elements", bad_file, "the file is cut short", one({kHuge}, Q8_0).bytes()},
       {"negative", bad_file, "", one({~uint64_t{31}, 1}, Q8_0).bytes()},
       {"rank 9", unsupported, "tensor \"W\": rank 9", one(std::vector<uint64_t>(9, 1), F32).bytes()},
       {"a long name", bad_file, "is 513 bytes long, at most 512",
        Gguf().tensor(std::string(513, 'n'), {1}, F32, floats(1)).bytes()},
       {"name that is no UTF-8", bad_file, "not valid UTF-8", Gguf().tensor("\xff", {1}, F32, floats(1)).bytes()}});
  Bytes rank = bytes_of("GGUF");
  append(rank, uint32_t{3});
  append(rank, uint64_t{1});
  append(rank, uint64_t{0});
  append_string(rank, "W");
  append(rank, ~uint32_t{0});
  rank.resize(400);
  expect_error(unsupported, "rank 4294967295", [&] { open_one("w.gguf", rank); });
}

TEST(Gguf, tensors_without_elements_and_scalars) {
  const auto file = open_one("w.gguf", Gguf()
                                           .tensor("empty", {0, 3}, F32, {})
                                           .tensor("rows", {32, 0}, Q8_0, {})
                                           .tensor("scalar", {}, F32, floats(1))
                                           .tensor("integers", {2}, I32, Bytes(8))
                                           .bytes());
  EXPECT_EQ(file.load<float>(*file.find("empty")).rows(), 3u);
  EXPECT_EQ(file.load<float>(*file.find("rows")).cols(), 32u);
  EXPECT_TRUE(file.find("scalar")->shape.empty());
  EXPECT_EQ(file.find("integers")->dtype, Dtype::other);
}

// Values that are no numbers are refused where they are: a scale of NaN, and one of infinity.
TEST(HostileGguf, blocks_whose_scale_is_not_finite) {
  Bytes blocks = q8_blocks(4, 1);
  blocks[34 * 2 + 1] = std::byte{0x7e};
  const auto file = open_one("w.gguf", Gguf().tensor("W", {64, 2}, Q8_0, blocks).bytes());
  expect_error(bad_file, "tensor \"W\": element [1, 0] is NaN", [&] { file.load<float>(file.tensors()[0]); });
}

// Peak bytes that opening took, beyond the file itself.
size_t peak_of_opening(const Bytes& bytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / "superpose_gguf_test.gguf";
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const size_t before = start_counting();
  try {
    const auto checkpoint = Checkpoint::open(path);
  } catch (const Error&) {
  }
  const size_t peak = peak_live_bytes() - before;
  std::filesystem::remove(path);
  return peak;
}

TEST(HostileGguf, memory_grows_with_the_header_by_a_small_factor) {
  constexpr size_t kFixed = 256u << 10;  // windows of the reader, the map of bytes read
  const Bytes lies[] = {raw(string, length_only(kHuge)).bytes(), raw(array, array_head(u8, kHuge)).bytes(),
                        model().counts(999999, uint64_t{1} << 32).bytes()};
  for (const Bytes& lie : lies) EXPECT_LT(peak_of_opening(lie), kFixed);

  // Tokens that are promised and do not come: nothing is set aside for them.
  Bytes promised = array_head(string, 1000000);
  promised.resize(12);
  append(promised, kHuge);
  EXPECT_LT(peak_of_opening(Gguf().raw("tokenizer.ggml.tokens", array, promised).data(8 << 20).bytes()), kFixed);

  Gguf entries, tensors;
  for (int k = 0; k < 40000; ++k) entries.value(std::to_string(k), u8, uint8_t{1});
  for (int k = 0; k < 40000; ++k) tensors.describe(std::to_string(k), {}, F32, 0);
  for (const Bytes& many : {entries.bytes(), tensors.bytes()}) {
    EXPECT_LT(peak_of_opening(many), 10 * many.size() + kFixed) << many.size();
  }
  const Bytes tokens =
      Gguf().list<std::string>("tokenizer.ggml.tokens", string, std::vector<std::string>(300000)).bytes();
  EXPECT_LT(peak_of_opening(tokens), 10 * tokens.size() + kFixed);
}

TEST(RealGguf, the_vectors) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set: no gguf/vectors.gguf to read";
  const auto file = Checkpoint::open(std::filesystem::path(data) / "gguf/vectors.gguf");
  EXPECT_EQ(file.metadata().at("general.architecture"), "llama");
  EXPECT_EQ(file.tokens().size(), 24u);
  EXPECT_EQ(file.tokens()[23], "tok23");
  const auto roles = resolve_heads(file);
  EXPECT_EQ(roles[0].tensor->name, "output.weight");
  EXPECT_TRUE(roles[0].warnings.empty());
}

}  // namespace
}  // namespace superpose::checkpoint
