// SPDX-License-Identifier: Apache-2.0
// Files made in memory for the tests of this folder.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/bytes.h"
#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

using Bytes = std::vector<std::byte>;

// Not vector::insert: GCC 12 sees an overflow in it that is not there.
inline void append(Bytes& out, std::string_view text) {
  const size_t old = out.size();
  out.resize(old + text.size());
  if (!text.empty()) std::memcpy(out.data() + old, text.data(), text.size());
}
template <class T>
requires std::is_arithmetic_v<T>
void append(Bytes& out, T value) { append(out, std::string_view(reinterpret_cast<const char*>(&value), sizeof value)); }
template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes out;
  for (const T value : values) append(out, value);
  return out;
}
inline Bytes bytes_of(std::string_view text) {
  Bytes out;
  append(out, text);
  return out;
}

inline Bytes safetensors(std::string_view header, const Bytes& data = {}) {
  Bytes out;
  append(out, uint64_t{header.size()});
  append(out, header);
  append(out, as_text(data));
  return out;
}

// One .npy file; version 1 has a 16-bit header length, 2 and 3 a 32-bit one.
inline Bytes npy(std::string_view dict, const Bytes& data = {}, uint8_t version = 1) {
  Bytes out;
  append(out, std::string_view("\x93NUMPY"));
  append(out, version);
  append(out, uint8_t{0});
  if (version == 1) append(out, static_cast<uint16_t>(dict.size()));
  if (version != 1) append(out, static_cast<uint32_t>(dict.size()));
  append(out, dict);
  append(out, as_text(data));
  return out;
}

// Tensors of float32 that differ from each other: element k of tensor t is t + 1 + k/1000. Equal `like` names share
// their values with an earlier tensor.
struct ModelTensor {
  std::string name;
  std::vector<uint64_t> shape;
  std::string like = {};
};
inline Bytes model_safetensors(const std::vector<ModelTensor>& tensors, const Json& metadata = nullptr) {
  Json header = Json::object();
  if (!metadata.is_null()) header["__metadata__"] = metadata;
  Bytes data;
  for (size_t t = 0; t < tensors.size(); ++t) {
    size_t base = t, count = 1;
    for (size_t u = 0; u < t; ++u) {
      if (tensors[u].name == tensors[t].like) base = u;
    }
    for (const uint64_t extent : tensors[t].shape) count *= extent;
    const size_t begin = data.size();
    for (size_t k = 0; k < count; ++k) append(data, static_cast<float>(base + 1) + static_cast<float>(k) / 1000);
    header[tensors[t].name] = {{"dtype", "F32"}, {"shape", tensors[t].shape}, {"data_offsets", {begin, data.size()}}};
  }
  return safetensors(header.dump(), data);
}

inline Checkpoint open_one(const std::string& name, Bytes bytes) {
  std::vector<MemoryFile> files;
  files.push_back({name, std::move(bytes)});
  return Checkpoint::open_memory(std::move(files));
}
// A folder with model.safetensors and, unless it is null, config.json.
inline Checkpoint open_model(const std::vector<ModelTensor>& tensors, const Json& config,
                             const Json& metadata = nullptr) {
  std::vector<MemoryFile> files;
  files.push_back({"model.safetensors", model_safetensors(tensors, metadata)});
  if (!config.is_null()) files.push_back({"config.json", bytes_of(config.dump())});
  return Checkpoint::open_memory(std::move(files));
}

inline void expect_error(ErrorKind kind, std::string_view fragment, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error_kind_name(error.kind()), error_kind_name(kind)) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(fragment), std::string_view::npos)
        << "expected a message with: " << fragment << "\nfound: " << error.what();
    return;
  }
  ADD_FAILURE() << "nothing was thrown, expected: " << fragment;
}

}  // namespace superpose::checkpoint
