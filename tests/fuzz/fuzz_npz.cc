// SPDX-License-Identifier: Apache-2.0
// Any bytes as a zip archive of arrays, and any bytes as a member of an intact one.
//
// Input: byte 0 selects what the rest is. 0 the file w.npz, 1 W.npy stored, 2 W.npy deflated: u16 its size, then the
// deflated bytes.
#include <algorithm>

#include "tests/fuzz/check.h"

using namespace superpose;
using namespace superpose::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  Bytes file;
  switch (data[0] % 3) {
    case 0:
      file = slice(data, 1, size);
      break;
    case 1:
      file = archive_of({{"W.npy", slice(data, 1, size)}, {"v.npy", {}}});
      break;
    default:
      file = archive_of({{"W.npy", slice(data, 3, size)}}, 8, static_cast<uint32_t>(data[1] + 256 * data[2]));
  }
  const uint64_t largest = file.size();
  std::vector<MemoryFile> files;
  files.push_back({"w.npz", std::move(file)});
  open_and_check(std::move(files), largest);
  return 0;
}
