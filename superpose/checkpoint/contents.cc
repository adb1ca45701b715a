// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/contents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;  // its tree takes about 20 times as much memory

// Parsed into a map first: with ordered keys every insertion searches all earlier keys, and a file of a few MB with
// 10^5 keys would take minutes.
Json parse_object(std::string_view text) {
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  const auto guard = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep |= depth > kMaxDepth;
    return !too_deep;
  };
  nlohmann::json out;
  try {
    out = nlohmann::json::parse(text.begin(), text.end(), guard);
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(ErrorKind::bad_file, fmt::format("not valid JSON at byte {}", error.byte));
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::bad_file, "not valid JSON: a number is out of range");
  }
  if (too_deep) throw Error(ErrorKind::bad_file, fmt::format("JSON nested deeper than {} levels", kMaxDepth));
  if (!out.is_object()) throw Error(ErrorKind::bad_file, "not a JSON object");
  return Json(out);
}

}  // namespace

Json read_config(const Folder& source) {
  if (!source.has("config.json")) return nullptr;
  const auto file = source.open("config.json");
  try {
    if (file->size() > kMaxConfigBytes) {
      throw Error(ErrorKind::bad_file, fmt::format("{} bytes, at most {} are expected", file->size(), kMaxConfigBytes));
    }
    return parse_object(as_text(file->read(0, file->size())));
  } catch (const Error& error) {
    throw error.in(source.label("config.json"));
  }
}

std::vector<TensorInfo> add_file(Contents& contents, const Folder& source, const std::string& name) {
  const auto file = source.open(name);
  try {
    const Format& format = recognise(*file, name);
    Index index = format.parse(file);
    validate(index, file->size());
    for (auto& tensor : index.tensors) tensor.file += contents.files.size();
    contents.format = format.name;
    contents.config = std::move(index.config);
    if (contents.metadata.empty()) contents.metadata = std::move(index.metadata);
    if (contents.tokens.empty()) contents.tokens = std::move(index.tokens);
    contents.files.push_back(file);
    contents.weight_files.push_back(file);
    contents.files.insert(contents.files.end(), index.parts.begin(), index.parts.end());
    return std::move(index.tensors);
  } catch (const Error& error) {
    throw error.kind() == ErrorKind::io ? error : error.in(source.label(name));
  }
}

Contents read_file(const Folder& source, const std::string& name) {
  if (name.ends_with(kSafetensorsIndex) || name.ends_with(kTorchIndex)) return read_shards(source, name);
  Contents contents;
  contents.tensors = add_file(contents, source, name);
  const bool may_have_config = contents.format == "safetensors" || contents.format == "torch";
  if (may_have_config && contents.config.is_null()) contents.config = read_config(source);
  return contents;
}

namespace {

constexpr std::string_view kModel = "model.safetensors", kTorchModel = "pytorch_model.bin";
constexpr std::string_view kIndexed = ".index.json";

// What training leaves beside the weights, in the same formats.
bool is_side_file(std::string_view name) {
  constexpr std::string_view kSideFiles[] = {"optimizer", "rng_state", "scaler",
                                             "scheduler", "tokenizer", "training_args"};
  return std::any_of(std::begin(kSideFiles), std::end(kSideFiles),
                     [&](std::string_view side) { return name.starts_with(side); });
}

bool is_weights(std::string_view name) {
  const auto all = formats();
  return !is_side_file(name) && std::any_of(all.begin(), all.end(), [&](const Format& format) {
    return has_extension(name, format.extensions);
  });
}

// The name of the file of the folder that says what the model is.
std::string choose_file(const Folder& source) {
  const std::string place = source.label("");
  const auto has = [&](std::string_view name) { return source.has(std::string(name)); };
  const auto indexed = [](std::string_view name) { return std::string(name) + std::string(kIndexed); };
  if (has(kModel)) return std::string(kModel);
  if (has(indexed(kModel))) return indexed(kModel);
  std::vector<std::string> safetensors, weights;
  for (const auto& name : source.names()) {
    if (name.ends_with(".safetensors")) safetensors.push_back(name);
    if (is_weights(name) && source.has(name)) weights.push_back(name);
  }
  if (safetensors.size() == 1) return safetensors[0];
  if (has(kTorchModel)) return std::string(kTorchModel);
  if (has(indexed(kTorchModel))) return indexed(kTorchModel);
  if (safetensors.size() > 1) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: holds {} .safetensors files and no model.safetensors.index.json; name one of them: {}",
                            place, safetensors.size(), fmt::join(safetensors.begin(), safetensors.begin() + 2, ", ")));
  }
  if (weights.size() == 1) return weights[0];
  if (weights.size() > 1) {
    throw Error(
        ErrorKind::usage,
        fmt::format("{}: holds {} files of weights and nothing that says which is the model; name one of them: {}",
                    place, weights.size(), fmt::join(weights.begin(), weights.begin() + 2, ", ")));
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("{}: holds no weights that are read; expected model.safetensors, pytorch_model.bin, one of "
                          "them with .index.json and its shards, or one file of weights",
                          place));
}

// Files of the same kind beside those that were read: a shard of another upload, a copy in another precision.
void warn_of_strays(const Folder& source, Contents& contents) {
  if (contents.format != "safetensors") return;
  std::vector<std::string> names, strays;
  try {
    names = source.names();
  } catch (const Error&) {
    return;  // a hub that does not say what it has
  }
  size_t candidates = 0;
  for (const auto& name : names) {
    const auto is_it = [&](const auto& file) { return file->label() == source.label(name); };
    if (!name.ends_with(".safetensors") || is_side_file(name)) continue;
    ++candidates;
    if (std::none_of(contents.weight_files.begin(), contents.weight_files.end(), is_it)) strays.push_back(name);
  }
  // Arrays in memory are one file with a label of its own.
  if (strays.empty() || candidates <= contents.weight_files.size()) return;
  contents.warnings.push_back(fmt::format("{}: {} .safetensors file{} that {} not part of the model, first {}",
                                          source.label(""), strays.size(), strays.size() > 1 ? "s" : "",
                                          strays.size() > 1 ? "are" : "is", printable(strays[0])));
}

}  // namespace

Contents read_folder(const Folder& source) {
  const std::string name = choose_file(source);
  Contents contents = read_file(source, name);
  for (const std::string& other : {std::string(kTorchModel), std::string(kTorchModel) + std::string(kIndexed)}) {
    if (contents.format != "safetensors" || !source.has(other)) continue;
    contents.warnings.push_back(fmt::format("{}: holds {} too; {} was read", source.label(""), other, name));
  }
  warn_of_strays(source, contents);
  return contents;
}

}  // namespace superpose::checkpoint
