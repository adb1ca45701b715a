// SPDX-License-Identifier: Apache-2.0
// llama2.c .bin version 0 ("legacy export"): 7 int32, then every weight as float32. docs/formats/llama2c.md
//
// The header has no magic number; what makes a file one of these is that its size is exactly what the header asks for.
#include <fmt/format.h>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kHeaderBytes = 28;
constexpr uint32_t kVersionedMagic = 0x616b3432;  // "ak42": versions 1 and 2 of the format
constexpr int32_t kMaxLayers = 1024;

[[noreturn]] void bad(const std::string& text) { throw Error(ErrorKind::bad_file, text); }

struct Header {
  int32_t dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len;

  bool shared_classifier() const { return vocab_size > 0; }
  uint64_t rows() const { return static_cast<uint64_t>(shared_classifier() ? vocab_size : -int64_t{vocab_size}); }
};

Header read_header(ByteReader& reader) {
  Header h{};
  h.dim = reader.read<int32_t>("dim");
  h.hidden_dim = reader.read<int32_t>("hidden_dim");
  h.n_layers = reader.read<int32_t>("n_layers");
  h.n_heads = reader.read<int32_t>("n_heads");
  h.n_kv_heads = reader.read<int32_t>("n_kv_heads");
  h.vocab_size = reader.read<int32_t>("vocab_size");
  h.seq_len = reader.read<int32_t>("seq_len");
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
  if (h.n_layers > kMaxLayers) bad(fmt::format("n_layers is {}, at most {} are expected", h.n_layers, kMaxLayers));
  if (h.dim % h.n_heads != 0) bad(fmt::format("dim {} is not a multiple of n_heads {}", h.dim, h.n_heads));
  if (h.dim / h.n_heads % 2 != 0) bad(fmt::format("head size {} is odd", h.dim / h.n_heads));
  if (h.n_heads % h.n_kv_heads != 0) {
    bad(fmt::format("n_heads {} is not a multiple of n_kv_heads {}", h.n_heads, h.n_kv_heads));
  }
}

// The tensors in file order, under the names of Llama's original release (and of llama2.c's model.py).
class Layout {
 public:
  explicit Layout(const Header& header) : h_(header) {}

  std::vector<TensorInfo> tensors() && {
    const auto dim = static_cast<uint64_t>(h_.dim), hidden = static_cast<uint64_t>(h_.hidden_dim);
    const uint64_t head_size = dim / static_cast<uint64_t>(h_.n_heads);
    const uint64_t kv_dim = head_size * static_cast<uint64_t>(h_.n_kv_heads);
    add("tok_embeddings.weight", {h_.rows(), dim});
    add_layers("attention_norm", {dim});
    add_layers("attention.wq", {dim, dim});
    add_layers("attention.wk", {kv_dim, dim});
    add_layers("attention.wv", {kv_dim, dim});
    add_layers("attention.wo", {dim, dim});
    add_layers("ffn_norm", {dim});
    add_layers("feed_forward.w1", {hidden, dim});
    add_layers("feed_forward.w2", {dim, hidden});
    add_layers("feed_forward.w3", {hidden, dim});
    add("norm.weight", {dim});
    // Tables of rotary positions that old exports wrote; kept in the format, unused by readers.
    add("freq_cis_real", {static_cast<uint64_t>(h_.seq_len), head_size / 2});
    add("freq_cis_imag", {static_cast<uint64_t>(h_.seq_len), head_size / 2});
    if (!h_.shared_classifier()) add("output.weight", {h_.rows(), dim});
    return std::move(tensors_);
  }

 private:
  void add(std::string name, std::vector<uint64_t> shape) {
    uint64_t bytes = sizeof(float);
    for (const uint64_t extent : shape) bytes = checked_mul(bytes, extent, "size of " + name);
    TensorInfo tensor;
    tensor.name = std::move(name);
    tensor.dtype_text = "F32";
    tensor.shape = std::move(shape);
    tensor.begin = at_;
    tensor.end = at_ = checked_add(at_, bytes, "size of the weights");
    tensors_.push_back(std::move(tensor));
  }
  // Each kind of weight is stored for all layers, one after the other.
  void add_layers(std::string_view name, const std::vector<uint64_t>& shape) {
    for (int32_t i = 0; i < h_.n_layers; ++i) add(fmt::format("layers.{}.{}.weight", i, name), shape);
  }

  Header h_;
  uint64_t at_ = kHeaderBytes;
  std::vector<TensorInfo> tensors_;
};

bool is_versioned(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && ByteReader(bytes).read<uint32_t>("magic") == kVersionedMagic;
}

std::vector<TensorInfo> tensors_of(const Header& header) {
  check(header);
  return Layout(header).tensors();
}

}  // namespace

bool is_llama2c(const FileStart& start) {
  if (is_versioned(start.bytes)) return true;
  if (start.bytes.size() < kHeaderBytes || is_text(start.bytes.first(4))) return false;
  try {
    ByteReader reader(start.bytes);
    return tensors_of(read_header(reader)).back().end == start.file_bytes;
  } catch (const Error&) {
    return false;
  }
}

Index parse_llama2c(const std::shared_ptr<const File>& file) {
  ByteReader reader(*file);
  const std::vector<std::byte> start = file->read(0, std::min<uint64_t>(4, file->size()));
  if (is_versioned(start)) {
    reader.read<uint32_t>("magic");
    throw Error(ErrorKind::unsupported,
                fmt::format("llama2.c format version {} (magic ak42); only version 0, float32 without a magic number, "
                            "is read: export it with 'python export.py FILE --version 0'",
                            reader.read<int32_t>("version")));
  }
  // Four printable characters would be a dim above 5·10^8.
  if (start.size() == 4 && is_text(start)) {
    throw Error(
        ErrorKind::unsupported,
        "begins with text (word2vec's .bin does), so it is no llama2.c file; of .bin files only llama2.c version 0 "
        "is read");
  }
  const Header header = read_header(reader);
  Index index;
  index.data_begin = kHeaderBytes;
  index.tensors = tensors_of(header);
  if (const uint64_t end = index.tensors.back().end; end != file->size()) {
    bad(fmt::format(
        "as a llama2.c header (dim {}, hidden_dim {}, n_layers {}, n_heads {}, n_kv_heads {}, vocab_size {}, "
        "seq_len {}) it asks for {} bytes, found {}",
        header.dim, header.hidden_dim, header.n_layers, header.n_heads, header.n_kv_heads, header.vocab_size,
        header.seq_len, end, file->size()));
  }
  index.config = Json{{"dim", header.dim},
                      {"hidden_dim", header.hidden_dim},
                      {"n_layers", header.n_layers},
                      {"n_heads", header.n_heads},
                      {"n_kv_heads", header.n_kv_heads},
                      {"vocab_size", header.rows()},
                      {"seq_len", header.seq_len},
                      {"shared_classifier", header.shared_classifier()}};
  return index;
}

}  // namespace superpose::checkpoint
