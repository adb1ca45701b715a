// SPDX-License-Identifier: Apache-2.0
// parse_study(): YAML text, which may be hostile, to configs. yaml-cpp bounds its own recursion (500 levels); what it
// returns is a graph, in which an alias may stand for any part, the part it stands in included.
#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/sweep/sweep.h"
#include "superpose/sweep/values.h"

namespace superpose::sweep {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxNodes = 1'000'000;  // with aliases followed: nine lines of YAML can stand for 10^9 nodes
constexpr size_t kMaxConfigBytes = size_t{1} << 31;

// One field of a grid and all it is to be set to.
struct Axis {
  std::string field;
  std::vector<Json> values;
};
using Grid = std::vector<Axis>;

[[noreturn]] void refuse(std::string_view where, const YAML::Node& node, const std::string& text) {
  const int line = node.Mark().line;
  const std::string place = line < 0 ? std::string(where) : fmt::format("{}:{}", where, line + 1);
  throw Error(ErrorKind::usage, place + ": " + text);
}

// Everything below stores and fingerprints text as JSON, which is UTF-8.
void check_utf8(std::string_view text, std::string_view where) {
  try {
    (void)Json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::bad_file, fmt::format("{}: is not UTF-8 text", where));
  }
}

YAML::Node load(std::string_view yaml, std::string_view where) {
  if (yaml.size() > kMaxFileBytes) {
    throw Error(ErrorKind::bad_file,
                fmt::format("{}: {} bytes, a study file has at most {}", where, yaml.size(), kMaxFileBytes));
  }
  check_utf8(yaml, where);
  try {
    const auto documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() == 1) return documents[0];
    if (documents.empty()) return YAML::Node();
    throw Error(ErrorKind::usage, fmt::format("{}: {} YAML documents, expected one", where, documents.size()));
  } catch (const YAML::DeepRecursion& e) {
    throw Error(ErrorKind::bad_file, fmt::format("{}:{}: nested deeper than any study", where, e.mark.line + 1));
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::bad_file, fmt::format("{}:{}: not valid YAML: {}", where, e.mark.line + 1, e.msg));
  }
}

// The keys of a map, each a plain word that occurs once.
std::vector<std::pair<std::string, YAML::Node>> entries(const YAML::Node& map, std::string_view where) {
  std::vector<std::pair<std::string, YAML::Node>> out;
  std::unordered_set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) refuse(where, entry.first, "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (!seen.insert(key).second) refuse(where, entry.first, fmt::format("key '{}' stands twice in one map", key));
    out.emplace_back(key, entry.second);
  }
  return out;
}

struct ToJson {
  std::string_view where;
  size_t nodes = 0;

  Json convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) refuse(where, node, fmt::format("nested deeper than {} levels", kMaxDepth));
    if (++nodes > kMaxNodes) refuse(where, node, fmt::format("stands for more than {} values", kMaxNodes));
    if (node.IsSequence()) {
      Json out = Json::array();
      for (const auto& item : node) out.push_back(convert(item, depth + 1));
      return out;
    }
    if (node.IsMap()) {
      Json out = Json::object();
      for (const auto& [key, value] : entries(node, where)) out.push_back({key, convert(value, depth + 1)});
      return out;
    }
    if (!node.IsScalar()) return nullptr;
    return node.Tag() == "!" ? Json(node.Scalar()) : typed(node.Scalar());  // "!" is how yaml-cpp marks quotes
  }
};

std::vector<Json> axis_values(const std::string& field, const YAML::Node& node, std::string_view where) {
  std::vector<Json> out;
  const auto append = [&](const YAML::Node& item) {
    if (!item.IsScalar()) {
      refuse(where, item,
             fmt::format("{}: expected a value or a list of values, found {}", field,
                         item.IsMap()        ? "a map"
                         : item.IsSequence() ? "a list in a list"
                                             : "nothing; values with commas or braces need quotes"));
    }
    try {
      const auto values = expand_values(item.Scalar());
      out.insert(out.end(), values.begin(), values.end());
    } catch (const Error& e) {
      refuse(where, item, fmt::format("{}: {}", field, e.what()));
    }
    if (out.size() > kMaxConfigs) refuse(where, item, fmt::format("{}: more than {} values", field, kMaxConfigs));
  };
  if (node.IsSequence()) {
    for (const auto& item : node) append(item);
    if (out.empty()) refuse(where, node, field + ": the list is empty");
  } else {
    append(node);
  }
  return out;
}

Grid read_grid(const YAML::Node& map, const std::string& what, std::string_view where) {
  constexpr size_t kMaxFields = 100;
  if (!map.IsMap()) refuse(where, map, what + " must be a map from fields to values");
  Grid grid;
  for (const auto& [field, value] : entries(map, where)) grid.push_back({field, axis_values(field, value, where)});
  if (grid.size() > kMaxFields) refuse(where, map, fmt::format("{} has more than {} fields", what, kMaxFields));
  return grid;
}

