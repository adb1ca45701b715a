// SPDX-License-Identifier: Apache-2.0
// Blocks of GGUF files -> floats. Layouts and formulas: docs/formats/gguf.md.
#pragma once
#include <cstddef>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// Decodes `block_count` consecutive blocks into block_count·traits(dtype).block_elements floats, which may not overlap
// the blocks. dtype: one of q4_0 .. mxfp4. Values may be infinite or NaN when the scale of a block is; there are no
// errors. Bit for bit what ggml's reference code gives, but for a scale of 255 in MXFP4, which is NaN as its own
// specification says and not 2^127.
void dequantize(Dtype dtype, const std::byte* blocks, size_t block_count, float* out);

}  // namespace superpose::checkpoint
