// SPDX-License-Identifier: Apache-2.0
// torch/_utils.py: _rebuild_tensor(storage, offset, size, stride), _v2 with more after it, _v3 with the dtype as well;
// torch/serialization.py: a storage is ('storage', type, key, location, elements) and, in the legacy form, a view or
// None.
#include "superpose/checkpoint/torch_tensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kMaxExtents = 64;  // validate() refuses ranks above 8 with a better message
constexpr size_t kDtypeArgument = 6;

bool is_rebuild_tensor(std::string_view function) {
  return function == "torch._utils._rebuild_tensor_v2" || function == "torch._utils._rebuild_tensor" ||
         function == "torch._utils._rebuild_tensor_v3";
}

}  // namespace

TorchTensors::TorchTensors(const PickleTree& tree, std::vector<TorchStorage>& storages)
    : tree_(tree), storages_(storages) {
  for (Id id = 0; id < tree.size(); ++id) {
    if (tree.kind(id) == PickleKind::persistent) add_storage(id, storages);
  }
}

void TorchTensors::add_storage(Id persistent, std::vector<TorchStorage>& storages) {
  const auto parts = tree_.items(tree_.reference(persistent));
  const auto is = [&](size_t k, PickleKind kind) { return k < parts.size() && tree_.kind(parts[k]) == kind; };
  if (!is(0, PickleKind::text) || tree_.text(parts[0]) != "storage") return;  // something else outside the pickle
  if (!is(1, PickleKind::global) || !is(2, PickleKind::text) || parts.size() < 5) {
    bad("a storage without type, key, location and size");
  }
  constexpr size_t kMaxKeyBytes = 512;
  const std::string key(tree_.text(parts[2]).substr(0, kMaxKeyBytes + 1));
  if (key.size() > kMaxKeyBytes) bad(fmt::format("a storage is called {}", printable(key)));
  TorchStorage storage{key, find_torch_storage(tree_.text(parts[1])), count(parts[4], "size of a storage")};
  if (!storage.type) {
    bad(fmt::format("storage {} is said to be of type {}", printable(key), printable(tree_.text(parts[1]))));
  }
  const auto [at, is_new] = by_key_.try_emplace(key, storages.size());
  const size_t number = at->second;
  if (!is_new && (storages[number].type != storage.type || storages[number].elements != storage.elements)) {
    bad(fmt::format("storage {} is described in two ways", printable(key)));
  }
  View view{number, 0, storage.elements};
  if (is_new) storages.push_back(std::move(storage));
  if (parts.size() > 5 && tree_.kind(parts[5]) != PickleKind::none) {
    const auto place = tree_.items(parts[5]);
    if (place.size() != 3) bad(fmt::format("storage {} is a view that is not described", printable(key)));
    view.offset = count(place[1], "offset of a storage view");
    const uint64_t elements = count(place[2], "size of a storage view");
    if (view.offset > view.elements || elements > view.elements - view.offset) {
      bad(fmt::format("a view of {} elements from element {} on leaves storage {} of {}", elements, view.offset,
                      printable(key), view.elements));
    }
    view.elements = elements;
  }
  views_.emplace(persistent, view);
}

// Looks through what wraps a tensor: parameters, subclasses of tensors. An object's arguments are older than it is, so
// this ends; the limit is there because the same chain may be looked through again and again.
std::optional<TorchTensors::Call> TorchTensors::rebuilding(Id id) const {
  constexpr int kMaxWraps = 8;
  for (int wraps = 0; wraps < kMaxWraps; ++wraps) {
    if (tree_.kind(id) != PickleKind::object) return {};
    const std::string_view function = tree_.text(tree_.callee(id));
    const auto arguments = tree_.items(tree_.arguments(id));
    if (is_rebuild_tensor(function)) return Call{function, arguments};
    if (function == "torch._utils._rebuild_parameter" || function == "torch._utils._rebuild_parameter_with_state" ||
        function == "torch.nn.parameter.Parameter") {
      if (arguments.empty()) return {};
      id = arguments[0];
    } else if (function == "torch._tensor._rebuild_from_type_v2") {  // (function, type, arguments, state)
      if (arguments.size() < 3 || tree_.kind(arguments[0]) != PickleKind::global) return {};
      const std::string_view inner = tree_.text(arguments[0]);
      if (!is_rebuild_tensor(inner)) return {};
      return Call{inner, tree_.items(arguments[2])};
    } else {
      return {};
    }
  }
  return {};
}

