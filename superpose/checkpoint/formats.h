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
  std::vector<TensorInfo> tensors;  // TensorInfo::file: 0 is the file itself, k is parts[k - 1]
  // Files inside the file that are not simply a range of its bytes: an inflated member of a zip, say.
  std::vector<std::shared_ptr<const File>> parts;
  // How tensors lie in the file: one after the other from data_begin to the end of it without a gap (tight); with gaps
  // but no overlap (apart); or as they like, since they may be views of the same storage (shared).
  enum class Layout { tight, apart, shared } layout = Layout::tight;
  uint64_t data_begin = 0;  // no tensor of the file itself begins before it
  std::map<std::string, std::string> metadata;
  std::vector<std::string> tokens;
  Json config;  // what the header says about the model, null if nothing
};

// The beginning of a file, for recognising it.
struct FileStart {
  std::span<const std::byte> bytes;  // the first 4096, or all of a smaller file
  uint64_t file_bytes;               // of the whole file
  std::string_view name;
};

struct Format {
  std::string_view name;
  std::string_view extensions;              // ".bin .pt"; decides only when no signature matches
  bool (*has_signature)(const FileStart&);  // cheap; false for damaged files is fine
  // Error{bad_file | unsupported}, without the name of the file. The file outlives the index.
  Index (*parse)(const std::shared_ptr<const File>& file);
};

// All formats, in the order in which signatures are tried.
std::span<const Format> formats();

// Does the name end in one of the words of `extensions`?
bool has_extension(std::string_view name, std::string_view extensions);

// The format of a file. Error{bad_file} when it is empty or no file of weights at all, Error{unsupported} naming the
// format when it is one that is not read.
const Format& recognise(const File& file, std::string_view file_name);

// Each is described in docs/formats/.
bool is_safetensors(const FileStart& start);
Index parse_safetensors(const std::shared_ptr<const File>& file);
bool is_npy(const FileStart& start);
Index parse_npy(const std::shared_ptr<const File>& file);
bool is_torch(const FileStart& start);
Index parse_torch(const std::shared_ptr<const File>& file);
bool is_npz(const FileStart& start);
Index parse_npz(const std::shared_ptr<const File>& file);
bool is_llama2c(const FileStart& start);
Index parse_llama2c(const std::shared_ptr<const File>& file);
bool is_gguf(const FileStart& start);
Index parse_gguf(const std::shared_ptr<const File>& file);

bool is_word2vec(const FileStart& start);
Index parse_word2vec(const std::shared_ptr<const File>& file);
bool is_hdf5(const FileStart& start);
Index parse_hdf5(const std::shared_ptr<const File>& file);
bool is_onnx(const FileStart& start);
Index parse_onnx(const std::shared_ptr<const File>& file);

inline constexpr uint64_t kMaxTensors = 1'000'000;

// The one validator, for every format: names are unique, short, valid UTF-8; shapes have at most 8 extents and a size
// that fits 64 bits; every byte range lies in its file and is as long as shape, strides and dtype say; block formats
// fill whole blocks row by row; the ranges lie as the layout says. Error{bad_file}; Error{unsupported} for a rank above
// 8 or too many tensors.
void validate(const Index& index, uint64_t file_bytes);

}  // namespace superpose::checkpoint
