// SPDX-License-Identifier: Apache-2.0
// Zip archives, pickles and PyTorch files made in memory.
#pragma once
#include <zlib.h>

#include <initializer_list>
#include <optional>
#include <utility>

#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {

struct ZipEntry {
  std::string name;
  Bytes data;
  bool deflate = false;
  uint16_t flags = 0;
  std::optional<uint16_t> method = {};  // what both headers say instead of the truth
  std::optional<uint32_t> crc = {};
  std::optional<uint32_t> size = {};
  std::optional<uint32_t> local_size = {};  // what only the local header says
  std::string local_extra = {};
  bool zip64 = false;  // sizes only in the zip64 field of the local header, as NumPy writes it
};

inline Bytes deflated(const Bytes& data) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, static_cast<uLong>(data.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// zip64_end: the directory's place only in the zip64 record.
inline Bytes zip(const std::vector<ZipEntry>& entries, std::string_view comment = "", bool zip64_end = false) {
  Bytes out, directory;
  for (const auto& entry : entries) {
    const auto header = static_cast<uint32_t>(out.size());
    const Bytes packed = entry.deflate ? deflated(entry.data) : entry.data;
    const auto* data = reinterpret_cast<const Bytef*>(entry.data.data());
    const auto crc = entry.crc.value_or(static_cast<uint32_t>(crc32_z(0, data, entry.data.size())));
    const uint16_t method = entry.method.value_or(entry.deflate ? 8 : 0);
    const auto packed_size = static_cast<uint32_t>(packed.size());
    const uint32_t size = entry.size.value_or(static_cast<uint32_t>(entry.data.size()));
    std::string extra = entry.local_extra;
    if (entry.zip64) {
      Bytes field;
      append(field, uint16_t{1});
      append(field, uint16_t{16});
      append(field, uint64_t{size});
      append(field, uint64_t{packed_size});
      extra += as_text(field);
    }
    const auto common = [&](Bytes& to, uint32_t said_size, uint32_t said_packed) {
      append(to, entry.flags);
      append(to, method);
      append(to, uint32_t{0});
      append(to, crc);
      append(to, said_packed);
      append(to, said_size);
      append(to, static_cast<uint16_t>(entry.name.size()));
    };
    append(out, std::string_view("PK\x03\x04\x14\x00", 6));
    common(out, entry.zip64 ? UINT32_MAX : entry.local_size.value_or(size), entry.zip64 ? UINT32_MAX : packed_size);
    append(out, static_cast<uint16_t>(extra.size()));
    append(out, entry.name);
    append(out, extra);
    append(out, as_text(packed));
    append(directory, std::string_view("PK\x01\x02\x14\x00\x14\x00", 8));
    common(directory, size, packed_size);
    append(directory, std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0", 12));
    append(directory, header);
    append(directory, entry.name);
  }
  const uint64_t begin = out.size();
  append(out, as_text(directory));
  const auto count = static_cast<uint16_t>(entries.size());
  if (zip64_end) {
    const uint64_t record = out.size();
    append(out, std::string_view("PK\x06\x06", 4));
    append(out, uint64_t{44});
    append(out, std::string_view("\x2d\0\x2d\0\0\0\0\0\0\0\0\0", 12));
    append(out, uint64_t{count});
    append(out, uint64_t{count});
    append(out, uint64_t{directory.size()});
    append(out, begin);
    append(out, std::string_view("PK\x06\x07\0\0\0\0", 8));
    append(out, record);
    append(out, uint32_t{1});
  }
  append(out, std::string_view("PK\x05\x06\0\0\0\0", 8));
  append(out, zip64_end ? uint16_t{UINT16_MAX} : count);
  append(out, zip64_end ? uint16_t{UINT16_MAX} : count);
  append(out, zip64_end ? UINT32_MAX : static_cast<uint32_t>(directory.size()));
  append(out, zip64_end ? UINT32_MAX : static_cast<uint32_t>(begin));
  append(out, static_cast<uint16_t>(comment.size()));
  append(out, comment);
  return out;
}

// Pieces of pickles. Each leaves one value on the stack.
namespace pkl {
template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
inline std::string text(std::string_view value) {
  return "X" + raw(static_cast<uint32_t>(value.size())) + std::string(value);
}
inline std::string integer(int32_t value) { return "J" + raw(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const auto& item : items) out += item;
  return out + "t";
}
inline std::string call(const std::string& module, const std::string& name, const std::vector<std::string>& arguments) {
  return global(module, name) + tuple(arguments) + "R";
}
using Pairs = std::vector<std::pair<std::string, std::string>>;
inline std::string items(const Pairs& pairs) {
  std::string out = "(";
  for (const auto& [key, value] : pairs) out += text(key) + value;
  return out + "u";
}
inline std::string dict(const Pairs& pairs) { return "}" + items(pairs); }
inline std::string ordered(const Pairs& pairs) { return "ccollections\nOrderedDict\n)R" + items(pairs); }
inline std::string numbers(const std::vector<int>& values) {
  std::vector<std::string> out;
  for (const int value : values) out.push_back(integer(value));
  return tuple(out);
}
// view: the last part of the legacy form's storages.
inline std::string storage(const std::string& type, const std::string& key, int elements,
                           const std::string& view = "") {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(elements) + view + "tQ";
}
inline std::string tensor(const std::string& storage, int offset, const std::vector<int>& shape,
                          const std::vector<int>& strides) {
  return call("torch._utils", "_rebuild_tensor_v2",
              {storage, integer(offset), numbers(shape), numbers(strides), "\x89", "ccollections\nOrderedDict\n)R"});
}
// A float tensor that is all of a storage of its own.
inline std::string whole(const std::string& key, int rows, int cols) {
  return tensor(storage("FloatStorage", key, rows * cols), 0, {rows, cols}, {cols, 1});
}
inline std::string file(const std::string& value) { return "\x80\x02" + value + "."; }
}  // namespace pkl

using Storages = std::vector<std::pair<std::string, Bytes>>;
inline Bytes torch_zip(const std::string& value, const Storages& storages, bool deflate = false) {
  std::vector<ZipEntry> entries{{"archive/data.pkl", bytes_of(pkl::file(value)), deflate}};
  for (const auto& [key, data] : storages) entries.push_back({"archive/data/" + key, data, deflate});
  entries.push_back({"archive/version", bytes_of("3\n")});
  return zip(entries);
}
inline std::string_view torch_magic() { return {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15}; }
// Storages of float.
inline Bytes torch_legacy(const std::string& value, const Storages& storages, bool little_endian = true) {
  Bytes out = bytes_of(torch_magic());
  append(out, pkl::file("M" + pkl::raw(uint16_t{1001})));
  append(out, pkl::file(pkl::dict({{"little_endian", little_endian ? "\x88" : "\x89"}})));
  append(out, pkl::file(value));
  std::string keys = "](";
  for (const auto& [key, data] : storages) keys += pkl::text(key);
  append(out, pkl::file(keys + "e"));
  for (const auto& [key, data] : storages) {
    append(out, uint64_t{data.size() / sizeof(float)});
    append(out, as_text(data));
  }
  return out;
}
// 0, 1, 2, ...
inline Bytes floats(int count, float first = 0) {
  Bytes out;
  for (int k = 0; k < count; ++k) append(out, first + static_cast<float>(k));
  return out;
}

}  // namespace superpose::checkpoint