bool TorchTensors::is_tensor(Id id) const { return rebuilding(id).has_value(); }

TorchTensor TorchTensors::read(Id id) const {
  const Call call = *rebuilding(id);
  const auto& arguments = call.arguments;
  if (arguments.size() < 4) bad(fmt::format("a tensor with {} arguments", arguments.size()));
  const auto found = views_.find(arguments[0]);
  if (found == views_.end()) bad("a tensor without a storage");
  const View& view = found->second;
  const TorchStorage& storage = storages_[view.storage];
  TorchTensor out;
  out.storage = view.storage;
  out.type = storage.type;
  uint64_t available = view.elements;
  if (call.function.ends_with("v3")) {
    if (arguments.size() <= kDtypeArgument) bad("a tensor without its dtype");
    const Id dtype = arguments[kDtypeArgument];
    if (tree_.kind(dtype) == PickleKind::global) out.type = find_torch_dtype(tree_.text(dtype));
    const bool fits = out.type && (out.type == storage.type || storage.type->dtype.empty());
    if (!fits) bad("a tensor whose dtype is none, or not that of its storage");
    if (out.type != storage.type) available = view.elements / (out.type->bits / 8);
  }
  if (out.type->dtype.empty()) bad("a tensor of an untyped storage without a dtype");
  out.offset = count(arguments[1], "offset of a tensor");
  out.shape = counts(arguments[2], "size of a tensor");
  out.strides = counts(arguments[3], "strides of a tensor");
  if (out.shape.size() != out.strides.size()) {
    bad(fmt::format("a tensor with {} extents and {} strides", out.shape.size(), out.strides.size()));
  }
  if (std::count(out.shape.begin(), out.shape.end(), 0u) > 0) {
    out.offset = std::min(out.offset, available);  // no elements, so it may point anywhere
  } else {
    uint64_t last = out.offset;
    for (size_t k = 0; k < out.shape.size(); ++k) {
      last = checked_add(last, checked_mul(out.shape[k] - 1, out.strides[k], "reach of a tensor"), "reach of a tensor");
    }
    if (last >= available) {
      bad(fmt::format("a tensor of shape {}, strides {}, offset {} reaches element {} of storage {}, which has {}",
                      shape_text(out.shape), shape_text(out.strides), out.offset, last, printable(storage.key),
                      available));
    }
  }
  // In elements of the tensor's type; a view of an untyped storage begins at a byte.
  const uint64_t begin = out.type == storage.type ? view.offset : view.offset / (out.type->bits / 8);
  out.offset = checked_add(out.offset, begin, "offset of a tensor");
  return out;
}

uint64_t TorchTensors::count(Id id, std::string_view what) const {
  if (tree_.kind(id) != PickleKind::integer || tree_.integer(id) < 0) {
    bad(fmt::format("{} is no number of elements", what));
  }
  return static_cast<uint64_t>(tree_.integer(id));
}

std::vector<uint64_t> TorchTensors::counts(Id id, std::string_view what) const {
  if (tree_.kind(id) == PickleKind::object && tree_.is_global(tree_.callee(id), "torch.Size")) {
    const auto arguments = tree_.items(tree_.arguments(id));
    if (!arguments.empty()) id = arguments[0];
  }
  if (tree_.kind(id) != PickleKind::tuple && tree_.kind(id) != PickleKind::list) {
    bad(fmt::format("{} is no list of numbers", what));
  }
  const auto items = tree_.items(id);
  if (items.size() > kMaxExtents) bad(fmt::format("{} has {} numbers", what, items.size()));
  std::vector<uint64_t> out;
  for (const Id item : items) out.push_back(count(item, what));
  return out;
}

}  // namespace superpose::checkpoint
