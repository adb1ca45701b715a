// SPDX-License-Identifier: Apache-2.0
// The formats, one line each; and how a file's format is recognised.
#include <fmt/format.h>

#include "superpose/base/bytes.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr Format kFormats[] = {
    {"npy", ".npy", is_npy, parse_npy},
    {"safetensors", ".safetensors", is_safetensors, parse_safetensors},
    {"gguf", ".gguf", is_gguf, parse_gguf},
    {"hdf5", ".h5 .hdf5", is_hdf5, parse_hdf5},
    {"onnx", ".onnx", is_onnx, parse_onnx},
    {"npz", ".npz", is_npz, parse_npz},
    {"torch", ".pt .pth .ckpt", is_torch, parse_torch},
    {"llama2.c", ".bin", is_llama2c, parse_llama2c},
    {"word2vec", ".vec", is_word2vec, parse_word2vec},
};

constexpr uint64_t kStartBytes = 4096;

struct Foreign {
  std::string_view signature;
  ErrorKind kind;
  std::string_view what;
};
// Files that people are likely to try, so that the message can say what they are.
constexpr Foreign kForeign[] = {
    {"version https://git-lfs", ErrorKind::bad_file,
     "a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'"},
};

}  // namespace

std::span<const Format> formats() { return kFormats; }

bool has_extension(std::string_view name, std::string_view extensions) {
  while (!extensions.empty()) {
    const size_t space = std::min(extensions.find(' '), extensions.size());
    if (name.ends_with(extensions.substr(0, space))) return true;
    extensions.remove_prefix(std::min(space + 1, extensions.size()));
  }
  return false;
}

const Format& recognise(const File& file, std::string_view file_name) {
  if (file.size() == 0) throw Error(ErrorKind::bad_file, "the file is empty");
  const std::vector<std::byte> bytes = file.read(0, std::min<uint64_t>(file.size(), kStartBytes));
  const FileStart start{bytes, file.size(), file_name};
  for (const auto& format : kFormats) {
    if (format.has_signature(start)) return format;
  }
  for (const auto& foreign : kForeign) {
    if (as_text(bytes).starts_with(foreign.signature)) {
      throw Error(foreign.kind, fmt::format("this is {}", foreign.what));
    }
  }
  // A damaged file: the parser that its name asks for knows best what is wrong with it.
  for (const auto& format : kFormats) {
    if (has_extension(file_name, format.extensions)) return format;
  }
  std::string known;
  for (const auto& format : kFormats) known += fmt::format("{}{}", known.empty() ? "" : ", ", format.name);
  throw Error(ErrorKind::unsupported,
              fmt::format("not recognised; files of these formats are read: {}, and folders that hold some", known));
}

}  // namespace superpose::checkpoint