// `over` wins; new fields go to the end, so that configs list the common fields first.
void override_axes(Grid& grid, const Grid& over) {
  for (const Axis& axis : over) {
    const auto same = std::find_if(grid.begin(), grid.end(), [&](const Axis& a) { return a.field == axis.field; });
    if (same == grid.end()) {
      grid.push_back(axis);
    } else {
      same->values = axis.values;
    }
  }
}

Grid read_overrides(std::span<const std::string> words) {
  Grid out;
  for (const auto& word : words) {
    check_utf8(word, "the command line");
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::usage, fmt::format("'{}': expected key=value, for example dim=10,25", word));
    }
    const std::string field = word.substr(0, equals);
    for (const Axis& axis : out) {
      if (axis.field == field) throw Error(ErrorKind::usage, fmt::format("'{}' is given twice", field));
    }
    try {
      out.push_back({field, expand_values(std::string_view(word).substr(equals + 1))});
    } catch (const Error& e) {
      throw e.in(field);
    }
  }
  return out;
}

// How many configs, or an Error before they fill the memory.
size_t product_size(const Grid& grid, std::string_view where) {
  size_t configs = 1;
  size_t config_bytes = 0;
  for (const Axis& axis : grid) {
    configs *= axis.values.size();  // both factors are at most 10^6
    size_t longest = 0;
    for (const Json& value : axis.values) {
      if (value.is_string()) longest = std::max(longest, value.get_ref<const std::string&>().size());
    }
    config_bytes += axis.field.size() + longest + sizeof(std::pair<std::string, Json>);
    if (configs > kMaxConfigs || configs > kMaxConfigBytes / config_bytes) {
      throw Error(ErrorKind::usage, fmt::format("{}: a grid stands for more than {} runs; split the study", where,
                                                std::min(kMaxConfigs, kMaxConfigBytes / config_bytes)));
    }
  }
  return configs;
}

// The last field changes fastest.
void append_product(const Grid& grid, std::string_view where, std::vector<Json>& out) {
  const size_t count = product_size(grid, where);
  if (count > kMaxConfigs - out.size()) {
    throw Error(ErrorKind::usage, fmt::format("{}: more than {} runs; split the study", where, kMaxConfigs));
  }
  for (size_t k = 0; k < count; ++k) {
    Json config = Json::object();
    size_t block = count;
    for (const Axis& axis : grid) {
      block /= axis.values.size();
      config.push_back({axis.field, axis.values[k / block % axis.values.size()]});
    }
    out.push_back(std::move(config));
  }
}

void remove_duplicates(std::vector<Json>& configs) {
  std::unordered_set<std::string> seen;
  std::erase_if(configs, [&](const Json& config) { return !seen.insert(store::run_key("", config)).second; });
}

std::string text_of(const YAML::Node& node, const std::string& key, std::string_view where) {
  if (!node.IsScalar()) refuse(where, node, key + " must be text");
  return node.Scalar();
}

Study read_study(const YAML::Node& root, std::string_view where, const Grid& overrides) {
  const std::vector<std::string> known{"grids", "defaults"};
  Study study;
  study.extra = Json::object();
  if (!root.IsMap()) refuse(where, root, "a study must be a map with 'name' and 'grids'");
  Grid defaults;
  YAML::Node grids;
  ToJson to_json{where};
  for (const auto& [key, value] : entries(root, where)) {
    if (key == "name") {
      study.name = text_of(value, key, where);
    } else if (key == "about") {
      study.about = text_of(value, key, where);
    } else if (key == "defaults") {
      defaults = read_grid(value, "defaults", where);
    } else if (key == "grids") {
      if (!value.IsSequence()) refuse(where, value, "grids must be a list of maps");
      grids.reset(value);
    } else if (const auto near = nearest_name(key, known); !near.empty()) {
      refuse(where, value, fmt::format("unknown key '{}' (did you mean {}?)", key, near));
    } else {
      study.extra.push_back({key, to_json.convert(value, 1)});
    }
  }
  for (const auto& node : grids) {
    Grid grid = defaults;
    override_axes(grid, read_grid(node, "a grid", where));
    override_axes(grid, overrides);
    append_product(grid, where, study.configs);
  }
  remove_duplicates(study.configs);
  return study;
}

}  // namespace

Study parse_study(std::string_view yaml, std::string_view where, std::span<const std::string> overrides) {
  const Grid over = read_overrides(overrides);
  const YAML::Node root = load(yaml, where);
  try {
    return read_study(root, where, over);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::bad_file, fmt::format("{}:{}: not valid YAML: {}", where, e.mark.line + 1, e.msg));
  }
}

}  // namespace superpose::sweep
