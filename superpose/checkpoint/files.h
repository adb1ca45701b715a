// SPDX-License-Identifier: Apache-2.0
// Where a checkpoint's files come from: a folder on disk or a list in memory. Tests and fuzz targets use the second.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "superpose/base/files.h"
#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// The bytes of one file, mapped or owned; they do not move when the object does.
class FileBytes {
 public:
  explicit FileBytes(MappedFile file) : holder_(std::move(file)) {}
  explicit FileBytes(std::vector<std::byte> bytes) : holder_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const {
    if (const auto* mapped = std::get_if<MappedFile>(&holder_)) return mapped->bytes();
    return std::get<std::vector<std::byte>>(holder_);
  }

 private:
  std::variant<MappedFile, std::vector<std::byte>> holder_;
};

// The files of one folder, by name.
class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual std::vector<std::string> names() const = 0;  // sorted
  virtual bool has(const std::string& name) const = 0;
  virtual FileBytes open(const std::string& name) const = 0;     // Error{io}
  virtual std::string label(const std::string& name) const = 0;  // what messages call it
};

class DiskFolder : public FileSource {
 public:
  explicit DiskFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::vector<std::string> names() const override;
  bool has(const std::string& name) const override;
  FileBytes open(const std::string& name) const override;
  std::string label(const std::string& name) const override;

 private:
  std::filesystem::path folder_;
};

class MemoryFolder : public FileSource {
 public:
  explicit MemoryFolder(std::vector<MemoryFile> files) : files_(std::move(files)) {}
  std::vector<std::string> names() const override;
  bool has(const std::string& name) const override;
  FileBytes open(const std::string& name) const override;
  std::string label(const std::string& name) const override { return name; }

 private:
  const MemoryFile* find(const std::string& name) const;
  std::vector<MemoryFile> files_;
};

}  // namespace superpose::checkpoint
