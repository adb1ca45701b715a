// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "superpose/base/error.h"
#include "superpose/checkpoint/dtypes.h"
#include "superpose/base/printable.h"

namespace superpose::checkpoint {
namespace {

[[noreturn]] void fail(ErrorKind kind, const TensorInfo& tensor, const std::string& what) {
  throw Error(kind, fmt::format("tensor {}: {}", printable(tensor.name), what));
}

struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};
double value(double stored) { return stored; }
float value(float stored) { return stored; }
float value(F16 stored) { return f16_value(stored.bits); }
float value(Bf16 stored) { return bf16_value(stored.bits); }

// Element k of an array that may begin at any address: safetensors does not promise alignment.
template <class Stored>
auto element(const std::byte* begin, size_t k) {
  Stored stored;
  std::memcpy(&stored, begin + k * sizeof(Stored), sizeof(Stored));
  return value(stored);
}

template <class T, class Stored>
[[noreturn]] void report_not_finite(const TensorInfo& tensor, Stored stored, size_t i, size_t j) {
  if (std::isfinite(stored)) {
    fail(ErrorKind::unsupported, tensor,
         fmt::format("element [{}, {}] = {} is beyond the float32 range", i, j, stored));
  }
  fail(ErrorKind::bad_file, tensor,
       fmt::format("element [{}, {}] is {}", i, j,
                   std::isnan(stored) ? "NaN"
                   : stored > 0       ? "infinite"
                                      : "-infinite"));
}

template <class T, class Stored>
void fill(Matrix<T>& out, const TensorInfo& tensor, const std::byte* begin) {
  const size_t rows = out.rows(), cols = out.cols();
  const size_t row_step = tensor.column_major ? 1 : cols;
  const size_t col_step = tensor.column_major ? rows : 1;
  for (size_t i = 0; i < rows; ++i) {
    T* row = out.data() + i * cols;
    bool finite = true;
    for (size_t j = 0; j < cols; ++j) {
      row[j] = static_cast<T>(element<Stored>(begin, i * row_step + j * col_step));
      finite &= std::isfinite(row[j]);
    }
    if (finite) continue;
    for (size_t j = 0; j < cols; ++j) {
      if (!std::isfinite(row[j])) {
        report_not_finite<T>(tensor, element<Stored>(begin, i * row_step + j * col_step), i, j);
      }
    }
  }
}

}  // namespace

template <class T>
Matrix<T> read_matrix(const TensorInfo& tensor, std::span<const std::byte> bytes) {
  if (tensor.shape.size() != 2) {
    fail(ErrorKind::unsupported, tensor, fmt::format("shape {} is not a matrix", shape_text(tensor.shape)));
  }
  if (tensor.dtype == Dtype::other) {
    fail(ErrorKind::unsupported, tensor,
         fmt::format("dtype {} cannot be loaded; F64, F32, F16 and BF16 can", printable(tensor.dtype_text)));
  }
  // Whoever gets the matrix may spend time and memory per row, so a file without elements must not claim 2^60 rows.
  constexpr uint64_t kMaxEmptyExtent = uint64_t{1} << 24;
  if (bytes.empty() && std::max(tensor.shape[0], tensor.shape[1]) > kMaxEmptyExtent) {
    fail(ErrorKind::unsupported, tensor,
         fmt::format("shape {} has no elements, only a length that is too large", shape_text(tensor.shape)));
  }
  SUPERPOSE_ASSERT(bytes.size() / dtype_bytes(tensor.dtype) == tensor.shape[0] * tensor.shape[1]);
  Matrix<T> out(tensor.shape[0], tensor.shape[1]);
  switch (tensor.dtype) {
    case Dtype::f64:
      fill<T, double>(out, tensor, bytes.data());
      break;
    case Dtype::f32:
      fill<T, float>(out, tensor, bytes.data());
      break;
    case Dtype::f16:
      fill<T, F16>(out, tensor, bytes.data());
      break;
    case Dtype::bf16:
      fill<T, Bf16>(out, tensor, bytes.data());
      break;
    case Dtype::other:
      break;
  }
  return out;
}
template Matrix<float> read_matrix(const TensorInfo&, std::span<const std::byte>);
template Matrix<double> read_matrix(const TensorInfo&, std::span<const std::byte>);

}  // namespace superpose::checkpoint
