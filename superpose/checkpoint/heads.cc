// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/error.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {
std::vector<Role> resolve_heads(const Checkpoint& checkpoint, std::optional<std::string_view> tensor_name) {
  if (tensor_name) {
    const TensorInfo* tensor = checkpoint.find(*tensor_name);
    if (!tensor) throw Error(ErrorKind::usage, "no tensor " + std::string(*tensor_name));
    return {{tensor, "matrix", false, "asked for by name", {}}};
  }
  if (checkpoint.format() == "npy")
    return {{&checkpoint.tensors()[0], "matrix", false, "the array of a .npy file", {}}};
  if (const auto* W = checkpoint.find("W"); W && checkpoint.metadata().contains("superpose.config")) {
    return {{W, "toy", false, "tensor W of a toy run", {}}};
  }
  throw Error(ErrorKind::unsupported, "head resolution is not there yet");
}
}  // namespace superpose::checkpoint
