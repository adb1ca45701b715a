// SPDX-License-Identifier: Apache-2.0
// checkpoint: files that hold weights -> an index of named tensors -> values on demand; and which tensor is the head.
//
// Contract, fuzzed: for any bytes, reading an index returns a valid one or throws Error{bad_file | unsupported}; memory
// stays within a small multiple (about ten) of the header. Every file byte passes through ByteReader, every index
// through validate(). No tensor data is touched before load(), save to compare a head with its embedding.
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
std::string_view dtype_name(Dtype dtype);         // "F64", "F32", "F16", "BF16", "other"
size_t dtype_bytes(Dtype dtype);                  // 8, 4, 2, 2; 0 for other

struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::string dtype_text;       // as the file spells it ("F32", "I64", "<f4")
  uint32_t bits = 32;           // per element, also for dtypes that are never loaded
  std::vector<uint64_t> shape;  // empty: a scalar, one element. An extent may be 0. At most 8 extents.
  bool column_major = false;    // .npy with fortran_order; load() still returns rows
  uint64_t begin = 0, end = 0;  // byte range in its file
  size_t file = 0;              // index into the checkpoint's files
};

// A file whose bytes are already in memory.
struct MemoryFile {
  std::string name;
  std::vector<std::byte> bytes;
};

class Checkpoint {
 public:
  // path: a file or a model folder. Error{io} when it is not there, Error{usage} for a folder with several weight files
  // and no index that says which belong together, Error{bad_file | unsupported} otherwise.
  static Checkpoint open(const std::filesystem::path& path);
  // The same for files in memory: one file, or several that are taken as the files of one folder.
  static Checkpoint open_memory(std::vector<MemoryFile> files);
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;

  std::string_view format() const;                 // "safetensors", "npy", "llama2.c"
  const std::vector<TensorInfo>& tensors() const;  // in file order; a .npy file has one, called "array"
  const TensorInfo* find(std::string_view name) const;
  const Json& config() const;  // config.json beside safetensors, or the llama2.c header; null if none
  const std::map<std::string, std::string>& metadata() const;  // safetensors __metadata__
  const std::vector<std::string>& warnings() const;            // about the files; Role has those about the head

  // A 2-D tensor as T = float or double; exact, except that F64 values are rounded when T is float. Error{unsupported}
  // for other ranks and dtypes; Error{bad_file} naming the first element when a value is NaN or infinite.
  // Allocates rows·cols·sizeof(T), which is at most 4 times the tensor's bytes in the file.
  template <class T>
  Matrix<T> load(const TensorInfo& tensor) const;

  // Do two tensors have the same shape, dtype and bytes? Reads both up to the first difference.
  bool same_values(const TensorInfo& a, const TensorInfo& b) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit Checkpoint(std::unique_ptr<State> state);
};

// Which matrix is which.
struct Role {
  const TensorInfo* tensor = nullptr;  // owned by the checkpoint
  std::string role;                    // "lm_head", "embedding", "toy", "matrix"
  bool tied = false;                   // the head is the embedding
  std::string evidence;                // why this tensor: the config fields and names it was decided from
  std::vector<std::string> warnings;   // what contradicts the choice: config against names, shapes, values
};
// The head first; for an untied model the embedding second. tensor_name: an explicit choice, then the only one.
// Error{usage} names the nearest known tensor, or lists the matrices when nothing says which one is meant;
// Error{unsupported} when there is no matrix at all.
std::vector<Role> resolve_heads(const Checkpoint& checkpoint, std::optional<std::string_view> tensor_name = {});

struct SaveTensor {
  std::string name;
  std::vector<uint64_t> shape;
  const float* data = nullptr;  // row-major, product(shape) elements
};
// Writes F32 tensors as safetensors, in the order given, whole or not at all. Error{io}. Names must be unique.
void write_safetensors(const std::filesystem::path& path, const std::vector<SaveTensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace superpose::checkpoint
