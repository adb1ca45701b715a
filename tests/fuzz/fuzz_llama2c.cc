// SPDX-License-Identifier: Apache-2.0
#include "one_file.h"

// Any bytes as a llama2.c model (or whatever else a .bin file may be).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return superpose::checkpoint::fuzz_one_file("w.bin", data, size);
}
