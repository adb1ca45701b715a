// SPDX-License-Identifier: Apache-2.0
// APPNOTE.TXT 6.3: local headers and data, the central directory, and at the end of the file where that begins.
#include "superpose/checkpoint/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "superpose/base/bytes.h"
#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kLocalHeader("PK\x03\x04", 4), kDirectoryEntry("PK\x01\x02", 4), kEnd("PK\x05\x06", 4),
    kEnd64("PK\x06\x06", 4), kLocator64("PK\x06\x07", 4);
constexpr uint64_t kEndBytes = 22, kLocatorBytes = 20;
constexpr uint64_t kMaxCommentBytes = 65'535;
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kEncrypted = 1u << 0, kSizesFollow = 1u << 3, kMasked = 1u << 13;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  // a 32-bit field whose value is in the zip64 field

struct Directory {
  uint64_t begin = 0, bytes = 0, entries = 0;
  uint64_t end = 0;  // where the records after it begin
};

// Zip64: the directory's place does not fit the last record, which another one 20 bytes before it leads to.
void read_end64(const File& archive, uint64_t end, Directory& directory) {
  if (end < kLocatorBytes) return;
  ByteReader locator(archive, end - kLocatorBytes, kLocatorBytes);
  if (as_text(locator.take(4, "zip64 locator")) != kLocator64) return;
  locator.skip(4, "zip64 locator");
  const auto at = locator.read<uint64_t>("zip64 locator");
  if (at > end - kLocatorBytes) bad(fmt::format("zip: the zip64 record is said to be at byte {}", at));
  ByteReader record(archive, at, 56);
  if (as_text(record.take(4, "zip64 record")) != kEnd64) bad(fmt::format("zip: no zip64 record at byte {}", at));
  record.skip(8 + 2 + 2, "zip64 record");
  const auto disk = record.read<uint32_t>("zip64 record"), first = record.read<uint32_t>("zip64 record");
  const auto here = record.read<uint64_t>("zip64 record");
  directory.entries = record.read<uint64_t>("zip64 record");
  directory.bytes = record.read<uint64_t>("zip64 record");
  directory.begin = record.read<uint64_t>("zip64 record");
  directory.end = at;
  if (disk != 0 || first != 0 || here != directory.entries) unsupported("zip: an archive of several files");
}

// From the end record, which is the last one whose comment ends where the file does.
std::optional<Directory> find_directory(const File& archive, uint64_t comment_bytes) {
  const uint64_t tail_bytes = std::min(archive.size(), kEndBytes + comment_bytes);
  const uint64_t tail_begin = archive.size() - tail_bytes;
  const auto tail = archive.read(tail_begin, tail_bytes);
  for (uint64_t at = tail_bytes < kEndBytes ? 0 : tail_bytes - kEndBytes + 1; at-- > 0;) {
    const std::span<const std::byte> rest = std::span(tail).subspan(at);
    if (!as_text(rest).starts_with(kEnd)) continue;
    ByteReader reader(rest);
    reader.skip(4, "end record");
    const auto disk = reader.read<uint16_t>("end record"), first = reader.read<uint16_t>("end record");
    const auto here = reader.read<uint16_t>("end record"), entries = reader.read<uint16_t>("end record");
    const auto bytes = reader.read<uint32_t>("end record"), begin = reader.read<uint32_t>("end record");
    if (reader.read<uint16_t>("end record") != rest.size() - kEndBytes) continue;
    Directory out{begin, bytes, entries, tail_begin + at};
    read_end64(archive, tail_begin + at, out);
    if (out.end == tail_begin + at && (disk != 0 || first != 0 || here != entries)) {
      unsupported("zip: an archive of several files");
    }
    return out;
  }
  return {};
}
Directory find_directory(const File& archive) {
  if (const auto found = find_directory(archive, 0)) return *found;  // nearly always there is no comment
  if (const auto found = find_directory(archive, kMaxCommentBytes)) return *found;
  bad("zip: no end record: the file is cut short, or it is no zip archive");
}

