// SPDX-License-Identifier: Apache-2.0
// Any bytes, as any kind of file: opening gives a valid index or an Error of an allowed kind, and every tensor that the
// index lists can be loaded or refused.
//
// Input: byte 0 selects what the rest is. 0 .safetensors, 1 .npy, 2 .bin, 3 a name without meaning, 4 a folder: u16
// length of model.safetensors.index.json, its bytes, and the rest as the shard "a".
#include <algorithm>
#include <cstring>

#include "tests/fuzz/check.h"

namespace {

using namespace superpose;
using namespace superpose::fuzz;

std::vector<MemoryFile> files_of(const uint8_t* data, size_t size) {
  static constexpr const char* kNames[] = {"w.safetensors", "w.npy", "w.bin", "w"};
  const uint8_t kind = data[0] % 5;
  if (kind < 4) return {{kNames[kind], slice(data, 1, size)}};
  uint16_t index_bytes = 0;
  if (size >= 3) std::memcpy(&index_bytes, data + 1, 2);
  const size_t begin = std::min<size_t>(3, size);
  const size_t end = std::min<size_t>(begin + index_bytes, size);
  return {{"model.safetensors.index.json", slice(data, begin, end)}, {"a", slice(data, end, size)}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  open_and_check(files_of(data, size), size);
  return 0;
}
