// SPDX-License-Identifier: Apache-2.0
// Zip archives, as PyTorch and NumPy write them: the list of members, and each member as a File.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/file.h"

namespace superpose::checkpoint {

enum class ZipMethod : uint16_t { stored = 0, deflated = 8 };  // others are listed, and refused when they are opened

struct ZipMember {
  std::string name;
  ZipMethod method = ZipMethod::stored;
  uint64_t compressed = 0, size = 0;  // bytes in the archive, bytes of the contents
  uint32_t crc = 0;                   // CRC-32 of the contents
  uint64_t begin = 0;                 // where the archive has the first of the compressed bytes
};

bool is_zip(std::span<const std::byte> start);

// The members in the order of the central directory, zip64 or not. Each has a unique name that leads nowhere outside
// the archive, an own range of the file that does not overlap another's, and a local header that agrees with the
// directory. Error{bad_file}; Error{unsupported} for encrypted members and for archives of several files ("disks").
std::vector<ZipMember> read_zip(const File& archive);

// The contents of a member. Stored: a range of the archive. Deflated: inflated when it is read, in constant memory
// whatever its size; the first read goes through all of it, and throws Error{bad_file} unless size and CRC are as
// declared. Error{bad_file} when the declared size is more than deflate can reach, Error{unsupported} for other
// methods.
std::shared_ptr<const File> open_member(const std::shared_ptr<const File>& archive, const ZipMember& member);

// The first bytes of a member, at most `count`, of a deflated one without inflating (or checking) the rest.
std::vector<std::byte> member_start(const File& archive, const ZipMember& member, uint64_t count);

}  // namespace superpose::checkpoint
