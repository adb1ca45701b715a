// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/dequantize.h"
#include "superpose/checkpoint/dtypes.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kVisitBytes = size_t{1} << 22;  // of one visit to stored elements

[[noreturn]] void fail(ErrorKind kind, const TensorInfo& tensor, const std::string& what) {
  throw Error(kind, fmt::format("tensor {}: {}", printable(tensor.name), what));
}

// Stored elements of a matrix in row-major order. In the words of TensorInfo: row i begins at begin + i·strides[0].
class Stored {
 public:
  Stored(const TensorInfo& tensor, const File& file) : file_(file), begin_(tensor.begin) {
    const DtypeTraits& t = traits(tensor.dtype);
    per_block_ = t.block_elements, block_bytes_ = t.block_bytes;
    rows_ = tensor.shape[0], cols_ = tensor.shape[1];
    if (tensor.strides.empty()) return;
    row_step_ = tensor.strides[0], col_step_ = tensor.strides[1];
    plain_ = cols_ <= 1 ? row_step_ == 1 : col_step_ == 1 && row_step_ == cols_;
  }
  size_t row_bytes() const { return cols_ / per_block_ * block_bytes_; }

  // Rows [begin, begin + count) into count · row_bytes().
  void read(size_t begin, size_t count, std::byte* out) const {
    if (count == 0 || cols_ == 0) return;
    const size_t row = row_bytes(), element = block_bytes_;
    if (plain_) {
      file_.read(begin_ + begin * row, std::span(out, count * row));
    } else if (col_step_ == 1) {
      for (size_t i = 0; i < count; ++i) {
        file_.read(begin_ + (begin + i) * row_step_ * element, std::span(out + i * row, row));
      }
    } else if (row_step_ == 1) {
      std::vector<std::byte> column(count * element);
      for (size_t j = 0; j < cols_; ++j) {
        file_.read(begin_ + (begin + j * col_step_) * element, column);
        for (size_t i = 0; i < count; ++i)
          std::memcpy(out + i * row + j * element, column.data() + i * element, element);
      }
    } else {
      read_scattered(begin, count, out);
    }
  }

 private:
  void read_scattered(size_t begin, size_t count, std::byte* out) const {
    const size_t element = block_bytes_;
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < cols_; ++j) {
        const uint64_t at = begin_ + ((begin + i) * row_step_ + j * col_step_) * element;
        file_.read(at, std::span(out + (i * cols_ + j) * element, element));
      }
    }
  }

  const File& file_;
  uint64_t begin_;
  size_t rows_ = 0, cols_ = 0, per_block_ = 1, block_bytes_ = 1;
  uint64_t row_step_ = 0, col_step_ = 1;
  bool plain_ = true;
};

struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};
struct E4m3 {
  uint8_t bits;
};
struct E5m2 {
  uint8_t bits;
};
double value(double stored) { return stored; }
float value(float stored) { return stored; }
float value(F16 stored) { return f16_value(stored.bits); }
float value(Bf16 stored) { return bf16_value(stored.bits); }
float value(E4m3 stored) { return f8_e4m3_value(stored.bits); }
float value(E5m2 stored) { return f8_e5m2_value(stored.bits); }

// Stored may begin at any address: no format promises alignment.
template <class Element, class T>
void convert(const std::byte* stored, size_t count, T* out) {
  for (size_t k = 0; k < count; ++k) {
    Element element;
    std::memcpy(&element, stored + k * sizeof(Element), sizeof(Element));
    out[k] = static_cast<T>(value(element));
  }
}

class TensorRows : public RowSource {
 public:
  TensorRows(const TensorInfo& tensor, std::shared_ptr<const File> file)
      : RowSource(tensor.shape[0], tensor.shape[1]),
        tensor_(tensor),
        file_(std::move(file)),
        stored_(tensor_, *file_) {}
  void read(size_t begin, size_t count, float* out) const override { read_as(begin, count, out); }
  void read(size_t begin, size_t count, double* out) const override { read_as(begin, count, out); }
  bool exact_in_float() const override { return tensor_.dtype != Dtype::f64; }

 private:
  template <class T>
  void read_as(size_t begin, size_t count, T* out) const {
    SUPERPOSE_ASSERT(begin <= rows() && count <= rows() - begin);
    std::vector<std::byte> raw(count * stored_.row_bytes());
    try {
      stored_.read(begin, count, raw.data());
      decode(begin, count, raw.data(), out);
    } catch (const Error& error) {
      throw error.kind() == ErrorKind::io ? error : error.in(file_->label());
    }
    const size_t elements = count * cols();
    size_t k = 0;
    while (k < elements && std::isfinite(out[k])) ++k;
    if (k < elements) report(begin, k, static_cast<double>(out[k]), raw.data());
  }

  template <class T>
  void decode(size_t begin, size_t count, const std::byte* raw, T* out) const {
    const size_t elements = count * cols();
    switch (tensor_.dtype) {
      case Dtype::f64:
        return convert<double>(raw, elements, out);
      case Dtype::f32:
        return convert<float>(raw, elements, out);
      case Dtype::f16:
        return convert<F16>(raw, elements, out);
      case Dtype::bf16:
        return convert<Bf16>(raw, elements, out);
      case Dtype::f8_e4m3:
        return convert<E4m3>(raw, elements, out);
      case Dtype::f8_e5m2:
        return convert<E5m2>(raw, elements, out);
      case Dtype::u8:
      case Dtype::i8:
        return decode_scaled(begin, count, raw, out);
      default:
        return decode_blocks(elements / traits(tensor_.dtype).block_elements, raw, out);
    }
  }

