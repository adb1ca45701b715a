// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <set>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {
namespace {

size_t element_count(const SaveTensor& tensor) {
  size_t count = 1;
  for (const uint64_t extent : tensor.shape) SUPERPOSE_ASSERT(!__builtin_mul_overflow(count, extent, &count));
  SUPERPOSE_ASSERT(count == 0 || tensor.data != nullptr);
  return count;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<SaveTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t data_bytes = 0;
  for (const auto& tensor : tensors) {
    SUPERPOSE_ASSERT(!header.contains(tensor.name) && tensor.name != "__metadata__");
    const size_t end = data_bytes + element_count(tensor) * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {data_bytes, end}}};
    data_bytes = end;
  }
  // A path in the metadata need not be valid UTF-8, the header must be.
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');  // data begins at a multiple of 8, as in the reference implementation

  std::string file(sizeof(uint64_t), '\0');
  const uint64_t header_bytes = text.size();
  std::memcpy(file.data(), &header_bytes, sizeof header_bytes);
  file.reserve(file.size() + text.size() + data_bytes);
  file += text;
  for (const auto& tensor : tensors) {
    const size_t bytes = element_count(tensor) * sizeof(float);
    if (bytes > 0) file.append(reinterpret_cast<const char*>(tensor.data), bytes);
  }
  write_file(path, file);
}

}  // namespace superpose::checkpoint
