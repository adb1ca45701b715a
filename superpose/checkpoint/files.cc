// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/files.h"

#include <algorithm>

#include "superpose/base/error.h"

namespace superpose::checkpoint {

std::vector<std::string> DiskFolder::names() const {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    out.push_back(it->path().filename().string());
  }
  if (error) throw Error(ErrorKind::io, folder_.string() + ": cannot list the folder: " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

bool DiskFolder::has(const std::string& name) const {
  std::error_code error;
  return std::filesystem::is_regular_file(folder_ / name, error);
}

FileBytes DiskFolder::open(const std::string& name) const {
  const auto path = folder_ / name;
  // Opening a named pipe would wait for somebody to write to it.
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorKind::io, path.string() + ": is not a regular file");
  }
  return FileBytes(MappedFile(path));
}

std::string DiskFolder::label(const std::string& name) const { return (folder_ / name).string(); }

const MemoryFile* MemoryFolder::find(const std::string& name) const {
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const auto& file) { return file.name == name; });
  return found == files_.end() ? nullptr : &*found;
}

std::vector<std::string> MemoryFolder::names() const {
  std::vector<std::string> out;
  for (const auto& file : files_) out.push_back(file.name);
  std::sort(out.begin(), out.end());
  return out;
}

bool MemoryFolder::has(const std::string& name) const { return find(name) != nullptr; }

FileBytes MemoryFolder::open(const std::string& name) const {
  const MemoryFile* file = find(name);
  if (!file) throw Error(ErrorKind::io, name + ": no such file");
  return FileBytes(file->bytes);
}

}  // namespace superpose::checkpoint
