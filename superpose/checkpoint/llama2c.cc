// SPDX-License-Identifier: Apache-2.0
// llama2.c .bin: 7 integers, then every weight; version 0 ("legacy export") and 1 in float32, version 2 in groups of
// int8 with a scale each. docs/formats/llama2c.md
//
// Version 0 has no magic number; what makes a file one of these is that its size is exactly what the header asks for.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kHeaderBytes = 28;               // of version 0
constexpr size_t kVersionedHeaderBytes = 256;     // of versions 1 and 2, zeros at its end
constexpr uint32_t kVersionedMagic = 0x616b3432;  // "ak42"
constexpr int32_t kMaxLayers = 1024;

struct Header {
  int32_t version = 0;
  int32_t dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len;
  bool shared_classifier;
  int32_t group_size = 0;  // of version 2

  uint64_t rows() const { return static_cast<uint64_t>(vocab_size < 0 ? -int64_t{vocab_size} : vocab_size); }
};

Header read_header(ByteReader& reader, bool versioned) {
  Header h{};
  if (versioned) {
    reader.read<uint32_t>("magic");
    h.version = reader.read<int32_t>("version");
    if (h.version != 1 && h.version != 2) {
      throw Error(ErrorKind::unsupported,
                  fmt::format("llama2.c format version {} (magic ak42); versions 0, 1 and 2 are read", h.version));
    }
  }
  h.dim = reader.read<int32_t>("dim");
  h.hidden_dim = reader.read<int32_t>("hidden_dim");
  h.n_layers = reader.read<int32_t>("n_layers");
  h.n_heads = reader.read<int32_t>("n_heads");
  h.n_kv_heads = reader.read<int32_t>("n_kv_heads");
  h.vocab_size = reader.read<int32_t>("vocab_size");
  h.seq_len = reader.read<int32_t>("seq_len");
  h.shared_classifier = h.vocab_size > 0;
  if (!versioned) return h;
  const auto shared = reader.read<uint8_t>("shared_classifier");
  if (shared > 1) bad(fmt::format("shared_classifier is {}, expected 0 or 1", shared));
  h.shared_classifier = shared == 1;
  if (h.version == 2) h.group_size = reader.read<int32_t>("group_size");
  reader.skip(kVersionedHeaderBytes - reader.offset(), "header");
  return h;
}

void check(const Header& h) {
  const auto at_least_1 = [](std::string_view name, int32_t value) {
    if (value < 1) bad(fmt::format("not a llama2.c header: {} is {}, expected at least 1", name, value));
  };
  at_least_1("dim", h.dim);
  at_least_1("hidden_dim", h.hidden_dim);
  at_least_1("n_layers", h.n_layers);
  at_least_1("n_heads", h.n_heads);
  at_least_1("n_kv_heads", h.n_kv_heads);
  at_least_1("seq_len", h.seq_len);
  if (h.vocab_size == 0) bad("not a llama2.c header: vocab_size is 0");
  if (h.version > 0) at_least_1("vocab_size", h.vocab_size);
  if (h.version == 2) at_least_1("group_size", h.group_size);
  if (h.n_layers > kMaxLayers) bad(fmt::format("n_layers is {}, at most {} are expected", h.n_layers, kMaxLayers));
  if (h.dim % h.n_heads != 0) bad(fmt::format("dim {} is not a multiple of n_heads {}", h.dim, h.n_heads));
  if (h.dim / h.n_heads % 2 != 0) bad(fmt::format("head size {} is odd", h.dim / h.n_heads));
  if (h.n_heads % h.n_kv_heads != 0) {
    bad(fmt::format("n_heads {} is not a multiple of n_kv_heads {}", h.n_heads, h.n_kv_heads));
  }
}

