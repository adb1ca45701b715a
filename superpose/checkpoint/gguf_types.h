// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// A type of tensor by its number in a GGUF file: enum ggml_type of ggml.h.
struct GgufType {
  uint32_t number;
  std::string_view name;
  Dtype dtype;              // other: not decoded here
  uint32_t block_elements;  // 0: a type that ggml withdrew, whose size is not known here
  uint32_t block_bytes;
};
const GgufType* find_gguf_type(uint32_t number);  // nullptr: a number that is not known here

}  // namespace superpose::checkpoint
