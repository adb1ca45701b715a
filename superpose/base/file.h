// SPDX-License-Identifier: Apache-2.0
// Files of a known size that are read in pieces, wherever they are: on disk, in memory, inside another file, at the
// other end of a network. Readers of weights see nothing else, so a parser does not know where its bytes come from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace superpose {

class File {
 public:
  virtual ~File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& label() const { return label_; }  // what messages call it
  uint64_t size() const { return size_; }

  // Fills `out` with the bytes from `offset` on. Thread-safe. Error{io}: the system or the network failed, or the file
  // is shorter than it was; Error{bad_file}: the range does not lie in the file, or what holds the bytes is damaged.
  void read(uint64_t offset, std::span<std::byte> out) const;
  std::vector<std::byte> read(uint64_t offset, uint64_t count) const;

  // How many different bytes were read so far: two passes over a tensor count once.
  uint64_t bytes_read() const;

 protected:
  File(std::string label, uint64_t size) : label_(std::move(label)), size_(size) {}
  // The range lies in the file and is not empty. Must be thread-safe.
  virtual void fetch(uint64_t offset, std::span<std::byte> out) const = 0;

 private:
  std::string label_;
  uint64_t size_;
  mutable std::mutex mutex_;
  mutable std::map<uint64_t, uint64_t> read_;  // disjoint ranges: begin -> end
};

// Error{io}: no such file, no permission, not a regular file (opening a pipe would wait for somebody to write to it).
std::shared_ptr<const File> open_file(const std::filesystem::path& path);
std::shared_ptr<const File> memory_file(std::string label, std::vector<std::byte> bytes);

// The files of one folder, by name.
class Folder {
 public:
  virtual ~Folder() = default;
  virtual std::vector<std::string> names() const = 0;  // sorted
  virtual bool has(const std::string& name) const = 0;
  virtual std::shared_ptr<const File> open(const std::string& name) const = 0;  // Error{io}
  virtual std::string label(const std::string& name) const = 0;                 // what messages call it; "": the folder
};

// The files given, by name.
std::unique_ptr<Folder> folder_of(std::map<std::string, std::shared_ptr<const File>> files);
std::unique_ptr<Folder> disk_folder(std::filesystem::path folder);

struct MemoryFile {
  std::string name;
  std::vector<std::byte> bytes;
};
std::unique_ptr<Folder> memory_folder(std::vector<MemoryFile> files);

}  // namespace superpose
