// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "superpose/base/error.h"

namespace superpose {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* action) {
  throw Error(ErrorKind::io, path.string() + ": cannot " + action + ": " + std::strerror(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe that nobody writes to must fail below, not wait. It means nothing to a regular file.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail(path, "open");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail(path, "stat");
  if (S_ISDIR(info.st_mode)) throw Error(ErrorKind::io, path.string() + ": is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) throw Error(ErrorKind::io, path.string() + ": is not a regular file");
  bytes_ = static_cast<size_t>(info.st_size);
  if (bytes_ == 0) return;  // mmap refuses length 0; an empty span is the right answer
  void* address = ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) fail(path, "map");
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::string read_text(const std::filesystem::path& path, size_t max_bytes) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > max_bytes) {
    throw Error(ErrorKind::bad_file, path.string() + ": " + std::to_string(bytes.size()) + " bytes, more than the " +
                                         std::to_string(max_bytes) + " expected here");
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const std::filesystem::path& path, std::string_view bytes) { write_file(path, {&bytes, 1}); }

// Through symbolic links, to the file they mean; and a pipe or a device is not replaced by a file.
std::filesystem::path file_to_write(const std::filesystem::path& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorKind::io, path.string() + (std::filesystem::is_directory(status)
                                                    ? ": is a folder, expected a file name"
                                                    : ": is not a regular file, and is not replaced by one"));
  }
  // A link to a file that is not there yet means that file; the system lets a path have 40 links.
  std::filesystem::path target = path;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(target, failed); ++links) {
    const auto next = std::filesystem::read_symlink(target, failed);
    if (failed) return path;
    target = target.parent_path() / next;
  }
  const auto whole = std::filesystem::weakly_canonical(target, failed);
  return failed ? target : whole;
}

void write_file(const std::filesystem::path& named, std::span<const std::string_view> pieces, bool flush) {
  const std::filesystem::path path = file_to_write(named);
  std::string temporary = path.string() + ".XXXXXX";
  const Descriptor file(::mkstemp(temporary.data()));
  if (file.get() < 0) fail(path, "create a file beside");
  const auto give_up = [&](const char* action) {
    const int saved = errno;
    ::unlink(temporary.c_str());
    errno = saved;
    fail(path, action);
  };
  for (std::string_view bytes : pieces) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) give_up("write");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(file.get(), 0666 & ~mask) != 0 || (flush && ::fsync(file.get()) != 0)) give_up("flush");
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("rename to");
}

}  // namespace superpose
