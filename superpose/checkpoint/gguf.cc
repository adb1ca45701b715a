// SPDX-License-Identifier: Apache-2.0
// GGUF, versions 2 and 3: "GGUF", version, two counts, key-values, tensor descriptions, padding, data.
// docs/formats/gguf.md
#include "superpose/checkpoint/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr uint64_t kMaxNameBytes = 512;  // as validate() says
constexpr uint64_t kMaxRank = 8;
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;  // no name, no extents

uint64_t align(uint64_t offset, uint64_t alignment) {
  return checked_add(offset, (alignment - offset % alignment) % alignment, "offset of the data");
}

class HeaderReader {
 public:
  explicit HeaderReader(const File& file) : bytes_(file), file_bytes_(file.size()) {}

  Index read() {
    check_version();
    const auto tensors = bytes_.read<uint64_t>("tensor count");
    const auto entries = bytes_.read<uint64_t>("metadata count");
    if (tensors > kMaxTensors) unsupported(fmt::format("{} tensors, at most {} are read", tensors, kMaxTensors));
    GgufMetadata metadata = read_gguf_metadata(bytes_, entries);
    index_.metadata = std::move(metadata.text);
    index_.tokens = std::move(metadata.tokens);
    check_gguf_count(bytes_, tensors, kMinTensorBytes, "tensors");
    index_.tensors.reserve(tensors);
    types_.reserve(tensors);
    for (uint64_t i = 0; i < tensors; ++i) read_tensor();
    place_tensors();
    describe_model();
    return std::move(index_);
  }

 private:
  void check_version() {
    if (as_text(bytes_.take(kMagic.size(), "magic")) != kMagic) bad("no GGUF file: it does not begin with GGUF");
    const auto version = bytes_.read<uint32_t>("version");
    if (version == 2 || version == 3) return;
    if (version != 0 && version % 65536 == 0) {
      unsupported("a GGUF file in big-endian byte order; convert it with gguf_convert_endian.py of llama.cpp");
    }
    if (version == 1) {
      unsupported(
          "GGUF version 1, whose lengths have 32 bits; convert the model again with a llama.cpp from 2023-09 on");
    }
    unsupported(fmt::format("GGUF version {}; 2 and 3 are read", version));
  }

  // TensorInfo::begin is relative to the data until place_tensors.
  void read_tensor() {
    TensorInfo tensor;
    tensor.name = read_gguf_string(bytes_, kMaxNameBytes, "tensor name");
    try {
      const auto rank = bytes_.read<uint32_t>("number of dimensions");
      if (rank > kMaxRank) unsupported(fmt::format("rank {}, at most {} is supported", rank, kMaxRank));
      // The first dimension of GGUF is the one whose elements lie side by side: the last of a row-major shape.
      tensor.shape.resize(rank);
      for (uint64_t i = rank; i > 0; --i) tensor.shape[i - 1] = bytes_.read<uint64_t>("dimension");
      const auto number = bytes_.read<uint32_t>("tensor type");
      tensor.begin = bytes_.read<uint64_t>("tensor offset");
      set_type(tensor, number);
    } catch (const Error& error) {
      throw error.in("tensor " + printable(tensor.name));
    }
    index_.tensors.push_back(std::move(tensor));
  }

  void set_type(TensorInfo& tensor, uint32_t number) {
    const GgufType* type = find_gguf_type(number);
    tensor.dtype = type ? type->dtype : Dtype::other;
    tensor.dtype_text = type ? std::string(type->name) : fmt::format("type {}", number);
    tensor.bits = type && type->block_elements == 1 ? type->block_bytes * 8 : 0;
    types_.push_back(type);
  }

  void place_tensors() {
    index_.layout = Index::Layout::apart;
    index_.data_begin = bytes_.offset();
    const uint64_t alignment = this->alignment();
    if (!index_.tensors.empty()) index_.data_begin = align(index_.data_begin, alignment);
    std::vector<size_t> of_unknown_size;
    for (size_t i = 0; i < index_.tensors.size(); ++i) {
      TensorInfo& tensor = index_.tensors[i];
      try {
        if (tensor.begin % alignment != 0) {
          bad(fmt::format("offset {} is no multiple of the alignment {}", tensor.begin, alignment));
        }
        tensor.begin = checked_add(index_.data_begin, tensor.begin, "offset of the tensor");
        const std::optional<uint64_t> size = size_of(tensor, types_[i]);
        if (size) tensor.end = checked_add(tensor.begin, *size, "end of the tensor");
        if (!size) of_unknown_size.push_back(i);
      } catch (const Error& error) {
        throw error.in("tensor " + printable(tensor.name));
      }
    }
    end_at_next(of_unknown_size);
  }

