// SPDX-License-Identifier: Apache-2.0
// What a format is: how its bytes are recognised and how they become an index. The list of formats is in table.cc.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// What one file says it holds. Nothing may be believed before validate() has seen it.
struct Index {
  std::vector<TensorInfo> tensors;  // begin and end are bytes of the whole file
  uint64_t data_begin = 0;          // the tensors cover [data_begin, end of file) exactly
  std::map<std::string, std::string> metadata;
  Json config;  // what the header says about the model, null if nothing
};

struct Format {
  std::string_view name;
  std::string_view extension;                         // decides only when no signature matches
  bool (*has_signature)(std::span<const std::byte>);  // cheap; false for damaged files is fine
  Index (*parse)(std::span<const std::byte> bytes);   // Error{bad_file | unsupported}
};

// The format of a file with this name and these bytes. Error{bad_file} when it is empty or no file of weights at all,
// Error{unsupported} naming the format when it is one that is not read.
const Format& recognise(std::span<const std::byte> bytes, std::string_view file_name);

// Each is described in docs/formats/.
bool is_safetensors(std::span<const std::byte> bytes);
Index parse_safetensors(std::span<const std::byte> bytes);
bool is_npy(std::span<const std::byte> bytes);
Index parse_npy(std::span<const std::byte> bytes);
bool is_llama2c(std::span<const std::byte> bytes);
Index parse_llama2c(std::span<const std::byte> bytes);

inline constexpr uint64_t kMaxTensors = 1'000'000;

// The one validator, for every format: names are unique, short, valid UTF-8; shapes have at most 8 extents and a size
// that fits 64 bits; every byte range lies in the file and is as long as shape and dtype say; the ranges follow each
// other without overlap or gap from data_begin to the end of the file. Error{bad_file}; Error{unsupported} for a rank
// above 8 or too many tensors.
void validate(const Index& index, uint64_t file_bytes);

}  // namespace superpose::checkpoint
