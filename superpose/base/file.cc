// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "superpose/base/error.h"

namespace superpose {
namespace {

class DiskFile : public File {
 public:
  DiskFile(int descriptor, std::string label, uint64_t size) : File(std::move(label), size), descriptor_(descriptor) {}
  ~DiskFile() override { ::close(descriptor_); }

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(ErrorKind::io, label() + ": cannot read: " + std::strerror(errno));
      if (got == 0) {
        throw Error(ErrorKind::io, label() + ": ends at byte " + std::to_string(offset) + " now, not at byte " +
                                       std::to_string(size()) + ": it was cut short while it was read");
      }
      offset += static_cast<uint64_t>(got);
      out = out.subspan(static_cast<size_t>(got));
    }
  }

 private:
  int descriptor_;
};

class BytesFile : public File {
 public:
  BytesFile(std::string label, std::vector<std::byte> bytes)
      : File(std::move(label), bytes.size()), bytes_(std::move(bytes)) {}

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::vector<std::byte> bytes_;
};

class DiskFolder : public Folder {
 public:
  explicit DiskFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    std::error_code error;
    const auto place = folder_.empty() ? std::filesystem::path(".") : folder_;
    for (std::filesystem::directory_iterator it(place, error), end; !error && it != end; it.increment(error)) {
      out.push_back(it->path().filename().string());
    }
    if (error) throw Error(ErrorKind::io, folder_.string() + ": cannot list the folder: " + error.message());
    std::sort(out.begin(), out.end());
    return out;
  }
  bool has(const std::string& name) const override {
    std::error_code error;
    return std::filesystem::is_regular_file(folder_ / name, error);
  }
  std::shared_ptr<const File> open(const std::string& name) const override { return open_file(folder_ / name); }
  std::string label(const std::string& name) const override { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

class FilesFolder : public Folder {
 public:
  explicit FilesFolder(std::map<std::string, std::shared_ptr<const File>> files) : files_(std::move(files)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, file] : files_) out.push_back(name);
    return out;
  }
  bool has(const std::string& name) const override { return files_.contains(name); }
  std::shared_ptr<const File> open(const std::string& name) const override {
    const auto found = files_.find(name);
    if (found == files_.end()) throw Error(ErrorKind::io, name + ": no such file");
    return found->second;
  }
  std::string label(const std::string& name) const override { return name; }

 private:
  std::map<std::string, std::shared_ptr<const File>> files_;
};

}  // namespace

void File::read(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    throw Error(ErrorKind::bad_file, label_ + ": " + std::to_string(out.size()) + " bytes at byte " +
                                         std::to_string(offset) + " are needed, the file has " + std::to_string(size_));
  }
  if (out.empty()) return;
  fetch(offset, out);
  const std::lock_guard lock(mutex_);
  uint64_t begin = offset, end = offset + out.size();
  auto at = read_.upper_bound(begin);
  if (at != read_.begin() && std::prev(at)->second >= begin) --at;
  while (at != read_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = read_.erase(at);
  }
  read_.emplace(begin, end);
}

std::vector<std::byte> File::read(uint64_t offset, uint64_t count) const {
  if (offset > size_ || count > size_ - offset)
    read(offset, std::span<std::byte>(static_cast<std::byte*>(nullptr), count));
  std::vector<std::byte> out(count);
  read(offset, out);
  return out;
}

uint64_t File::bytes_read() const {
  const std::lock_guard lock(mutex_);
  uint64_t out = 0;
  for (const auto& [begin, end] : read_) out += end - begin;
  return out;
}

std::shared_ptr<const File> open_file(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::io, path.string() + ": " + what); };
  // O_NONBLOCK: opening a pipe that nobody writes to must fail below, not wait. It means nothing to a regular file.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(std::string("cannot open: ") + std::strerror(errno));
  struct stat info {};
  const bool known = ::fstat(descriptor, &info) == 0;
  if (!known || !S_ISREG(info.st_mode)) {
    const int why = errno;
    ::close(descriptor);
    fail(!known                  ? std::string("cannot stat: ") + std::strerror(why)
         : S_ISDIR(info.st_mode) ? "is a directory, expected a file"
                                 : "is not a regular file");
  }
  return std::make_shared<DiskFile>(descriptor, path.string(), static_cast<uint64_t>(info.st_size));
}

std::shared_ptr<const File> memory_file(std::string label, std::vector<std::byte> bytes) {
  return std::make_shared<BytesFile>(std::move(label), std::move(bytes));
}

std::unique_ptr<Folder> disk_folder(std::filesystem::path folder) {
  return std::make_unique<DiskFolder>(std::move(folder));
}

std::unique_ptr<Folder> folder_of(std::map<std::string, std::shared_ptr<const File>> files) {
  return std::make_unique<FilesFolder>(std::move(files));
}

std::unique_ptr<Folder> memory_folder(std::vector<MemoryFile> files) {
  std::map<std::string, std::shared_ptr<const File>> by_name;
  for (auto& file : files) by_name.emplace(file.name, memory_file(file.name, std::move(file.bytes)));
  return folder_of(std::move(by_name));
}

}  // namespace superpose
