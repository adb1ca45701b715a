// SPDX-License-Identifier: Apache-2.0
// The parts of a GGUF header: key-values and types of tensors.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/bytes.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// A type of tensor by its number in the file: enum ggml_type of ggml.h.
struct GgufType {
  uint32_t number;
  std::string_view name;
  Dtype dtype;              // other: not decoded here
  uint32_t block_elements;  // 0: a type that ggml withdrew, whose size is not known here
  uint32_t block_bytes;
};
const GgufType* find_gguf_type(uint32_t number);  // nullptr: a number that is not known here

// Key-values as text: numbers and strings whole, arrays of up to 16 elements as "[1, 2]", anything longer as its
// length. Bytes that are no UTF-8 become \xNN.
struct GgufMetadata {
  std::map<std::string, std::string> text;
  std::vector<std::string> tokens;  // of tokenizer.ggml.tokens
};
// The next `count` key-values. Error{bad_file}; Error{unsupported} for arrays nested deeper than 8.
GgufMetadata read_gguf_metadata(ByteReader& bytes, uint64_t count);

// Error{bad_file} when `count` items of at least `item_bytes` bytes each cannot follow.
void check_gguf_count(const ByteReader& bytes, uint64_t count, uint64_t item_bytes, std::string_view what);

// A string behind its length of 64 bits. Error{bad_file} when it is longer than max_bytes.
std::string read_gguf_string(ByteReader& bytes, uint64_t max_bytes, std::string_view what);

}  // namespace superpose::checkpoint
