// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/torch_config.h"

#include <cmath>

#include "superpose/base/printable.h"

namespace superpose::checkpoint {
namespace {

using Id = PickleTree::Id;

// The most specific first: what describes the model rather than its training.
constexpr std::string_view kKeys[] = {"model_args", "model_config", "hyper_parameters", "hparams", "config",
                                      "cfg",        "args"};
constexpr size_t kMaxFields = 1000;       // ordered JSON looks through all earlier keys at each
constexpr size_t kMaxLookedAt = 100'000;  // fields and what is no field; the same dict may be there any number of times
constexpr size_t kMaxTextBytes = 1000;
constexpr int kMaxDepth = 4;

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

class Fields {
 public:
  explicit Fields(const PickleTree& tree) : tree_(tree) {}

  // Adds the fields of a dict, or of an object's attributes, that `out` does not have yet.
  void add(Id id, Json& out, int depth) {
    if (tree_.kind(id) == PickleKind::object) {
      if (const auto state = tree_.state(id)) {
        if (tree_.kind(*state) == PickleKind::dict) add(*state, out, depth);
      }
    } else if (tree_.kind(id) != PickleKind::dict) {
      return;
    }
    const auto items = tree_.items(id);
    for (size_t k = 0; k + 1 < items.size() && left_ > 0; k += 2) {
      if (++looked_at_ > kMaxLookedAt) return;
      if (!is_text(items[k])) continue;
      const std::string key(tree_.text(items[k]));
      if (out.contains(key)) continue;
      Json value = plain(items[k + 1], depth);
      if (!value.is_discarded()) out[key] = std::move(value);
    }
  }

 private:
  bool is_text(Id id) const {
    return tree_.kind(id) == PickleKind::text && tree_.text(id).size() <= kMaxTextBytes && is_utf8(tree_.text(id));
  }
  static Json not_plain() { return Json(Json::value_t::discarded); }

  Json plain(Id id, int depth) {
    if (left_ == 0) return not_plain();
    --left_;
    switch (tree_.kind(id)) {
      case PickleKind::none:
        return nullptr;
      case PickleKind::boolean:
        return tree_.boolean(id);
      case PickleKind::integer:
        if (tree_.integer(id) >= 0) return static_cast<uint64_t>(tree_.integer(id));
        return tree_.integer(id);
      case PickleKind::real:
        return std::isfinite(tree_.real(id)) ? Json(tree_.real(id)) : not_plain();
      case PickleKind::text:
        return is_text(id) ? Json(std::string(tree_.text(id))) : not_plain();
      case PickleKind::list:
      case PickleKind::tuple: {
        if (depth == 0) return not_plain();
        Json out = Json::array();
        for (const Id item : tree_.items(id)) {
          Json value = plain(item, depth - 1);
          if (value.is_discarded()) return not_plain();
          out.push_back(std::move(value));
        }
        return out;
      }
      case PickleKind::dict: {
        if (depth == 0) return not_plain();
        Json out = Json::object();
        add(id, out, depth - 1);
        return out;
      }
      default:
        return not_plain();
    }
  }

  const PickleTree& tree_;
  size_t left_ = kMaxFields;
  size_t looked_at_ = 0;
};

}  // namespace

Json read_torch_config(const PickleTree& tree) {
  if (tree.kind(tree.root()) != PickleKind::dict) return nullptr;
  Json out = Json::object();
  Fields fields(tree);
  const auto items = tree.items(tree.root());
  for (const std::string_view key : kKeys) {
    for (size_t k = 0; k + 1 < items.size(); k += 2) {
      if (tree.kind(items[k]) == PickleKind::text && tree.text(items[k]) == key)
        fields.add(items[k + 1], out, kMaxDepth);
    }
  }
  return out.empty() ? Json(nullptr) : out;
}

}  // namespace superpose::checkpoint
