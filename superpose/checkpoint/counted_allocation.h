// SPDX-License-Identifier: Apache-2.0
// Test program only: operator new is replaced by one that counts live bytes.
#pragma once
#include <cstddef>

namespace superpose::checkpoint {

size_t start_counting();   // returns the bytes alive now and forgets earlier peaks
size_t peak_live_bytes();  // the most bytes alive at once since then

}  // namespace superpose::checkpoint
