// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/torch_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/torch_config.h"
#include "superpose/checkpoint/torch_tensors.h"

namespace superpose::checkpoint {
namespace {

using Id = PickleTree::Id;

constexpr size_t kMaxNameBytes = 512;                // of one tensor, as in validate()
constexpr size_t kMaxNamesBytes = size_t{64} << 20;  // of all
constexpr std::string_view kModelKeys[] = {"model", "state_dict", "model_state_dict", "model_state", "module",
                                           "net",   "network",    "weights",          "params"};
constexpr std::string_view kWrappers[] = {"module.", "_orig_mod."};  // DataParallel, torch.compile

struct Child {
  enum class Name { key, position, none } name;
  Id key = 0;  // or the position
  Id value = 0;
};

class Walk {
 public:
  Walk(const PickleTree& tree, TorchContents& out)
      : tree_(tree), out_(out), tensors_(tree, out.storages), seen_(tree.size()), left_(4 * tree.size()) {}

  void run() {
    const Id model = find_model();
    collect(model);
    drop_common_wrappers();
    if (model != tree_.root()) collect(tree_.root());
    make_names_unique();
  }

 private:
  bool is_container(Id id) const {
    switch (tree_.kind(id)) {
      case PickleKind::tuple:
      case PickleKind::list:
      case PickleKind::dict:
      case PickleKind::object:
        return true;
      default:
        return false;
    }
  }

  // Where an OrderedDict has its contents: in itself, or in the list of pairs that Python 2 gives it as an argument.
  Id pairs_of(Id id) const {
    if (tree_.kind(id) != PickleKind::object) return id;
    const auto arguments = tree_.items(tree_.arguments(id));
    const bool given = !arguments.empty() && tree_.is_global(tree_.callee(id), "collections.OrderedDict");
    return given ? arguments[0] : id;
  }

  // What lies one level below a container. An object's attributes count as if they were its items.
  std::vector<Child> children(Id id) const {
    std::vector<Child> out;
    const auto items = tree_.items(id);
    if (tree_.kind(id) == PickleKind::tuple || tree_.kind(id) == PickleKind::list) {
      for (size_t k = 0; k < items.size(); ++k) {
        out.push_back({Child::Name::position, static_cast<Id>(k), items[k]});
      }
      return out;
    }
    if (const Id pairs = pairs_of(id); pairs != id) {
      for (const Id pair : tree_.items(pairs)) {
        const auto both = tree_.items(pair);
        if (both.size() == 2) out.push_back({Child::Name::key, both[0], both[1]});
      }
    }
    for (size_t k = 0; k + 1 < items.size(); k += 2) out.push_back({Child::Name::key, items[k], items[k + 1]});
    if (tree_.kind(id) == PickleKind::object) {
      if (const auto state = tree_.state(id)) out.push_back({Child::Name::none, 0, *state});
    }
    return out;
  }

  // Gives up when it has looked at much more than there is: containers may be shared any number of times.
  bool holds_tensors(Id id, int depth) {
    if (left_ == 0) return false;
    const auto below = children(id);
    left_ -= std::min(left_, below.size());
    return std::any_of(below.begin(), below.end(), [&](const Child& child) {
      return tensors_.is_tensor(child.value) ||
             (depth > 0 && tree_.kind(child.value) == PickleKind::dict && child.name == Child::Name::key &&
              holds_tensors(child.value, depth - 1));
    });
  }

  // The state dict of the model: the file itself, or what one of the usual keys holds, which may be wrapped once more.
  Id find_model() {
    constexpr int kMaxWraps = 4;
    Id model = tree_.root();
    for (int wraps = 0; wraps < kMaxWraps; ++wraps) {
      if (!is_container(model)) break;
      const auto below = children(model);
      const auto found = [&]() -> const Child* {
        for (const std::string_view key : kModelKeys) {
          for (const Child& child : below) {
            if (child.name == Child::Name::key && tree_.kind(child.key) == PickleKind::text &&
                tree_.text(child.key) == key && is_container(child.value) && !tensors_.is_tensor(child.value) &&
                holds_tensors(child.value, 1)) {
              return &child;
            }
          }
        }
        return nullptr;
      }();
      if (!found) break;
      model = found->value;
    }
    return model;
  }

