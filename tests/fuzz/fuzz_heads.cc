// SPDX-License-Identifier: Apache-2.0
// Any config.json beside tensors of any name and shape: one head with evidence, or an Error that says what to do.
//
// Input: the text of config.json, a byte 0, then tensors: the name up to a newline, and three bytes: rows, columns
// (modulo 9; modulo 9 = 8 for the columns makes a vector) and the byte that fills the tensor. A name "?" is looked up.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/checkpoint/checkpoint.h"

namespace {

using superpose::Error;
using superpose::ErrorKind;
using superpose::Json;
using superpose::checkpoint::Checkpoint;
using Bytes = std::vector<std::byte>;

void require(bool condition) {
  if (!condition) std::abort();
}

Bytes bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(begin, begin + text.size());
}

// A valid safetensors file of the tensors that the text describes.
Bytes model_of(std::string_view text) {
  Json header = Json::object();
  std::string data;
  for (int count = 0; count < 32; ++count) {
    const size_t line = text.find('\n');
    if (line == std::string_view::npos || text.size() < line + 4) break;
    const std::string name(text.substr(0, line));
    const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[line + k]); };
    std::vector<uint64_t> shape{byte(1) % 9u};
    if (byte(2) % 9 < 8) shape.push_back(byte(2) % 9u);
    const size_t begin = data.size();
    uint64_t bytes = 4;
    for (const uint64_t extent : shape) bytes *= extent;
    if (!header.contains(name) && name != "__metadata__") {
      data.append(bytes, text[line + 3]);
      header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
    }
    text.remove_prefix(line + 4);
  }
  const std::string json = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  const uint64_t length = json.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  return bytes_of(file + json + data);
}

void check(const Checkpoint& checkpoint) {
  try {
    const auto roles = superpose::checkpoint::resolve_heads(checkpoint);
    require(!roles.empty() && roles.size() <= 2);
    for (const auto& role : roles) {
      require(role.tensor && role.tensor->shape.size() == 2 && !role.evidence.empty());
      require(role.role == "lm_head" || role.role == "embedding" || role.role == "toy" || role.role == "matrix");
      const auto again = superpose::checkpoint::resolve_heads(checkpoint, role.tensor->name);
      require(again.size() == 1 && again[0].tensor == role.tensor && again[0].role == role.role);
    }
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage || error.kind() == ErrorKind::unsupported);
  }
  try {
    superpose::checkpoint::resolve_heads(checkpoint, "lm_head.weigth");
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::usage || error.kind() == ErrorKind::unsupported);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const auto config = input.substr(0, zero);
  const auto tensors = zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1);
  try {
    check(Checkpoint::open_memory({{"config.json", bytes_of(config)}, {"model.safetensors", model_of(tensors)}}));
  } catch (const Error& error) {
    // Names that are no UTF-8 may become equal when they are replaced; a config that is no JSON object is refused.
    require(error.kind() == ErrorKind::bad_file);
  }
  return 0;
}
