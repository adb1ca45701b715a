// SPDX-License-Identifier: Apache-2.0
// safetensors: u64 header length, a JSON header, tensor bytes. docs/formats/safetensors.md
#include <fmt/format.h>

#include <algorithm>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/dtypes.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/json_events.h"

namespace superpose::checkpoint {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr size_t kMaxMetadata = 65'536;            // entries; real files have a handful
constexpr size_t kMaxExtents = 64;                 // validate() refuses ranks above 8 with a better message

// {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
class HeaderEvents : public JsonEvents {
 public:
  explicit HeaderEvents(Index& index) : index_(index) {}

  bool start_object(size_t) override {
    if (level_ == Level::outside) {
      level_ = Level::root;
    } else if (level_ == Level::root) {
      level_ = name_ == "__metadata__" ? Level::metadata : Level::tensor;
      if (level_ == Level::tensor) start_tensor();
      if (level_ == Level::metadata && std::exchange(metadata_seen_, true)) bad("__metadata__ appears twice");
    } else {
      unexpected("object");
    }
    field_.clear();
    return true;
  }

  bool key(string_t& text) override {
    (level_ == Level::root ? name_ : field_) = text;
    if (level_ != Level::tensor) return true;
    const auto known = std::find(std::begin(kFields), std::end(kFields), text);
    if (known == std::end(kFields)) bad(fmt::format("{} is not one of dtype, shape, data_offsets", place()));
    const auto bit = 1u << (known - std::begin(kFields));
    if (fields_seen_ & bit) bad(fmt::format("{} appears twice", place()));
    fields_seen_ |= bit;
    return true;
  }

  bool string(string_t& text) override {
    if (level_ == Level::metadata) {
      if (index_.metadata.size() >= kMaxMetadata)
        bad(fmt::format("more than {} entries in __metadata__", kMaxMetadata));
      if (!index_.metadata.emplace(field_, text).second) bad(fmt::format("{} appears twice", place()));
      return true;
    }
    if (level_ != Level::tensor || field_ != kFields[0]) unexpected("string");
    const DtypeEntry* entry = find_safetensors_dtype(text);
    if (!entry) throw Error(ErrorKind::unsupported, fmt::format("{}: unknown dtype {}", place(), printable(text)));
    tensor().dtype = entry->dtype;
    tensor().dtype_text = entry->text;
    tensor().bits = entry->bits;
    return true;
  }

  bool start_array(size_t) override {
    if (level_ != Level::tensor || field_ == kFields[0] || in_array_) unexpected("array");
    in_array_ = true;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_) unexpected("number");
    auto& list = field_ == kFields[1] ? tensor().shape : offsets_;
    if (list.size() >= kMaxExtents) bad(fmt::format("{} has more than {} numbers", place(), kMaxExtents));
    list.push_back(value);
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    return true;
  }

  bool end_object() override {
    if (level_ == Level::tensor) finish_tensor();
    level_ = level_ == Level::root ? Level::outside : Level::root;
    field_.clear();
    return true;
  }

 private:
  enum class Level { outside, root, metadata, tensor };
  static constexpr std::string_view kFields[] = {"dtype", "shape", "data_offsets"};

  TensorInfo& tensor() { return index_.tensors.back(); }

  void start_tensor() {
    if (index_.tensors.size() >= kMaxTensors) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} tensors", kMaxTensors));
    }
    index_.tensors.emplace_back().name = name_;
    fields_seen_ = 0;
    offsets_.clear();
  }

  void finish_tensor() {
    for (size_t i = 0; i < std::size(kFields); ++i) {
      if (!(fields_seen_ & 1u << i)) bad(fmt::format("tensor {} has no {}", printable(name_), kFields[i]));
    }
    if (offsets_.size() != 2) {
      bad(fmt::format("tensor {}: data_offsets has {} numbers, expected 2", printable(name_), offsets_.size()));
    }
    tensor().begin = checked_add(offsets_[0], index_.data_begin, "tensor " + printable(name_) + ": data offset");
    tensor().end = checked_add(offsets_[1], index_.data_begin, "tensor " + printable(name_) + ": data offset");
    tensor().shape.shrink_to_fit();
  }

  std::string place() const override {
    if (level_ == Level::outside) return "header";
    if (level_ == Level::root) return "header entry " + printable(name_);
    return fmt::format("{} {}, field {}", level_ == Level::metadata ? "header entry" : "tensor", printable(name_),
                       printable(field_));
  }

  Index& index_;
  Level level_ = Level::outside;
  bool in_array_ = false;
  bool metadata_seen_ = false;
  unsigned fields_seen_ = 0;
  std::string name_;
  std::string field_;
  std::vector<uint64_t> offsets_;
};

}  // namespace

// A complete header that begins like a JSON object: what every intact file has.
bool is_safetensors(const FileStart& start) {
  if (start.bytes.size() < 9 || start.bytes[8] != std::byte{'{'}) return false;
  return ByteReader(start.bytes).read<uint64_t>("header length") <= start.file_bytes - 8;
}

Index parse_safetensors(const std::shared_ptr<const File>& file) {
  ByteReader reader(*file);
  const auto header_bytes = reader.read<uint64_t>("header length");
  if (header_bytes > reader.bytes_left()) {
    const bool text = is_text(file->read(0, uint64_t{8}));
    bad(fmt::format("header length at byte 0 says {} bytes, file has {} left{}", header_bytes, reader.bytes_left(),
                    text ? "; the file begins with text, it is not safetensors" : ""));
  }
  if (header_bytes > kMaxHeaderBytes) {
    bad(fmt::format("header length at byte 0 says {} bytes, the format allows {}", header_bytes, kMaxHeaderBytes));
  }
  const auto header = as_text(reader.take(header_bytes, "header"));
  if (!header.starts_with('{')) bad("header at byte 8 does not begin with '{': it is not a JSON object");
  Index index;
  index.data_begin = reader.offset();
  HeaderEvents(index).read(header);
  return index;
}

}  // namespace superpose::checkpoint