// Elements q[k]·scale[k / group] in float, as runq.c computes them, made when they are read.
class GroupsFile : public File {
 public:
  GroupsFile(std::shared_ptr<const File> file, std::string label, uint64_t begin, uint64_t elements, uint64_t group)
      : File(std::move(label), elements * sizeof(float)),
        file_(std::move(file)),
        begin_(begin),
        scales_(begin + elements),
        group_(group) {}

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    constexpr uint64_t kBlock = 1 << 16;
    const uint64_t end = offset + out.size();
    for (uint64_t first = offset / sizeof(float); first * sizeof(float) < end; first += kBlock) {
      const uint64_t count = std::min(kBlock, (end - 1) / sizeof(float) - first + 1);
      const std::vector<float> values = elements(first, count);
      const uint64_t from = std::max(offset, first * sizeof(float));
      const uint64_t to = std::min(end, (first + count) * sizeof(float));
      std::memcpy(out.data() + (from - offset),
                  reinterpret_cast<const std::byte*>(values.data()) + (from - first * sizeof(float)), to - from);
    }
  }

 private:
  std::vector<float> elements(uint64_t first, uint64_t count) const {
    const auto q = file_->read(begin_ + first, count);
    const uint64_t group = first / group_, groups = (first + count - 1) / group_ - group + 1;
    const auto bytes = file_->read(scales_ + group * sizeof(float), groups * sizeof(float));
    std::vector<float> scales(groups), out(count);
    std::memcpy(scales.data(), bytes.data(), bytes.size());
    for (uint64_t k = 0; k < count; ++k) {
      const auto value = static_cast<int8_t>(std::to_integer<uint8_t>(q[k]));
      out[k] = static_cast<float>(value) * scales[(first + k) / group_ - group];
    }
    return out;
  }

  std::shared_ptr<const File> file_;
  uint64_t begin_, scales_, group_;
};

// The tensors in file order, under the names of Llama's original release (and of llama2.c's model.py). `file` is null
// when only their places are asked for.
class Layout {
 public:
  Layout(const Header& header, std::shared_ptr<const File> file)
      : h_(header), file_(std::move(file)), at_(header.version == 0 ? kHeaderBytes : kVersionedHeaderBytes) {
    const auto dim = static_cast<uint64_t>(h_.dim);
    const uint64_t head_size = dim / static_cast<uint64_t>(h_.n_heads);
    if (h_.version == 0) add_matrix("tok_embeddings.weight", {h_.rows(), dim});
    add_layers(true, "attention_norm", {dim});
    if (h_.version == 0) add_attention(dim, head_size);
    add_layers(true, "ffn_norm", {dim});
    if (h_.version == 0) add_feed_forward(dim);
    add("norm.weight", {dim});
    if (h_.version == 0) {
      // Tables of rotary positions that old exports wrote; kept in the format, unused by readers.
      add("freq_cis_real", {static_cast<uint64_t>(h_.seq_len), head_size / 2});
      add("freq_cis_imag", {static_cast<uint64_t>(h_.seq_len), head_size / 2});
    } else {
      add_matrix("tok_embeddings.weight", {h_.rows(), dim});
      add_attention(dim, head_size);
      add_feed_forward(dim);
    }
    if (!h_.shared_classifier) add_matrix("output.weight", {h_.rows(), dim});
  }

  uint64_t end() const { return at_; }
  Index index() && {
    index_.data_begin = h_.version == 0 ? kHeaderBytes : kVersionedHeaderBytes;
    // The groups of version 2 are read through parts; that they fill the file is checked by its size.
    if (h_.version == 2) index_.layout = Index::Layout::apart;
    return std::move(index_);
  }

 private:
  void add_attention(uint64_t dim, uint64_t head_size) {
    const uint64_t kv_dim = head_size * static_cast<uint64_t>(h_.n_kv_heads);
    add_layers(false, "attention.wq", {dim, dim});
    add_layers(false, "attention.wk", {kv_dim, dim});
    add_layers(false, "attention.wv", {kv_dim, dim});
    add_layers(false, "attention.wo", {dim, dim});
  }
  void add_feed_forward(uint64_t dim) {
    const auto hidden = static_cast<uint64_t>(h_.hidden_dim);
    add_layers(false, "feed_forward.w1", {hidden, dim});
    add_layers(false, "feed_forward.w2", {dim, hidden});
    add_layers(false, "feed_forward.w3", {hidden, dim});
  }
  // Each kind of weight is stored for all layers, one after the other.
  void add_layers(bool norm, std::string_view name, const std::vector<uint64_t>& shape) {
    for (int32_t i = 0; i < h_.n_layers; ++i) {
      std::string full = fmt::format("layers.{}.{}.weight", i, name);
      norm ? add(std::move(full), shape) : add_matrix(std::move(full), shape);
    }
  }

  void add(std::string name, std::vector<uint64_t> shape) {
    TensorInfo tensor;
    tensor.name = std::move(name);
    tensor.dtype_text = "F32";
    tensor.shape = std::move(shape);
    tensor.begin = at_;
    tensor.end = at_ = checked_add(at_, checked_mul(elements(tensor), sizeof(float), tensor.name), tensor.name);
    index_.tensors.push_back(std::move(tensor));
  }

