// SPDX-License-Identifier: Apache-2.0
// What any bytes must do when they are opened as weights: give a valid index or an Error of an allowed kind; and every
// tensor that is listed can be loaded, or is refused.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::fuzz {

using Bytes = std::vector<std::byte>;

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline Bytes slice(const uint8_t* data, size_t begin, size_t end) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  return Bytes(bytes + begin, bytes + end);
}

template <class Action>
void expect_only(std::initializer_list<ErrorKind> allowed, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    for (const ErrorKind kind : allowed) {
      if (error.kind() == kind) return;
    }
    std::abort();
  }
}

// What validate() promises, computed here once more.
inline void check_index(const checkpoint::Checkpoint& checkpoint, uint64_t largest_file) {
  for (const checkpoint::TensorInfo& tensor : checkpoint.tensors()) {
    require(checkpoint.find(tensor.name) == &tensor);
    require(tensor.shape.size() <= 8 && tensor.name.size() <= 512);
    const bool in_a_part = checkpoint.format() != "safetensors" && tensor.file > 0;
    require(tensor.begin <= tensor.end && (in_a_part || tensor.end <= largest_file));
    const uint64_t bits = (tensor.end - tensor.begin) * 8;
    unsigned __int128 elements = 1, reach = 1;
    for (size_t k = 0; k < tensor.shape.size(); ++k) {
      elements *= tensor.shape[k];
      require(elements <= UINT64_MAX);
      if (!tensor.strides.empty() && tensor.shape[k] > 0) reach += (tensor.shape[k] - 1) * tensor.strides[k];
    }
    if (tensor.bits == 0) continue;  // blocks, or of an unknown size
    require(tensor.strides.empty() || tensor.strides.size() == tensor.shape.size());
    require((tensor.strides.empty() || elements == 0 ? elements : reach) * tensor.bits == bits);
  }
}

inline void open_and_check(std::vector<MemoryFile> files, uint64_t largest_file) {
  using checkpoint::Checkpoint;
  const bool folder = files.size() > 1;
  expect_only({ErrorKind::bad_file, ErrorKind::unsupported, folder ? ErrorKind::io : ErrorKind::bad_file}, [&] {
    const Checkpoint checkpoint = Checkpoint::open_memory(std::move(files));
    check_index(checkpoint, largest_file);
    size_t loaded = 0;
    for (const auto& tensor : checkpoint.tensors()) {
      if (++loaded > 16) break;
      expect_only({ErrorKind::bad_file, ErrorKind::unsupported}, [&] {
        const auto W = checkpoint.load<double>(tensor);
        const auto V = checkpoint.load<float>(tensor);
        require(W.rows() == tensor.shape[0] && W.cols() == tensor.shape[1]);
        for (size_t k = 0; k < W.rows() * W.cols(); ++k) require(static_cast<float>(W.data()[k]) == V.data()[k]);
      });
      expect_only({ErrorKind::bad_file, ErrorKind::unsupported},
                  [&] { require(checkpoint.content_hash(tensor).size() == 64); });
    }
    expect_only({ErrorKind::usage, ErrorKind::unsupported, ErrorKind::bad_file}, [&] {
      for (const auto& role : checkpoint::resolve_heads(checkpoint)) {
        require(role.tensor && role.tensor->shape.size() == 2 && !role.evidence.empty());
      }
    });
  });
}

// A zip archive of stored members, without CRCs, which nobody checks for stored ones. method, size: of the first one.
struct ArchiveMember {
  std::string name;
  Bytes data;
};
inline Bytes archive_of(const std::vector<ArchiveMember>& members, uint16_t method = 0, uint32_t size = 0) {
  Bytes out, directory;
  const auto put = [](Bytes& to, uint64_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) to.push_back(static_cast<std::byte>(k < 8 ? value >> 8 * k : 0));
  };
  const auto text = [](Bytes& to, const std::string& value) {
    for (const char c : value) to.push_back(static_cast<std::byte>(c));
  };
  for (const auto& member : members) {
    const bool first = out.empty();
    const uint64_t begin = out.size();
    const auto common = [&](Bytes& to) {
      put(to, 0, 2);
      put(to, first ? method : 0, 2);
      put(to, 0, 8);
      put(to, member.data.size(), 4);
      put(to, first && method ? size : member.data.size(), 4);
      put(to, member.name.size(), 2);
    };
    put(out, 0x04034b50, 4);
    put(out, 20, 2);
    common(out);
    put(out, 0, 2);
    text(out, member.name);
    for (const std::byte b : member.data) out.push_back(b);
    put(directory, 0x02014b50, 4);
    put(directory, 20, 4);
    common(directory);
    put(directory, 0, 12);
    put(directory, begin, 4);
    text(directory, member.name);
  }
  const uint64_t begin = out.size();
  for (const std::byte b : directory) out.push_back(b);
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, begin, 4);
  put(out, 0, 2);
  return out;
}

}  // namespace superpose::fuzz
