// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "superpose/base/error.h"

namespace superpose::hub {
namespace {

[[noreturn]] void fail(const std::filesystem::path& folder, const char* why) {
  throw Error(ErrorKind::io,
              folder.string() + ": cannot keep downloaded bytes there: " + why + "; TMPDIR names another folder");
}

}  // namespace

Scratch::Scratch(const std::filesystem::path& folder) : folder_(folder) {
  std::string path = (folder / "superpose-XXXXXX").string();
  descriptor_ = ::mkstemp(path.data());
  if (descriptor_ < 0) fail(folder, std::strerror(errno));
  ::unlink(path.c_str());
  ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
}

Scratch::~Scratch() { ::close(descriptor_); }

void Scratch::write(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail(folder_, put < 0 ? std::strerror(errno) : "nothing is written");
    offset += static_cast<uint64_t>(put);
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
}

void Scratch::read(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(folder_, got < 0 ? std::strerror(errno) : "the file became shorter");
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace superpose::hub
