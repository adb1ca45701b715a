// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/dequantize.h"

namespace superpose::checkpoint {

void dequantize(Dtype, const std::byte*, size_t, float*) {}

}  // namespace superpose::checkpoint