  // Depth first, in the order of the file, on a stack of our own: a file may nest as deep as it is long.
  void collect(Id start) {
    struct Level {
      std::vector<Child> children;
      size_t next = 0;
      size_t path_bytes = 0;  // of the container's own path
    };
    std::string path;
    std::vector<Level> levels;
    const auto enter = [&](Id id) {
      if (tensors_.is_tensor(id)) {
        add(id, path);
      } else if (is_container(id) && !seen_[id]) {
        seen_[id] = true;
        const Id pairs = pairs_of(id);
        const bool again = pairs != id && seen_[pairs];
        seen_[pairs] = true;
        if (!again) levels.push_back({children(id), 0, path.size()});
      }
    };
    enter(start);
    while (!levels.empty()) {
      Level& level = levels.back();
      path.resize(level.path_bytes);
      if (level.next == level.children.size()) {
        levels.pop_back();
        continue;
      }
      const Child child = level.children[level.next++];
      if (child.name != Child::Name::none) extend(path, child);
      enter(child.value);
    }
  }

  void extend(std::string& path, const Child& child) const {
    // Beyond the limit nothing will be called by this path, so it need not be right.
    if (path.size() > kMaxNameBytes) return;
    if (!path.empty()) path += '.';
    if (child.name == Child::Name::position) {
      path += std::to_string(child.key);
      return;
    }
    switch (tree_.kind(child.key)) {
      case PickleKind::text:
        path += tree_.text(child.key).substr(0, kMaxNameBytes + 1);
        break;
      case PickleKind::integer:
        path += std::to_string(tree_.integer(child.key));
        break;
      case PickleKind::boolean:
        path += tree_.boolean(child.key) ? "True" : "False";
        break;
      default:
        path += "?";
    }
  }

  void add(Id id, const std::string& path) {
    if (path.size() > kMaxNameBytes) {
      throw Error(ErrorKind::bad_file,
                  fmt::format("a tensor's name is longer than {} bytes: {}", kMaxNameBytes, printable(path)));
    }
    names_bytes_ += path.size();
    if (out_.tensors.size() >= kMaxTensors || names_bytes_ > kMaxNamesBytes) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} tensors, or their names take more than {} bytes",
                                                      kMaxTensors, kMaxNamesBytes));
    }
    try {
      out_.tensors.push_back(tensors_.read(id));
    } catch (const Error& error) {
      throw error.in("tensor " + printable(path));
    }
    out_.tensors.back().name = path.empty() ? "tensor" : path;
  }

  void drop_common_wrappers() {
    auto& tensors = out_.tensors;
    for (bool dropped = true; dropped && !tensors.empty();) {
      dropped = false;
      for (const std::string_view wrapper : kWrappers) {
        const bool all = std::all_of(tensors.begin(), tensors.end(), [&](const TorchTensor& tensor) {
          return tensor.name.size() > wrapper.size() && tensor.name.starts_with(wrapper);
        });
        if (!all) continue;
        for (auto& tensor : tensors) tensor.name.erase(0, wrapper.size());
        dropped = true;
      }
    }
  }

  // Two paths may read the same: {'a': {'b.c': x}, 'a.b': {'c': y}}. The second is called "a.b.c (2)".
  void make_names_unique() {
    std::unordered_set<std::string> taken;
    std::unordered_map<std::string, int> copies;
    for (auto& tensor : out_.tensors) {
      if (taken.insert(tensor.name).second) continue;
      const std::string base = tensor.name;
      int& number = copies.try_emplace(base, 1).first->second;
      do {
        tensor.name = fmt::format("{} ({})", base, ++number);
      } while (!taken.insert(tensor.name).second);
    }
  }

  const PickleTree& tree_;
  TorchContents& out_;
  TorchTensors tensors_;
  std::vector<bool> seen_;  // containers, and lists of pairs
  size_t left_;             // how many values find_model() may still look at
  size_t names_bytes_ = 0;
};

}  // namespace

TorchContents read_torch_contents(const PickleTree& tree) {
  TorchContents out;
  Walk(tree, out).run();
  out.config = read_torch_config(tree);
  return out;
}

}  // namespace superpose::checkpoint
