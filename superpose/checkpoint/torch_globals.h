// SPDX-License-Identifier: Apache-2.0
// The Python names that a PyTorch file may mention. docs/formats/torch.md says why it is a list.
#pragma once
#include <cstdint>
#include <string_view>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// What one element of a storage or tensor is.
struct TorchType {
  std::string_view storage;  // "torch.FloatStorage"; empty for types that came after typed storages
  std::string_view dtype;    // "torch.float32"
  Dtype loaded;
  uint32_t bits;
};
// Error-free look-ups: nullptr when it is none. Untyped storages count as bytes.
const TorchType* find_torch_storage(std::string_view global);
const TorchType* find_torch_dtype(std::string_view global);

// May a file mention it? Understood, or known to be a harmless record beside the weights.
bool is_known_torch_global(std::string_view global);

}  // namespace superpose::checkpoint
