// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/checkpoint.h"

#include <algorithm>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/checkpoint/contents.h"
#include "superpose/checkpoint/values.h"

namespace superpose::checkpoint {

struct Checkpoint::State {
  Contents contents;

  explicit State(Contents read) : contents(std::move(read)) {
    auto& order = contents.by_name;
    order.resize(contents.tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return contents.tensors[a].name < contents.tensors[b].name; });
  }

  std::span<const std::byte> bytes_of(const TensorInfo& tensor) const {
    SUPERPOSE_ASSERT(tensor.file < contents.files.size());
    const auto bytes = contents.files[tensor.file].bytes();
    SUPERPOSE_ASSERT(tensor.begin <= tensor.end && tensor.end <= bytes.size());
    return bytes.subspan(tensor.begin, tensor.end - tensor.begin);
  }
};

Checkpoint::Checkpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}
Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Checkpoint(std::make_unique<State>(read_folder(DiskFolder(path))));
  }
  return Checkpoint(std::make_unique<State>(read_file(DiskFolder(path.parent_path()), path.filename().string())));
}

Checkpoint Checkpoint::open_memory(std::vector<MemoryFile> files) {
  SUPERPOSE_ASSERT(!files.empty());
  const bool single = files.size() == 1;
  const std::string first = files[0].name;
  const MemoryFolder source(std::move(files));
  return Checkpoint(std::make_unique<State>(single ? read_file(source, first) : read_folder(source)));
}

std::string_view Checkpoint::format() const { return state_->contents.format; }
const std::vector<TensorInfo>& Checkpoint::tensors() const { return state_->contents.tensors; }
const Json& Checkpoint::config() const { return state_->contents.config; }
const std::map<std::string, std::string>& Checkpoint::metadata() const { return state_->contents.metadata; }
const std::vector<std::string>& Checkpoint::warnings() const { return state_->contents.warnings; }

const TensorInfo* Checkpoint::find(std::string_view name) const {
  const auto& tensors = state_->contents.tensors;
  const auto& order = state_->contents.by_name;
  const auto found = std::lower_bound(order.begin(), order.end(), name,
                                      [&](uint32_t i, std::string_view wanted) { return tensors[i].name < wanted; });
  return found != order.end() && tensors[*found].name == name ? &tensors[*found] : nullptr;
}

template <class T>
Matrix<T> Checkpoint::load(const TensorInfo& tensor) const {
  try {
    return read_matrix<T>(tensor, state_->bytes_of(tensor));
  } catch (const Error& error) {
    throw error.in(state_->contents.labels[tensor.file]);
  }
}
template Matrix<float> Checkpoint::load(const TensorInfo&) const;
template Matrix<double> Checkpoint::load(const TensorInfo&) const;

bool Checkpoint::same_values(const TensorInfo& a, const TensorInfo& b) const {
  if (a.dtype_text != b.dtype_text || a.shape != b.shape || a.column_major != b.column_major) return false;
  const auto x = state_->bytes_of(a), y = state_->bytes_of(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

}  // namespace superpose::checkpoint
