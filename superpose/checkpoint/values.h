// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>

#include "superpose/base/matrix.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// The elements of a validated tensor, whose bytes are given: see Checkpoint::load. T is float or double.
template <class T>
Matrix<T> read_matrix(const TensorInfo& tensor, std::span<const std::byte> bytes);

}  // namespace superpose::checkpoint