  uint64_t alignment() const {
    const std::optional<uint64_t> value = integer("general.alignment");
    if (!value && !index_.metadata.contains("general.alignment")) return 32;
    if (!value || *value == 0 || (*value & (*value - 1)) != 0 || *value > std::numeric_limits<uint32_t>::max()) {
      bad(fmt::format("metadata \"general.alignment\" is {}, expected a power of two",
                      printable(index_.metadata.at("general.alignment"))));
    }
    return *value;
  }

  // Bytes of a tensor, nothing when its type says too little.
  static std::optional<uint64_t> size_of(const TensorInfo& tensor, const GgufType* type) {
    if (!type || type->block_elements == 0) return {};
    const uint64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (columns % type->block_elements != 0) {
      bad(fmt::format("rows of {} elements do not fill blocks of {}, as {} needs", columns, type->block_elements,
                      type->name));
    }
    uint64_t size = checked_mul(columns / type->block_elements, type->block_bytes, "number of bytes");
    for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) size = checked_mul(size, tensor.shape[i], "number of bytes");
    return size;
  }

  // A tensor of unknown size gets all bytes up to the next tensor or the end of the file: it cannot be read, and
  // nothing else can be read through it.
  void end_at_next(const std::vector<size_t>& of_unknown_size) {
    if (of_unknown_size.empty()) return;
    std::vector<uint64_t> begins;
    for (const auto& tensor : index_.tensors) begins.push_back(tensor.begin);
    std::sort(begins.begin(), begins.end());
    for (const size_t i : of_unknown_size) {
      const auto next = std::upper_bound(begins.begin(), begins.end(), index_.tensors[i].begin);
      index_.tensors[i].end = next == begins.end() ? file_bytes_ : *next;
    }
  }

  // A whole number among the key-values.
  std::optional<uint64_t> integer(const std::string& key) const {
    const auto found = index_.metadata.find(key);
    if (found == index_.metadata.end()) return {};
    uint64_t value = 0;
    const char* end = found->second.data() + found->second.size();
    const auto [last, error] = std::from_chars(found->second.data(), end, value);
    if (error != std::errc() || last != end) return {};
    return value;
  }

  bool has_tensor(std::string_view name) const {
    return std::any_of(index_.tensors.begin(), index_.tensors.end(), [&](const auto& t) { return t.name == name; });
  }

  // The key-values in the words of config.json, which the choice of the head knows.
  void describe_model() {
    const auto architecture = index_.metadata.find("general.architecture");
    if (architecture == index_.metadata.end()) return;
    Json config = {{"model_type", architecture->second}};
    if (const auto rows = integer(architecture->second + ".vocab_size")) {
      config["vocab_size"] = *rows;
    } else if (!index_.tokens.empty()) {
      config["vocab_size"] = index_.tokens.size();
    }
    if (const auto width = integer(architecture->second + ".embedding_length")) config["hidden_size"] = *width;
    // A file without output.weight has a tied head, as llama.cpp reads it, unless another file of a split model has it.
    const bool split = integer("split.count").value_or(1) > 1;
    if (!split && has_tensor("token_embd.weight") && !has_tensor("output.weight")) config["tie_word_embeddings"] = true;
    index_.config = std::move(config);
  }

  ByteReader bytes_;
  uint64_t file_bytes_;
  Index index_;
  std::vector<const GgufType*> types_;  // of the tensors; nullptr: unknown
};

}  // namespace

bool is_gguf(const FileStart& start) { return as_text(start.bytes).starts_with(kMagic); }

Index parse_gguf(const std::shared_ptr<const File>& file) { return HeaderReader(*file).read(); }

}  // namespace superpose::checkpoint
