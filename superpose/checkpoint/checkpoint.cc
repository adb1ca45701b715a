// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/base/sha256.h"
#include "superpose/checkpoint/contents.h"
#include "superpose/checkpoint/values.h"

namespace superpose::checkpoint {

struct Checkpoint::State {
  Contents contents;
  std::unique_ptr<const Folder> folder;  // where it comes from; null for one opened from a folder or from memory
  const hub::HubFolder* hub = nullptr;   // the same, when it is one

  explicit State(Contents read) : contents(std::move(read)) {
    auto& order = contents.by_name;
    order.resize(contents.tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return contents.tensors[a].name < contents.tensors[b].name; });
  }

  const std::shared_ptr<const File>& file_of(const TensorInfo& tensor) const {
    SUPERPOSE_ASSERT(tensor.file < contents.files.size());
    return contents.files[tensor.file];
  }
};

Checkpoint::Checkpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}
Checkpoint::~Checkpoint() = default;
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  if (hub::is_hub_id(path.native())) {
    const hub::HubId id = hub::parse_hub_id(path.native());
    auto folder = hub::open_hub(id, hub::options_from_environment());
    Checkpoint out =
        id.file.empty() ? open_folder(*folder) : Checkpoint(std::make_unique<State>(read_file(*folder, id.file)));
    auto& warnings = out.state_->contents.warnings;
    for (auto& note : folder->notes()) warnings.push_back(std::move(note));
    out.state_->hub = folder.get();
    out.state_->folder = std::move(folder);
    return out;
  }
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  std::unique_ptr<const Folder> folder = disk_folder(is_folder ? path : path.parent_path());
  Checkpoint out = is_folder ? open_folder(*folder)
                             : Checkpoint(std::make_unique<State>(read_file(*folder, path.filename().string())));
  out.state_->folder = std::move(folder);
  return out;
}

Checkpoint Checkpoint::open_memory(std::vector<MemoryFile> files) {
  SUPERPOSE_ASSERT(!files.empty());
  const bool single = files.size() == 1;
  const std::string first = files[0].name;
  const auto folder = memory_folder(std::move(files));
  return single ? Checkpoint(std::make_unique<State>(read_file(*folder, first))) : open_folder(*folder);
}

Checkpoint Checkpoint::open_folder(const Folder& folder) {
  return Checkpoint(std::make_unique<State>(read_folder(folder)));
}

std::string_view Checkpoint::format() const { return state_->contents.format; }
const std::vector<TensorInfo>& Checkpoint::tensors() const { return state_->contents.tensors; }
const Json& Checkpoint::config() const { return state_->contents.config; }
const std::map<std::string, std::string>& Checkpoint::metadata() const { return state_->contents.metadata; }
const std::vector<std::string>& Checkpoint::tokens() const { return state_->contents.tokens; }
const std::vector<std::string>& Checkpoint::warnings() const { return state_->contents.warnings; }

const TensorInfo* Checkpoint::find(std::string_view name) const {
  const auto& tensors = state_->contents.tensors;
  const auto& order = state_->contents.by_name;
  const auto found = std::lower_bound(order.begin(), order.end(), name,
                                      [&](uint32_t i, std::string_view wanted) { return tensors[i].name < wanted; });
  return found != order.end() && tensors[*found].name == name ? &tensors[*found] : nullptr;
}

std::unique_ptr<RowSource> Checkpoint::rows(const TensorInfo& tensor) const {
  const auto& file = state_->file_of(tensor);
  try {
    return tensor_rows(tensor, file);
  } catch (const Error& error) {
    throw error.in(file->label());
  }
}

template <class T>
Matrix<T> Checkpoint::load(const TensorInfo& tensor) const {
  const auto source = rows(tensor);
  Matrix<T> out(source->rows(), source->cols());
  const size_t block = std::clamp<size_t>((size_t{1} << 20) / std::max<size_t>(out.cols(), 1), 1, 4096);
  for (size_t begin = 0; begin < out.rows(); begin += block) {
    source->read(begin, std::min(block, out.rows() - begin), out.data() + begin * out.cols());
  }
  return out;
}
template Matrix<float> Checkpoint::load(const TensorInfo&) const;
template Matrix<double> Checkpoint::load(const TensorInfo&) const;

bool Checkpoint::same_values(const TensorInfo& a, const TensorInfo& b) const {
  if (a.dtype != b.dtype || a.dtype_text != b.dtype_text || a.shape != b.shape || a.scale != b.scale) return false;
  const File &x = *state_->file_of(a), &y = *state_->file_of(b);
  const bool same_place = a.file == b.file && a.begin == b.begin && a.end == b.end && a.strides == b.strides;
  if (same_place) return true;
  if (a.strides.empty() && b.strides.empty()) {
    uint64_t at = b.begin;
    std::vector<std::byte> other;
    bool same = true;
    visit_elements(a, x, [&](std::span<const std::byte> part) {
      other.resize(part.size());
      y.read(at, other);
      at += part.size();
      return same = std::equal(part.begin(), part.end(), other.begin());
    });
    return same;
  }
  return content_hash(a) == content_hash(b);
}

std::string Checkpoint::content_hash(const TensorInfo& tensor) const {
  Sha256 hash;
  hash.add(fmt::format("{} {}\n", tensor.dtype == Dtype::other ? tensor.dtype_text : dtype_name(tensor.dtype),
                       shape_text(tensor.shape)));
  visit_elements(tensor, *state_->file_of(tensor), [&](std::span<const std::byte> part) {
    hash.add(part);
    return true;
  });
  return hash.hex();
}

uint64_t Checkpoint::bytes_read() const {
  uint64_t out = 0;
  for (const auto& file : state_->contents.weight_files) out += file->bytes_read();
  return out;
}
const Folder* Checkpoint::folder() const { return state_->folder.get(); }
hub::Traffic Checkpoint::traffic() const { return state_->hub ? state_->hub->traffic() : hub::Traffic(); }
uint64_t Checkpoint::bytes_total() const {
  uint64_t out = 0;
  for (const auto& file : state_->contents.weight_files) out += file->size();
  return out;
}

}  // namespace superpose::checkpoint