// The sizes and the offset that did not fit 32 bits, in the order in which they are asked for.
class Zip64Field {
 public:
  Zip64Field(std::span<const std::byte> extra, const std::string& name) : name_(name) {
    // Writers pad with bytes that make no field, so what does not fit is the end of the list, not an error.
    while (extra.size() >= 4) {
      ByteReader reader(extra);
      const auto id = reader.read<uint16_t>("extra field"), length = reader.read<uint16_t>("extra field");
      if (length > reader.bytes_left()) return;
      if (id == kZip64Field) {
        field_ = extra.subspan(4, length);
        return;
      }
      extra = extra.subspan(size_t{4} + length);
    }
  }
  uint64_t value(uint32_t narrow) {
    if (narrow != kIn64) return narrow;
    if (field_.size() < 8) bad(fmt::format("zip: member {} lacks its zip64 sizes", printable(name_)));
    ByteReader reader(field_);
    field_ = field_.subspan(8);
    return reader.read<uint64_t>("zip64 field");
  }

 private:
  const std::string& name_;
  std::span<const std::byte> field_;
};

void check_member_name(const std::string& name) {
  bool leads_out = name.empty() || name.front() == '/' || name.find('\\') != std::string::npos ||
                   name.find('\0') != std::string::npos;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    leads_out |= std::string_view(name).substr(begin, end - begin) == "..";
    begin = end + 1;
  }
  if (leads_out) bad(fmt::format("zip: a member is called {}, which is no path inside the archive", printable(name)));
}

void check_flags(uint16_t flags, const std::string& name) {
  if (flags & (kEncrypted | kMasked)) unsupported(fmt::format("zip: member {} is encrypted", printable(name)));
}

struct Entry {
  ZipMember member;
  uint64_t header = 0;  // of the local header
};

Entry read_entry(ByteReader& reader) {
  if (as_text(reader.take(4, "zip directory")) != kDirectoryEntry) {
    bad(fmt::format("zip: no entry of the directory at byte {}", reader.offset() - 4));
  }
  Entry entry;
  ZipMember& member = entry.member;
  reader.skip(4, "zip directory");
  const auto flags = reader.read<uint16_t>("zip directory");
  member.method = ZipMethod{reader.read<uint16_t>("zip directory")};
  reader.skip(4, "zip directory");
  member.crc = reader.read<uint32_t>("zip directory");
  const auto compressed = reader.read<uint32_t>("zip directory"), size = reader.read<uint32_t>("zip directory");
  const auto name_bytes = reader.read<uint16_t>("zip directory");
  const auto extra_bytes = reader.read<uint16_t>("zip directory");
  const auto comment_bytes = reader.read<uint16_t>("zip directory");
  const auto disk = reader.read<uint16_t>("zip directory");
  reader.skip(6, "zip directory");
  const auto header = reader.read<uint32_t>("zip directory");
  member.name = as_text(reader.take(name_bytes, "zip member name"));
  check_member_name(member.name);
  Zip64Field wide(reader.take(extra_bytes, "zip extra fields"), member.name);
  member.size = wide.value(size);
  member.compressed = wide.value(compressed);
  entry.header = wide.value(header);
  reader.skip(comment_bytes, "zip comment");
  check_flags(flags, member.name);
  if (disk != 0 && disk != 0xFFFF) unsupported("zip: an archive of several files");
  if (member.method == ZipMethod::stored && member.size != member.compressed) {
    bad(fmt::format("zip: member {} is stored in {} bytes and said to have {}", printable(member.name),
                    member.compressed, member.size));
  }
  return entry;
}

