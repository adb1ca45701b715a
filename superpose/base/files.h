// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace superpose {

// A file mapped read-only into memory for the lifetime of the object. Mapping reserves addresses, not memory: pages
// come from the page cache as they are touched. Throws Error{io} (no such file, a directory, no permission).
// A file that another program truncates while it is mapped kills this process (SIGBUS); nothing here prevents that.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, bytes_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// The whole file as text. Throws Error{io}; Error{bad_file} above max_bytes.
std::string read_text(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

// The file that writing to `path` would make or replace: symbolic links followed. Error{io} for a folder, a pipe or a
// device: those are never replaced.
std::filesystem::path file_to_write(const std::filesystem::path& path);

// Writes the file whole or not at all: to a temporary file beside it, flushed, then renamed. Throws Error{io}.
void write_file(const std::filesystem::path& path, std::string_view bytes);
// The same for a file that lies in memory in pieces, one after the other. flush = false does not wait for the disk: if
// the machine (not the process) dies within seconds, the file may come back empty or torn.
void write_file(const std::filesystem::path& path, std::span<const std::string_view> pieces, bool flush = true);

}  // namespace superpose
