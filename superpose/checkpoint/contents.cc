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
  if (name.ends_with(".safetensors.index.json")) return read_shards(source, name);
  Contents contents;
  contents.tensors = add_file(contents, source, name);
  if (contents.format == "safetensors") contents.config = read_config(source);
  return contents;
}

Contents read_folder(const Folder& source) {
  if (source.has("model.safetensors")) return read_file(source, "model.safetensors");
  if (source.has("model.safetensors.index.json")) return read_shards(source, "model.safetensors.index.json");
  std::vector<std::string> weights;
  const auto names = source.names();
  std::copy_if(names.begin(), names.end(), std::back_inserter(weights),
               [](const auto& name) { return name.ends_with(".safetensors"); });
  if (weights.size() == 1) return read_file(source, weights[0]);
  const std::string place = source.label("");
  if (weights.size() > 1) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: holds {} .safetensors files and no model.safetensors.index.json; name one of them: {}",
                            place, weights.size(), fmt::join(weights.begin(), weights.begin() + 2, ", ")));
  }
  const bool torch = std::any_of(names.begin(), names.end(), [](const auto& name) {
    return name.starts_with("pytorch_model") && name.find(".bin") != std::string::npos;
  });
  throw Error(ErrorKind::unsupported,
              torch
                  ? fmt::format("{}: holds only PyTorch weights (pytorch_model.bin), which are not read yet; expected "
                                "model.safetensors",
                                place)
                  : fmt::format("{}: holds no weights that are read; expected model.safetensors, "
                                "model.safetensors.index.json with its shards, or one *.safetensors file",
                                place));
}

}  // namespace superpose::checkpoint