// Where the data begins is known only to the local header. Whatever else it repeats must agree with the directory.
void read_local_header(const File& archive, uint64_t directory_begin, Entry& entry) {
  constexpr size_t kHeaderAndName = 256;  // of most members, so that one small read does
  ZipMember& member = entry.member;
  const auto fail = [&](std::string_view what) {
    bad(fmt::format("zip: member {}, local header at byte {}: {}", printable(member.name), entry.header, what));
  };
  if (entry.header >= directory_begin) fail("it is not before the directory");
  ByteReader reader(archive, entry.header, kHeaderAndName);
  if (as_text(reader.take(4, "zip local header")) != kLocalHeader) fail("there is none");
  reader.skip(2, "zip local header");
  const auto flags = reader.read<uint16_t>("zip local header");
  const auto method = ZipMethod{reader.read<uint16_t>("zip local header")};
  reader.skip(4, "zip local header");
  const auto crc = reader.read<uint32_t>("zip local header");
  const auto compressed = reader.read<uint32_t>("zip local header"), size = reader.read<uint32_t>("zip local header");
  const auto name_bytes = reader.read<uint16_t>("zip local header");
  const auto extra_bytes = reader.read<uint16_t>("zip local header");
  if (as_text(reader.take(name_bytes, "zip local header")) != member.name) fail("it has another name");
  Zip64Field wide(reader.take(extra_bytes, "zip local header"), member.name);
  check_flags(flags, member.name);
  if (method != member.method) fail("it has another method");
  // A writer that did not know them yet left zeros, and has put the numbers after the data.
  const auto agrees = [&](uint64_t local, uint64_t central) {
    return local == central || ((flags & kSizesFollow) && local == 0);
  };
  if (!agrees(wide.value(size), member.size) || !agrees(wide.value(compressed), member.compressed)) {
    fail("it has other sizes");
  }
  if (!agrees(crc, member.crc)) fail("it has another CRC");
  member.begin = reader.offset();
  if (member.begin > directory_begin || member.compressed > directory_begin - member.begin) {
    fail(fmt::format("{} bytes of data from byte {} on do not end before the directory at byte {}", member.compressed,
                     member.begin, directory_begin));
  }
}

// Two members of the same bytes are how a small archive pretends to hold much.
void check_apart(const std::vector<Entry>& entries) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return entries[a].header < entries[b].header; });
  for (size_t k = 1; k < order.size(); ++k) {
    const Entry &before = entries[order[k - 1]], &after = entries[order[k]];
    if (after.header < before.member.begin + before.member.compressed) {
      bad(fmt::format("zip: member {} begins inside member {}", printable(after.member.name),
                      printable(before.member.name)));
    }
  }
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return entries[a].member.name < entries[b].member.name; });
  for (size_t k = 1; k < order.size(); ++k) {
    const std::string& name = entries[order[k]].member.name;
    if (name == entries[order[k - 1]].member.name) bad(fmt::format("zip: member {} appears twice", printable(name)));
  }
}

}  // namespace

bool is_zip(std::span<const std::byte> start) {
  return as_text(start).starts_with(kLocalHeader) || as_text(start).starts_with(kEnd);
}

std::vector<ZipMember> read_zip(const File& archive) {
  constexpr uint64_t kLeastEntryBytes = 46;
  const Directory directory = find_directory(archive);
  if (directory.begin > directory.end || directory.bytes > directory.end - directory.begin) {
    bad(fmt::format("zip: the directory is said to be {} bytes from byte {} on, its end record is at byte {}",
                    directory.bytes, directory.begin, directory.end));
  }
  if (directory.entries > directory.bytes / kLeastEntryBytes) {
    bad(fmt::format("zip: {} members in a directory of {} bytes", directory.entries, directory.bytes));
  }
  std::vector<Entry> entries;
  ByteReader reader(archive, directory.begin);
  for (uint64_t k = 0; k < directory.entries; ++k) entries.push_back(read_entry(reader));
  if (reader.offset() != directory.begin + directory.bytes) {
    bad(fmt::format("zip: the directory ends at byte {}, not at byte {} as said", reader.offset(),
                    directory.begin + directory.bytes));
  }
  for (auto& entry : entries) read_local_header(archive, directory.begin, entry);
  check_apart(entries);
  std::vector<ZipMember> out;
  out.reserve(entries.size());
  for (auto& entry : entries) out.push_back(std::move(entry.member));
  return out;
}

}  // namespace superpose::checkpoint
