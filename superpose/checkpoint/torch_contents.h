// SPDX-License-Identifier: Apache-2.0
// What the pickle of a PyTorch file says: which tensors there are, under which names, and of which storages.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/checkpoint/pickle.h"
#include "superpose/checkpoint/torch_globals.h"

namespace superpose::checkpoint {

struct TorchStorage {
  std::string key;  // what the file calls it
  const TorchType* type = nullptr;
  uint64_t elements = 0;
};

// A view of a storage, in elements of `type`.
struct TorchTensor {
  std::string name;
  size_t storage = 0;  // position in TorchContents::storages
  const TorchType* type = nullptr;
  uint64_t offset = 0;
  std::vector<uint64_t> shape, strides;
};

struct TorchContents {
  std::vector<TorchStorage> storages;  // each once, also those that no tensor uses
  std::vector<TorchTensor> tensors;    // the model's first
  Json config;                         // plain values that the file keeps about its model, null if none
};

// Names: the model is found below `model`, `state_dict`, ... and its tensors have the names that its state dict gives
// them, without a `module.` or `_orig_mod.` that all have in common; any other tensor is named by its path
// ("optimizer.state.0.exp_avg"). A container that lies at several paths counts at the first.
// Error{bad_file}: tensors or storages whose description makes no sense; Error{unsupported}: too many.
TorchContents read_torch_contents(const PickleTree& tree);

}  // namespace superpose::checkpoint