  template <class T>
  void decode_scaled(size_t begin, size_t count, const std::byte* raw, T* out) const {
    const Scale& scale = *tensor_.scale;
    const bool one = scale.scale.size() == 1;
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < cols(); ++j, ++raw, ++out) {
        const size_t at = one ? 0 : scale.axis == 0 ? begin + i : j;
        const int32_t q = tensor_.dtype == Dtype::u8 ? static_cast<int32_t>(std::to_integer<uint8_t>(*raw))
                                                     : static_cast<int8_t>(std::to_integer<uint8_t>(*raw));
        *out = static_cast<T>(scale.scale[at] * static_cast<float>(q - scale.zero_point[at]));
      }
    }
  }

  void decode_blocks(size_t blocks, const std::byte* raw, float* out) const {
    dequantize(tensor_.dtype, raw, blocks, out);
  }
  void decode_blocks(size_t blocks, const std::byte* raw, double* out) const {
    std::vector<float> values(blocks * traits(tensor_.dtype).block_elements);
    dequantize(tensor_.dtype, raw, blocks, values.data());
    std::copy(values.begin(), values.end(), out);
  }

  [[noreturn]] void report(size_t begin, size_t k, double found, const std::byte* raw) const {
    const size_t i = begin + k / cols(), j = k % cols();
    if (tensor_.dtype == Dtype::f64) {
      double stored;
      std::memcpy(&stored, raw + k * sizeof stored, sizeof stored);
      if (std::isfinite(stored)) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("{}: tensor {}: element [{}, {}] = {} is beyond the float32 range", file_->label(),
                                printable(tensor_.name), i, j, stored));
      }
    }
    throw Error(ErrorKind::bad_file,
                fmt::format("{}: tensor {}: element [{}, {}] is {}", file_->label(), printable(tensor_.name), i, j,
                            std::isnan(found) ? "NaN"
                            : found > 0       ? "infinite"
                                              : "-infinite"));
  }

  const TensorInfo tensor_;
  const std::shared_ptr<const File> file_;
  const Stored stored_;
};

std::string why_not_loaded(const TensorInfo& tensor) {
  const std::string_view text = tensor.dtype_text;
  const bool small_integer = tensor.dtype == Dtype::u8 || tensor.dtype == Dtype::i8;
  const bool integer =
      small_integer || text == "BOOL" ||
      ((text.starts_with('I') || text.starts_with('U')) && text.find_first_not_of("0123456789", 1) == text.npos);
  return fmt::format("dtype {} cannot be loaded: {}", printable(text),
                     integer ? "integers are no weights unless a scale says what they stand for"
                             : "of number types F64, F32, F16, BF16, F8_E4M3 and F8_E5M2 can, and the block formats of "
                               "GGUF that docs/formats/gguf.md lists");
}

}  // namespace

std::unique_ptr<RowSource> tensor_rows(const TensorInfo& tensor, std::shared_ptr<const File> file) {
  if (tensor.shape.size() != 2) {
    fail(ErrorKind::unsupported, tensor, fmt::format("shape {} is not a matrix", shape_text(tensor.shape)));
  }
  const bool integer = tensor.dtype == Dtype::u8 || tensor.dtype == Dtype::i8;
  if (tensor.dtype == Dtype::other || (integer && !tensor.scale))
    fail(ErrorKind::unsupported, tensor, why_not_loaded(tensor));
  // Whoever gets the matrix may spend time and memory per row, so a file without elements must not claim 2^60 rows.
  constexpr uint64_t kMaxEmptyExtent = uint64_t{1} << 24;
  if (tensor.begin == tensor.end && std::max(tensor.shape[0], tensor.shape[1]) > kMaxEmptyExtent) {
    fail(ErrorKind::unsupported, tensor,
         fmt::format("shape {} has no elements, only a length that is too large", shape_text(tensor.shape)));
  }
  // Nor a view that repeats a few elements (stride 0).
  const double elements = static_cast<double>(tensor.shape[0]) * static_cast<double>(tensor.shape[1]);
  if (elements > 64.0 * static_cast<double>(tensor.end - tensor.begin) + 0x1p24) {
    fail(ErrorKind::unsupported, tensor,
         fmt::format("shape {} repeats {} bytes many times", shape_text(tensor.shape), tensor.end - tensor.begin));
  }
  return std::make_unique<TensorRows>(tensor, std::move(file));
}

void visit_elements(const TensorInfo& tensor, const File& file,
                    const std::function<bool(std::span<const std::byte>)>& visit) {
  if (tensor.strides.empty()) {
    std::vector<std::byte> block(static_cast<size_t>(std::min<uint64_t>(kVisitBytes, tensor.end - tensor.begin)));
    for (uint64_t at = tensor.begin; at < tensor.end;) {
      const std::span part(block.data(), static_cast<size_t>(std::min<uint64_t>(block.size(), tensor.end - at)));
      file.read(at, part);
      if (!visit(part)) return;
      at += part.size();
    }
    return;
  }
  if (tensor.shape.size() != 2 || traits(tensor.dtype).block_elements != 1) {
    fail(ErrorKind::unsupported, tensor, "a view with gaps that is no matrix of plain elements");
  }
  const Stored stored(tensor, file);
  const size_t rows = std::clamp<size_t>(kVisitBytes / std::max<size_t>(stored.row_bytes(), 1), 1, 4096);
  std::vector<std::byte> block(rows * stored.row_bytes());
  for (size_t begin = 0; begin < tensor.shape[0]; begin += rows) {
    const size_t count = std::min<size_t>(rows, tensor.shape[0] - begin);
    stored.read(begin, count, block.data());
    if (!visit(std::span(block.data(), count * stored.row_bytes()))) return;
  }
}

}  // namespace superpose::checkpoint