  void add_matrix(std::string name, std::vector<uint64_t> shape) {
    if (h_.version != 2) return add(std::move(name), std::move(shape));
    TensorInfo tensor;
    tensor.name = std::move(name);
    tensor.dtype_text = fmt::format("I8 in groups of {}", h_.group_size);
    tensor.shape = std::move(shape);
    const uint64_t count = elements(tensor), group = static_cast<uint64_t>(h_.group_size), begin = at_;
    if (count % group != 0) {
      bad(fmt::format("tensor {} has {} elements, no multiple of the group size {}", tensor.name, count, group));
    }
    tensor.end = checked_mul(count, sizeof(float), tensor.name);
    at_ = checked_add(at_, checked_add(count, count / group * sizeof(float), tensor.name), tensor.name);
    if (file_) {
      index_.parts.push_back(std::make_shared<GroupsFile>(file_, file_->label(), begin, count, group));
      tensor.file = index_.parts.size();
    }
    index_.tensors.push_back(std::move(tensor));
  }

  static uint64_t elements(const TensorInfo& tensor) {
    uint64_t out = 1;
    for (const uint64_t extent : tensor.shape) out = checked_mul(out, extent, "size of " + tensor.name);
    return out;
  }

  Header h_;
  std::shared_ptr<const File> file_;
  uint64_t at_;
  Index index_;
};

bool is_versioned(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && ByteReader(bytes).read<uint32_t>("magic") == kVersionedMagic;
}

// An early export.py wrote all scales behind all integers, in a file of the same size. Where the scales of the first
// tensor should be it has integers, which hardly ever look like 64 positive numbers of a sensible size.
void check_scales(const File& file, uint64_t begin, uint64_t count) {
  ByteReader reader(file, begin, 256);
  for (uint64_t k = 0; k < std::min<uint64_t>(count, 64); ++k) {
    const float scale = reader.read<float>("scale");
    if (scale == 0 || (scale > 1e-30f && scale < 1e6f)) continue;
    throw Error(
        ErrorKind::unsupported,
        fmt::format("scale {} of the embedding, at byte {}, is {}: no scales follow its integers, as llama2.c's "
                    "runq.c expects; an early export.py wrote them at the end of the file. Export it again",
                    k, begin + 4 * k, scale));
  }
}

}  // namespace

bool is_llama2c(const FileStart& start) {
  if (is_versioned(start.bytes)) return true;
  if (start.bytes.size() < kHeaderBytes || is_text(start.bytes.first(4))) return false;
  try {
    ByteReader reader(start.bytes);
    const Header header = read_header(reader, false);
    check(header);
    return Layout(header, nullptr).end() == start.file_bytes;
  } catch (const Error&) {
    return false;
  }
}

Index parse_llama2c(const std::shared_ptr<const File>& file) {
  const std::vector<std::byte> start = file->read(0, std::min<uint64_t>(4, file->size()));
  // Four printable characters would be a dim above 5·10^8.
  const bool versioned = is_versioned(start);
  if (!versioned && start.size() == 4 && is_text(start)) {
    throw Error(ErrorKind::unsupported,
                "begins with text, so it is no llama2.c file; of .bin files those of llama2.c, "
                "word2vec and PyTorch are read");
  }
  ByteReader reader(*file);
  const Header header = read_header(reader, versioned);
  check(header);
  Layout layout(header, file);
  if (layout.end() != file->size()) {
    bad(fmt::format(
        "as a llama2.c header (dim {}, hidden_dim {}, n_layers {}, n_heads {}, n_kv_heads {}, vocab_size {}, "
        "seq_len {}) it asks for {} bytes, found {}",
        header.dim, header.hidden_dim, header.n_layers, header.n_heads, header.n_kv_heads, header.vocab_size,
        header.seq_len, layout.end(), file->size()));
  }
  Index index = std::move(layout).index();
  if (header.version == 2) {
    const uint64_t elements = header.rows() * static_cast<uint64_t>(header.dim);
    const uint64_t norms = (2 * static_cast<uint64_t>(header.n_layers) + 1) * static_cast<uint64_t>(header.dim);
    check_scales(*file, kVersionedHeaderBytes + norms * sizeof(float) + elements,
                 elements / static_cast<uint64_t>(header.group_size));
  }
  index.config =
      Json{{"version", header.version},   {"dim", header.dim},         {"hidden_dim", header.hidden_dim},
           {"n_layers", header.n_layers}, {"n_heads", header.n_heads}, {"n_kv_heads", header.n_kv_heads},
           {"vocab_size", header.rows()}, {"seq_len", header.seq_len}, {"shared_classifier", header.shared_classifier}};
  return index;
}

}  // namespace superpose::checkpoint
