// SPDX-License-Identifier: Apache-2.0
// Any bytes, as any kind of file: opening gives a valid index or an Error of an allowed kind, and every tensor that the
// index lists can be loaded or refused.
//
// Input: byte 0 selects what the rest is. 0 .safetensors, 1 .npy, 2 .bin, 3 a name without meaning, 4 a folder: u16
// length of model.safetensors.index.json, its bytes, and the rest as the shard "a".
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "superpose/base/error.h"
#include "superpose/checkpoint/checkpoint.h"

namespace {

using superpose::Error;
using superpose::ErrorKind;
using superpose::MemoryFile;
using superpose::checkpoint::Checkpoint;
using superpose::checkpoint::TensorInfo;

using Bytes = std::vector<std::byte>;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<MemoryFile> files_of(const uint8_t* data, size_t size) {
  static constexpr const char* kNames[] = {"w.safetensors", "w.npy", "w.bin", "w"};
  const auto slice = [&](size_t begin, size_t end) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    return Bytes(bytes + begin, bytes + end);
  };
  const uint8_t kind = data[0] % 5;
  if (kind < 4) return {{kNames[kind], slice(1, size)}};
  uint16_t index_bytes = 0;
  if (size >= 3) std::memcpy(&index_bytes, data + 1, 2);
  const size_t begin = std::min<size_t>(3, size);
  const size_t end = std::min<size_t>(begin + index_bytes, size);
  return {{"model.safetensors.index.json", slice(begin, end)}, {"a", slice(end, size)}};
}

// What validate() promises, computed here once more.
void check_index(const Checkpoint& checkpoint, size_t largest_file) {
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    require(tensor.shape.size() <= 8 && tensor.name.size() <= 512);
    require(tensor.begin <= tensor.end);
    if (checkpoint.format() != "safetensors" && tensor.file > 0) continue;  // in a part
    require(tensor.end <= largest_file);
    if (tensor.bits == 0) continue;
    uint64_t bits = tensor.bits;
    for (const uint64_t extent : tensor.shape) require(!__builtin_mul_overflow(bits, extent, &bits));
    require(bits == (tensor.end - tensor.begin) * 8);
  }
}

template <class Action>
void expect_only(std::initializer_list<ErrorKind> allowed, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    for (const ErrorKind kind : allowed) {
      if (error.kind() == kind) return;
    }
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto files = files_of(data, size);
  const bool folder = files.size() > 1;
  expect_only({ErrorKind::bad_file, ErrorKind::unsupported, folder ? ErrorKind::io : ErrorKind::bad_file}, [&] {
    const Checkpoint checkpoint = Checkpoint::open_memory(std::move(files));
    check_index(checkpoint, size);
    size_t loaded = 0;
    for (const TensorInfo& tensor : checkpoint.tensors()) {
      if (++loaded > 16) break;
      expect_only({ErrorKind::bad_file, ErrorKind::unsupported}, [&] {
        const auto W = checkpoint.load<double>(tensor);
        const auto V = checkpoint.load<float>(tensor);
        require(W.rows() == tensor.shape[0] && W.cols() == tensor.shape[1]);
        for (size_t k = 0; k < W.rows() * W.cols(); ++k) require(static_cast<float>(W.data()[k]) == V.data()[k]);
      });
    }
    expect_only({ErrorKind::usage, ErrorKind::unsupported}, [&] {
      for (const auto& role : superpose::checkpoint::resolve_heads(checkpoint)) {
        require(role.tensor && role.tensor->shape.size() == 2 && !role.evidence.empty());
      }
    });
  });
  return 0;
}
