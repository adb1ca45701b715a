// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/onnx_wire.h"
#include "superpose/checkpoint/defects.h"

#include <fmt/format.h>

namespace superpose::checkpoint {
uint64_t read_varint(ByteReader& reader, uint64_t end) {
  uint64_t out = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (reader.offset() >= end) bad(fmt::format("a number at byte {} leaves its field", reader.offset()));
    const uint64_t byte = reader.read<uint8_t>("number");
    if (shift == 63 && byte > 1) break;
    out |= (byte & 127) << shift;
    if (byte < 128) return out;
  }
  bad(fmt::format("a number that ends at byte {} has more than 64 bits", reader.offset()));
}

bool Message::next() {
  reader_.skip(content_end_ - reader_.offset(), "field");
  if (reader_.offset() == end_) return false;
  const uint64_t at = reader_.offset();
  const uint64_t key = read_varint(reader_, end_);
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff) bad(fmt::format("byte {}: no field has number {}", at, key >> 3));
  field_ = static_cast<uint32_t>(key >> 3);
  wire_ = static_cast<Wire>(key & 7);
  uint64_t length = 0;
  switch (wire_) {
    case varint:
      value_ = read_varint(reader_, end_);
      break;
    case fixed64:
      length = 8;
      break;
    case fixed32:
      length = 4;
      break;
    case bytes:
      length = read_varint(reader_, end_);
      break;
    default:
      bad(fmt::format("field {} at byte {} has wire type {}, which ONNX does not use", field_, at, key & 7));
  }
  begin_ = reader_.offset();
  if (length > end_ - begin_) {
    bad(fmt::format("field {} at byte {} needs {} bytes, its message has {} left", field_, at, length, end_ - begin_));
  }
  content_end_ = begin_ + length;
  return true;
}

std::string Message::text(uint64_t max_bytes) {
  const uint64_t length = content_end_ - begin_;
  return length > max_bytes ? std::string() : std::string(as_text(reader_.take(length, "text")));
}

}  // namespace superpose::checkpoint
