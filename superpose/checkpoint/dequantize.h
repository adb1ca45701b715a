// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// The values of `block_count` blocks of a block format (Q4_0 ... MXFP4), exactly as the format specifies in float32.
// blocks: block_count · traits(dtype).block_bytes bytes, at any address; out: block_count · block_elements values.
void dequantize(Dtype dtype, const std::byte* blocks, size_t block_count, float* out);

}  // namespace superpose::checkpoint
