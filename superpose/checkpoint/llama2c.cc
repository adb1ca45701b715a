// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
bool is_llama2c(std::span<const std::byte>) { return false; }
Index parse_llama2c(std::span<const std::byte>) {
  throw Error(ErrorKind::unsupported, "llama2.c files are not read yet");
}
}  // namespace superpose::checkpoint
