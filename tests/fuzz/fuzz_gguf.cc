// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .gguf file: a valid index or an Error of an allowed kind; tensors lie in the file and apart from each
// other; every matrix can be read, alike in one piece and row by row, or is refused.
//
// Input: the file.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/checkpoint.h"

namespace {

using superpose::Error;
using superpose::ErrorKind;
using superpose::checkpoint::Checkpoint;
using superpose::checkpoint::TensorInfo;
using superpose::checkpoint::traits;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_text(std::string_view text) {
  while (!text.empty()) {
    const size_t length = superpose::utf8_length(text);
    require(length > 0);
    text.remove_prefix(length);
  }
}

// What the parser and validate() promise, computed here once more.
void check_index(const Checkpoint& checkpoint, size_t file_bytes) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    require(tensor.shape.size() <= 8 && tensor.strides.empty() && !tensor.dtype_text.empty());
    require(tensor.begin <= tensor.end && tensor.end <= file_bytes);
    if (tensor.begin < tensor.end) ranges.emplace_back(tensor.begin, tensor.end);
    const auto& t = traits(tensor.dtype);
    if (t.block_elements == 0) continue;
    uint64_t elements = 1;
    for (const uint64_t extent : tensor.shape) require(!__builtin_mul_overflow(elements, extent, &elements));
    require(elements % t.block_elements == 0);
    require(elements / t.block_elements * t.block_bytes == tensor.end - tensor.begin);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) require(ranges[i - 1].second <= ranges[i].first);
  for (const auto& [key, text] : checkpoint.metadata()) check_text(key), check_text(text);
  for (const auto& token : checkpoint.tokens()) check_text(token);
}

void read_rows(const Checkpoint& checkpoint, const TensorInfo& tensor) {
  const auto rows = checkpoint.rows(tensor);
  require(rows->rows() == tensor.shape[0] && rows->cols() == tensor.shape[1]);
  const size_t n = rows->rows(), m = rows->cols();
  std::vector<float> whole(n * m), row(m);
  std::vector<double> wide(n * m);
  rows->read(0, n, whole.data());
  rows->read(0, n, wide.data());
  for (size_t i = 0; i < std::min<size_t>(n, 64) && m > 0; ++i) {
    rows->read(i, 1, row.data());
    require(std::memcmp(row.data(), whole.data() + i * m, m * sizeof(float)) == 0);
  }
  for (size_t k = 0; k < n * m; ++k) require(static_cast<float>(wide[k]) == whole[k]);
}

template <class Action>
void expect_only(std::initializer_list<ErrorKind> allowed, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    require(std::find(allowed.begin(), allowed.end(), error.kind()) != allowed.end());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  expect_only({ErrorKind::bad_file, ErrorKind::unsupported}, [&] {
    const Checkpoint checkpoint = Checkpoint::open_memory({{"w.gguf", std::vector<std::byte>(bytes, bytes + size)}});
    if (checkpoint.format() != "gguf") return;
    check_index(checkpoint, size);
    const auto& tensors = checkpoint.tensors();
    for (size_t i = 0; i < std::min<size_t>(tensors.size(), 16); ++i) {
      expect_only({ErrorKind::bad_file, ErrorKind::unsupported}, [&] { read_rows(checkpoint, tensors[i]); });
    }
    expect_only({ErrorKind::usage, ErrorKind::unsupported}, [&] { superpose::checkpoint::resolve_heads(checkpoint); });
  });
  return 0;
}
