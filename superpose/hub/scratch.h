// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace superpose::hub {

// A file without a name: it is gone with the process, and takes as much space as was written. Thread-safe.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& folder);  // Error{io}
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void write(uint64_t offset, std::span<const std::byte> bytes);  // Error{io}: the disk is full, say
  void read(uint64_t offset, std::span<std::byte> out) const;     // of bytes that were written

 private:
  std::filesystem::path folder_;
  int descriptor_;
};

}  // namespace superpose::hub
