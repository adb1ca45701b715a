// SPDX-License-Identifier: Apache-2.0
// What the targets of single formats do with their bytes: open them under a name that asks for the format, and read all
// there is. A valid index or an Error about the file; nothing else.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>

#include "superpose/base/error.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

inline void require(bool condition) {
  if (!condition) std::abort();
}

template <class Action>
void expect_error_about_the_file(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::bad_file || error.kind() == ErrorKind::unsupported);
  }
}

inline void read_everything(const Checkpoint& checkpoint) {
  size_t loaded = 0;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    require(tensor.shape.size() <= 8 && tensor.name.size() <= 512 && tensor.begin <= tensor.end);
    if (++loaded > 16) continue;
    expect_error_about_the_file([&] {
      const auto W = checkpoint.load<double>(tensor);
      const auto V = checkpoint.load<float>(tensor);
      require(W.rows() == tensor.shape[0] && W.cols() == tensor.shape[1]);
      for (size_t k = 0; k < W.rows() * W.cols(); ++k) require(static_cast<float>(W.data()[k]) == V.data()[k]);
    });
    expect_error_about_the_file([&] { require(checkpoint.content_hash(tensor).size() == 64); });
  }
  try {
    for (const auto& role : resolve_heads(checkpoint)) require(role.tensor && role.tensor->shape.size() == 2);
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage || error.kind() == ErrorKind::unsupported);
  }
}

inline int fuzz_one_file(const char* name, const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  expect_error_about_the_file([&] {
    read_everything(Checkpoint::open_memory({{name, std::vector<std::byte>(bytes, bytes + size)}}));
  });
  return 0;
}

}  // namespace superpose::checkpoint
