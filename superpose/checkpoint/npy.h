// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include "superpose/base/bytes.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// With the magic, the version and the length before it. NumPy itself refuses more than 10000 by default.
inline constexpr uint64_t kMaxNpyHeaderBytes = 65'536 + 12;

struct NpyHeader {
  TensorInfo tensor;    // without name and range
  std::string refusal;  // why elements of this type are never read: text, objects, records, another byte order
};

// Reads from the magic to the end of the header, behind which the elements begin. Error{bad_file};
// Error{unsupported} for other versions than 1 to 3.
NpyHeader read_npy_header(ByteReader& reader);

}  // namespace superpose::checkpoint
