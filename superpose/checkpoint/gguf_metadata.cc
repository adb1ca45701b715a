// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "superpose/base/json.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/gguf.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr uint64_t kMaxKeyBytes = 65'535;              // of the specification
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 20;  // of a string that is kept; longer ones are only counted
constexpr uint64_t kMaxListed = 16;                    // elements of an array that is kept
constexpr int kMaxDepth = 8;                           // of arrays in arrays
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;     // a key of one byte with a value of one byte

enum class ValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
struct ValueTraits {
  std::string_view name;
  uint64_t bytes;  // of an array element, the least for those that have no fixed size
};
constexpr ValueTraits kValueTypes[] = {{"uint8", 1},  {"int8", 1},    {"uint16", 2}, {"int16", 2},  {"uint32", 4},
                                       {"int32", 4},  {"float32", 4}, {"bool", 1},   {"string", 8}, {"array", 12},
                                       {"uint64", 8}, {"int64", 8},   {"float64", 8}};
const ValueTraits& traits_of(ValueType type) { return kValueTypes[static_cast<size_t>(type)]; }

// Text that the format calls UTF-8; what is none becomes \xNN, so that a message or JSON can hold it.
std::string utf8_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length) out += text.substr(0, length);
    if (!length) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[0]));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

class MetadataReader {
 public:
  explicit MetadataReader(ByteReader& bytes) : bytes_(bytes) {}

  void read_entry() {
    const std::string key = utf8_text(read_gguf_string(bytes_, kMaxKeyBytes, "key"));
    if (key.empty()) bad(fmt::format("a key without a name before byte {}", bytes_.offset()));
    try {
      const ValueType type = value_type();
      std::string text = type == ValueType::array && key == kTokens ? tokens() : value(type);
      if (!out_.text.emplace(key, std::move(text)).second) bad("the key appears twice");
    } catch (const Error& error) {
      throw error.in("metadata " + printable(key));
    }
  }

  GgufMetadata take() { return std::move(out_); }

 private:
  ValueType value_type() {
    const uint64_t offset = bytes_.offset();
    const auto number = bytes_.read<uint32_t>("value type");
    if (number >= std::size(kValueTypes)) bad(fmt::format("value type {} at byte {} is unknown", number, offset));
    return static_cast<ValueType>(number);
  }

  // A value as text. Long strings and arrays become their length.
  std::string value(ValueType type) {
    switch (type) {
      case ValueType::u8:
        return number<uint8_t>();
      case ValueType::i8:
        return number<int8_t>();
      case ValueType::u16:
        return number<uint16_t>();
      case ValueType::i16:
        return number<int16_t>();
      case ValueType::u32:
        return number<uint32_t>();
      case ValueType::i32:
        return number<int32_t>();
      case ValueType::u64:
        return number<uint64_t>();
      case ValueType::i64:
        return number<int64_t>();
      case ValueType::f32:
        return number<float>();
      case ValueType::f64:
        return number<double>();
      case ValueType::boolean:
        return boolean();
      case ValueType::string:
        return text();
      case ValueType::array:
        return array();
    }
    return {};
  }
  template <class T>
  std::string number() {
    return fmt::format("{}", bytes_.read<T>("value"));
  }
  std::string boolean() {
    const uint64_t offset = bytes_.offset();
    const auto byte = bytes_.read<uint8_t>("value");
    if (byte > 1) bad(fmt::format("bool at byte {} is {}, expected 0 or 1", offset, byte));
    return byte ? "true" : "false";
  }
  std::string text() {
    const auto length = bytes_.read<uint64_t>("string length");
    if (length <= kMaxTextBytes) return utf8_text(as_text(bytes_.take(length, "string")));
    bytes_.skip(length, "string");
    return fmt::format("[string of {} bytes]", length);
  }

  struct ArrayHead {
    ValueType type;
    uint64_t count;
  };
  ArrayHead array_head() {
    const ValueType type = value_type();
    const auto count = bytes_.read<uint64_t>("array length");
    check_gguf_count(bytes_, count, traits_of(type).bytes,
                     fmt::format("array elements of type {}", traits_of(type).name));
    return {type, count};
  }
  std::string array() {
    const ArrayHead head = array_head();
    if (head.count > kMaxListed || head.type == ValueType::array) {
      skip_elements(head, 1);
      return counted(head);
    }
    std::string out;
    for (uint64_t i = 0; i < head.count; ++i) {
      const std::string element = value(head.type);
      out += i ? ", " : "";
      out += head.type == ValueType::string ? Json(element).dump() : element;
    }
    return "[" + out + "]";
  }
  static std::string counted(const ArrayHead& head) {
    return fmt::format("[{} elements of type {}]", head.count, traits_of(head.type).name);
  }
  void skip_elements(const ArrayHead& head, int depth) {
    if (depth > kMaxDepth) {
      throw Error(ErrorKind::unsupported, fmt::format("arrays nested deeper than {}", kMaxDepth));
    }
    if (head.type != ValueType::array && head.type != ValueType::string) {
      bytes_.skip(head.count * traits_of(head.type).bytes, "array");  // cannot wrap: array_head has compared them
      return;
    }
    for (uint64_t i = 0; i < head.count; ++i) {
      if (head.type == ValueType::array) skip_elements(array_head(), depth + 1);
      if (head.type == ValueType::string) bytes_.skip(bytes_.read<uint64_t>("string length"), "string");
    }
  }
  std::string tokens() {
    const ArrayHead head = array_head();
    if (head.type != ValueType::string) return skip_elements(head, 1), counted(head);
    auto& out = out_.tokens;
    for (uint64_t i = 0; i < head.count; ++i) {
      if (out.size() == out.capacity()) out.reserve(out.size() + out.size() / 2 + 64);  // the count may lie
      out.push_back(text());
    }
    return counted(head);
  }

  ByteReader& bytes_;
  GgufMetadata out_;
};

}  // namespace

void check_gguf_count(const ByteReader& bytes, uint64_t count, uint64_t item_bytes, std::string_view what) {
  if (count > bytes.bytes_left() / item_bytes) {
    bad(fmt::format("{} {} before byte {} need at least {} bytes each, file has {} left", count, what, bytes.offset(),
                    item_bytes, bytes.bytes_left()));
  }
}

std::string read_gguf_string(ByteReader& bytes, uint64_t max_bytes, std::string_view what) {
  const auto length = bytes.read<uint64_t>(what);
  if (length > max_bytes && length <= bytes.bytes_left()) {
    bad(fmt::format("{} at byte {} is {} bytes long, at most {} are allowed", what, bytes.offset(), length, max_bytes));
  }
  return std::string(as_text(bytes.take(length, what)));
}

GgufMetadata read_gguf_metadata(ByteReader& bytes, uint64_t count) {
  check_gguf_count(bytes, count, kMinEntryBytes, "metadata entries");
  MetadataReader reader(bytes);
  for (uint64_t i = 0; i < count; ++i) reader.read_entry();
  return reader.take();
}

}  // namespace superpose::checkpoint
