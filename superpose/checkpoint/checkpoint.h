// SPDX-License-Identifier: Apache-2.0
// checkpoint: files that hold weights -> an index of named tensors -> rows on demand; and which tensor is the head.
//
// Contract, fuzzed: for any bytes, reading an index returns a valid one or throws Error{bad_file | unsupported}; memory
// stays within a small multiple (about ten) of the header. Every file byte passes through ByteReader or File::read,
// every index through validate(). No tensor data is touched before rows() is read, save to compare a head with its
// embedding.
//
// Each format is one file of this folder and one line in table.cc; its byte layout is in docs/formats/.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/file.h"
#include "superpose/base/json.h"
#include "superpose/base/matrix.h"
#include "superpose/base/rows.h"
#include "superpose/hub/hub.h"

namespace superpose::checkpoint {

// What one element is stored as. The block formats of GGUF hold `block_elements` values of one row in `block_bytes`.
// u8 and i8 are integers, of weights only with a Scale. other: listed by name, never loaded.
enum class Dtype {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  u8,
  i8,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  mxfp4,
  other
};
struct DtypeTraits {
  std::string_view name;        // "F64", "Q4_K", ...
  uint32_t block_elements = 1;  // 0 for other
  uint32_t block_bytes = 0;     // 0 for other
};
const DtypeTraits& traits(Dtype dtype);
inline std::string_view dtype_name(Dtype dtype) { return traits(dtype).name; }

// Integers q stand for scale·(q - zero_point), in float; one of each for the tensor, or one for every index of `axis`.
struct Scale {
  std::vector<float> scale;
  std::vector<int32_t> zero_point;  // as many as scales
  size_t axis = 0;
};

struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::string dtype_text;       // as the file spells it ("F32", "I64", "<f4", "Q4_K", "torch.FloatStorage")
  uint32_t bits = 32;           // per element, also for dtypes that are never loaded; 0 where blocks or nothing say it
  std::vector<uint64_t> shape;  // empty: a scalar, one element. An extent may be 0. At most 8 extents.
  std::vector<uint64_t> strides;  // in elements, one per extent; empty: row-major without gaps. Not for block formats.
  std::shared_ptr<const Scale> scale;  // of integers
  uint64_t begin = 0, end = 0;         // byte range in its file, from the first element to past the last
  size_t file = 0;                     // index into the checkpoint's files
};

class Checkpoint {
 public:
  // path: a file, a model folder, or hf:OWNER/NAME[@REVISION][:FILE] for a model of a hub (hub/hub.h). Error{io} when
  // it is not there, Error{usage} for a folder with several weight files and no index that says which belong together,
  // Error{bad_file | unsupported} otherwise.
  static Checkpoint open(const std::filesystem::path& path);
  // The same for files in memory: one file, or several that are taken as the files of one folder.
  static Checkpoint open_memory(std::vector<MemoryFile> files);
  static Checkpoint open_folder(const Folder& folder);
  ~Checkpoint();
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;

  std::string_view format() const;                 // "safetensors", "gguf", "torch", "npy", ... : table.cc
  const std::vector<TensorInfo>& tensors() const;  // in file order; a .npy file has one, called "array"
  const TensorInfo* find(std::string_view name) const;
  const Json& config() const;  // config.json beside the weights, or what the file says about its model; null if none
  const std::map<std::string, std::string>& metadata() const;  // safetensors __metadata__, GGUF key-values
  const std::vector<std::string>& tokens() const;              // of a GGUF file, by id; empty if none
  const std::vector<std::string>& warnings() const;            // about the files; Role has those about the head

  // The rows of a 2-D tensor, read when asked for; valid while this checkpoint lives. Error{unsupported} for other
  // ranks and for dtypes that are no weights, with the reason.
  std::unique_ptr<RowSource> rows(const TensorInfo& tensor) const;

  // All rows as T = float or double. Allocates rows·cols·sizeof(T).
  template <class T>
  Matrix<T> load(const TensorInfo& tensor) const;

  // Do two tensors have the same shape, dtype and stored elements? Reads both up to the first difference.
  bool same_values(const TensorInfo& a, const TensorInfo& b) const;

  // SHA-256 of dtype, shape and the stored elements in row-major order, as 64 hex digits: the same tensor has the same
  // hash in every format that stores it unchanged.
  std::string content_hash(const TensorInfo& tensor) const;

  // Different bytes of the weight files read so far, and how many those files have.
  uint64_t bytes_read() const;
  uint64_t bytes_total() const;
  // What came over the network so far; nothing for files of this machine.
  hub::Traffic traffic() const;

  // The folder that open()'s path names or lies in, for what stands beside the weights; nullptr for the other ways.
  const Folder* folder() const;

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
  std::vector<std::string> notes;      // what the choice rests on where nothing contradicts it
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
