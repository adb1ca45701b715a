// SPDX-License-Identifier: Apache-2.0
// There is one instruction set to choose from.
#include "superpose/kernels/kernels.h"

namespace superpose::kernels {

const char* instruction_set() { return "wasm-simd128"; }
bool instruction_set_refused() { return false; }
size_t instruction_sets(const char** names, size_t room) {
  if (room > 0) names[0] = instruction_set();
  return room > 0 ? 1 : 0;
}

}  // namespace superpose::kernels
