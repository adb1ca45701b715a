// SPDX-License-Identifier: Apache-2.0
#include "one_file.h"

// Any bytes as an HDF5 file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return superpose::checkpoint::fuzz_one_file("w.h5", data, size);
}
