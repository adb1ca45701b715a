// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "superpose/checkpoint/torch_contents.h"

namespace superpose::checkpoint {

// Which values of a pickle are tensors, and what they say.
class TorchTensors {
 public:
  using Id = PickleTree::Id;
  // Fills `storages` with all that the tree mentions.
  TorchTensors(const PickleTree& tree, std::vector<TorchStorage>& storages);

  bool is_tensor(Id id) const;
  // A value that is_tensor(); without its name. Error{bad_file}
  TorchTensor read(Id id) const;

 private:
  struct View {
    size_t storage = 0;
    uint64_t offset = 0, elements = 0;  // of the part that the legacy form may give a name of its own
  };
  struct Call {
    std::string_view function;
    std::span<const Id> arguments;
  };
  void add_storage(Id persistent, std::vector<TorchStorage>& storages);
  std::optional<Call> rebuilding(Id id) const;
  uint64_t count(Id id, std::string_view what) const;
  std::vector<uint64_t> counts(Id id, std::string_view what) const;

  const PickleTree& tree_;
  const std::vector<TorchStorage>& storages_;
  std::unordered_map<Id, View> views_;  // by the persistent value
  std::unordered_map<std::string, size_t> by_key_;
};

}  // namespace superpose::checkpoint
