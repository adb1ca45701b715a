// SPDX-License-Identifier: Apache-2.0
// checkpoint: files that hold weights -> an index of named tensors -> values on demand; and which tensor is the head.
//
// Contract, fuzzed: for any bytes, reading an index returns a valid one or throws Error{bad_file | unsupported}; memory
// stays within a small multiple of the header. Every file byte passes through ByteReader, every index through
// validate(). No tensor data is touched before load().
//
// Formats: safetensors (one file, or a folder with model.safetensors.index.json), .npy, llama2.c .bin version 0.
// Each is one file of this folder and one line in table.cc; its byte layout is in docs/formats/.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/matrix.h"

namespace superpose::checkpoint {

enum class Dtype { f64, f32, f16, bf16, other };  // other: listed by name, never loaded
std::string_view dtype_name(Dtype dtype);         // "F64", "F32", ...
size_t dtype_bytes(Dtype dtype);

struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::string dtype_text;  // as the file spells it ("F32", "I64", "<f4")
  std::vector<uint64_t> shape;
  uint64_t begin = 0, end = 0;  // byte range in its file
  size_t file = 0;              // index into the checkpoint's files
};

class Checkpoint {
 public:
  // path: a file or a model folder. Error{io} when it is not there, Error{bad_file | unsupported} otherwise.
  static Checkpoint open(const std::filesystem::path& path);
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;

  std::string_view format() const;  // "safetensors", "npy", "llama2.c"
  const std::vector<TensorInfo>& tensors() const;
  const TensorInfo* find(std::string_view name) const;
  const Json& config() const;  // config.json beside the weights, or what the header says; null if none
  const std::map<std::string, std::string>& metadata() const;  // safetensors __metadata__
  const std::vector<std::string>& warnings() const;

  // A 2-D tensor as float32 or, for F64, double rounded to float only when T is float. Error{unsupported} for other
  // ranks and dtypes; Error{bad_file} naming the first element when a value is NaN or infinite.
  template <class T>
  Matrix<T> load(const TensorInfo& tensor) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  Checkpoint();
};

// Which matrix is which.
struct Role {
  const TensorInfo* tensor = nullptr;
  std::string role;      // "lm_head", "embedding", "toy", "matrix"
  bool tied = false;     // the head is the embedding
  std::string evidence;  // why this tensor: the config fields and names it was decided from
};
// The head first. tensor_name: an explicit choice. Error{usage} names the nearest known tensor.
std::vector<Role> resolve_heads(const Checkpoint& checkpoint, std::optional<std::string_view> tensor_name = {});

struct SaveTensor {
  std::string name;
  std::vector<uint64_t> shape;
  const float* data = nullptr;
};
// Writes F32 tensors as safetensors, whole or not at all. Error{io}.
void write_safetensors(const std::filesystem::path& path, const std::vector<SaveTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace superpose::checkpoint
