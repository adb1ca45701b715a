// SPDX-License-Identifier: Apache-2.0
// model.safetensors.index.json, pytorch_model.bin.index.json: {"metadata": {...}, "weight_map": {"tensor": "shard
// file", ...}}
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/contents.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/json_events.h"

namespace superpose::checkpoint {
namespace {

constexpr uint64_t kMaxIndexBytes = 100'000'000;

struct Entry {
  std::string tensor;
  uint32_t shard = 0;  // position in ShardMap::shards
  bool found = false;
};
struct ShardMap {
  std::vector<std::string> shards;
  std::vector<Entry> entries;
};

// Reads weight_map; whatever else the index holds (sizes, notes) is skipped, to a limited depth.
class ShardMapEvents : public JsonEvents {
 public:
  explicit ShardMapEvents(ShardMap& map) : map_(map) {}
  bool null() override { return skip("null"); }
  bool boolean(bool) override { return skip("true or false"); }
  bool number_integer(number_integer_t) override { return skip("number"); }
  bool number_unsigned(number_unsigned_t) override { return skip("number"); }
  bool number_float(number_float_t, const string_t&) override { return skip("number"); }
  bool start_array(size_t) override { return skip("array") && enter(); }
  bool end_array() override { return leave(); }

  bool key(string_t& text) override {
    if (depth_ == 1) in_map_ = text == "weight_map";
    if (depth_ == 1 && in_map_ && std::exchange(map_seen_, true)) bad("weight_map appears twice");
    if (depth_ <= 2) key_ = text;
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ >= 2) skip("object");
    return enter();
  }
  bool end_object() override { return leave(); }
  bool string(string_t& text) override {
    if (!(in_map_ && depth_ == 2)) return skip("string");
    if (map_.entries.size() >= kMaxTensors) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} tensors", kMaxTensors));
    }
    map_.entries.push_back({key_, shard_number(text)});
    return true;
  }
  bool has_map() const { return map_seen_; }

 private:
  static constexpr int kMaxDepth = 16;

  bool skip(std::string_view what) {
    if (depth_ == 0 || in_map_) unexpected(what);
    return true;
  }
  bool enter() {
    if (++depth_ > kMaxDepth) bad(fmt::format("nested deeper than {} levels", kMaxDepth));
    return true;
  }
  bool leave() {
    if (--depth_ == 1) in_map_ = false;
    return true;
  }
  // A shard is a file of the same folder: anything that could lead out of it is refused.
  uint32_t shard_number(const std::string& name) {
    const auto [at, is_new] = numbers_.try_emplace(name, static_cast<uint32_t>(map_.shards.size()));
    if (!is_new) return at->second;
    const bool leads_out = name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
                           name.find('\\') != std::string::npos || name.find('\0') != std::string::npos;
    if (leads_out) {
      bad(fmt::format("tensor {} is said to be in {}; expected the name of a file in this folder", printable(key_),
                      printable(name)));
    }
    map_.shards.push_back(name);
    return at->second;
  }
  std::string place() const override {
    return depth_ == 0
               ? "index"
               : fmt::format("{} {}", in_map_ && depth_ == 2 ? "weight_map entry" : "index entry", printable(key_));
  }

  ShardMap& map_;
  std::unordered_map<std::string, uint32_t> numbers_;
  int depth_ = 0;
  bool in_map_ = false;
  bool map_seen_ = false;
  std::string key_;
};

ShardMap parse_shard_map(const File& file) {
  if (file.size() > kMaxIndexBytes) bad(fmt::format("{} bytes, at most {} are expected", file.size(), kMaxIndexBytes));
  const std::vector<std::byte> bytes = file.read(0, file.size());
  ShardMap map;
  ShardMapEvents events(map);
  events.read(as_text(bytes));
  if (!events.has_map()) bad("no weight_map");
  if (map.entries.empty()) bad("weight_map is empty");
  auto& entries = map.entries;
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.tensor < b.tensor; });
  const auto twice = std::adjacent_find(entries.begin(), entries.end(),
                                        [](const auto& a, const auto& b) { return a.tensor == b.tensor; });
  if (twice != entries.end()) bad(fmt::format("weight_map lists tensor {} twice", printable(twice->tensor)));
  return map;
}

// Moves the tensors that the index places in this shard; others (stray copies) are left out with a warning.
void take_listed(Contents& contents, std::vector<TensorInfo> tensors, ShardMap& map, uint32_t shard) {
  size_t strays = 0;
  std::string first_stray;
  for (auto& tensor : tensors) {
    const auto entry = std::lower_bound(map.entries.begin(), map.entries.end(), tensor.name,
                                        [](const Entry& e, const std::string& name) { return e.tensor < name; });
    if (entry != map.entries.end() && entry->tensor == tensor.name && entry->shard == shard) {
      entry->found = true;
      contents.tensors.push_back(std::move(tensor));
    } else if (strays++ == 0) {
      first_stray = tensor.name;
    }
  }
  if (strays > 0) {
    contents.warnings.push_back(fmt::format("{}: {} tensors that the index does not place there were ignored, first {}",
                                            contents.weight_files.back()->label(), strays, printable(first_stray)));
  }
}

}  // namespace

Contents read_shards(const Folder& source, const std::string& index_name) {
  ShardMap map;
  Contents contents;
  const std::string_view expected = index_name.ends_with(kTorchIndex) ? "torch" : "safetensors";
  const auto index = source.open(index_name);
  try {
    map = parse_shard_map(*index);
    for (const auto& shard : map.shards) {
      if (!source.has(shard))
        throw Error(ErrorKind::io, fmt::format("shard {} is not in the folder", printable(shard)));
    }
  } catch (const Error& error) {
    throw error.in(source.label(index_name));
  }
  for (uint32_t shard = 0; shard < map.shards.size(); ++shard) {
    auto tensors = add_file(contents, source, map.shards[shard]);
    if (contents.format != expected) {
      bad(fmt::format("{}: this shard is no {} file", source.label(map.shards[shard]), expected));
    }
    take_listed(contents, std::move(tensors), map, shard);
  }
  for (const auto& entry : map.entries) {
    if (!entry.found) {
      bad(fmt::format("{}: tensor {} is said to be in {}, which does not hold it", source.label(index_name),
                      printable(entry.tensor), printable(map.shards[entry.shard])));
    }
  }
  contents.config = read_config(source);
  return contents;
}

}  // namespace superpose::checkpoint
