// SPDX-License-Identifier: Apache-2.0
// Any bytes as a PyTorch file, and any bytes as the pickle in an intact one. Nothing they ask for may happen; they end
// in a valid index or in an Error of an allowed kind, whatever they nest, repeat or refer to.
//
// Input: byte 0 selects what the rest is. 0 the file w.pt, 1 data.pkl of an archive with the storages "0" and "1" of 24
// bytes, 2 all that follows the magic number of the legacy form.
#include "tests/fuzz/check.h"

using namespace superpose;
using namespace superpose::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Bytes file = slice(data, 1, size);
  const uint8_t kind = data[0] % 3;
  if (kind == 1) file = archive_of({{"a/data.pkl", std::move(file)}, {"a/data/0", Bytes(24)}, {"a/data/1", Bytes(24)}});
  if (kind == 2) {
    constexpr uint8_t kMagic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                  0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
    Bytes legacy = slice(kMagic, 0, sizeof kMagic);
    legacy.insert(legacy.end(), file.begin(), file.end());
    file = std::move(legacy);
  }
  const uint64_t largest = file.size();
  std::vector<MemoryFile> files;
  files.push_back({"w.pt", std::move(file)});
  open_and_check(std::move(files), largest);
  return 0;
}
