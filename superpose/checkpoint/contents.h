// SPDX-License-Identifier: Apache-2.0
// From files to what a Checkpoint holds.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {

struct Contents {
  std::string_view format;
  std::vector<TensorInfo> tensors;
  std::vector<uint32_t> by_name;                   // positions in tensors, sorted by name
  std::vector<std::shared_ptr<const File>> files;  // of TensorInfo::file: the weight files and their parts
  std::vector<std::shared_ptr<const File>> weight_files;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> tokens;
  Json config;
  std::vector<std::string> warnings;
};

inline constexpr std::string_view kSafetensorsIndex = ".safetensors.index.json", kTorchIndex = ".bin.index.json";

// One file, or the shards of an index file; for safetensors and PyTorch with the config.json beside it, unless the file
// says itself what its model is.
Contents read_file(const Folder& source, const std::string& name);

// A model folder: model.safetensors, or the shards of model.safetensors.index.json, or the only *.safetensors; else the
// same of pytorch_model.bin; else the only file of any other format.
Contents read_folder(const Folder& source);

// The shards that an index file names.
Contents read_shards(const Folder& source, const std::string& index_name);

// Adds one file: reads its index, validates it, and returns its tensors with `file` set.
std::vector<TensorInfo> add_file(Contents& contents, const Folder& source, const std::string& name);

// config.json of the folder, null when there is none. Error{bad_file} when it is not a JSON object.
Json read_config(const Folder& source);

}  // namespace superpose::checkpoint
