// SPDX-License-Identifier: Apache-2.0
#include "one_file.h"

// Any bytes as word vectors. Byte 0 selects the name, which decides what may be read without a header.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr const char* kNames[] = {"w.bin", "w.vec", "w.txt"};
  return size < 2 ? 0 : superpose::checkpoint::fuzz_one_file(kNames[data[0] % 3], data + 1, size - 1);
}
