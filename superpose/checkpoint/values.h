// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "superpose/base/file.h"
#include "superpose/base/rows.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// The rows of a validated matrix that lies in `file`; neither argument is kept beyond the source's life.
// Error{unsupported} when it is no matrix, or of a dtype that is no weights.
std::unique_ptr<RowSource> tensor_rows(const TensorInfo& tensor, std::shared_ptr<const File> file);

// Its stored elements of any rank in row-major order, a block at a time; visit returns false to stop.
// Error{unsupported} for strided tensors of a rank above 2, and for dtypes whose blocks are not known.
void visit_elements(const TensorInfo& tensor, const File& file,
                    const std::function<bool(std::span<const std::byte>)>& visit);

}  // namespace superpose::checkpoint
