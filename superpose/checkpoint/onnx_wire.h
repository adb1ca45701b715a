// SPDX-License-Identifier: Apache-2.0
// Protocol buffers, as far as ONNX needs them: the fields of a message one after the other, straight from a file, so
// that the gigabytes of weights between them are passed over and never read.
#pragma once
#include <cstdint>
#include <string>

#include "superpose/base/bytes.h"

namespace superpose::checkpoint {

// The message in bytes [reader.offset(), end) of a file. Between two calls of next() the field's content may be read
// through the reader, or through another Message over it, or left alone. Error{bad_file}: a field leaves its message.
class Message {
 public:
  enum Wire : uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  Message(ByteReader& reader, uint64_t end) : reader_(reader), end_(end), content_end_(reader.offset()) {}

  bool next();  // false at the end of the message

  uint32_t field() const { return field_; }
  Wire wire() const { return wire_; }
  uint64_t value() const { return value_; }  // of a varint
  uint64_t begin() const { return begin_; }  // of the content of the other kinds
  uint64_t end() const { return content_end_; }

  bool is_number(uint32_t field) const { return field_ == field && wire_ == varint; }
  bool is_bytes(uint32_t field) const { return field_ == field && wire_ == bytes; }

  // The content as text; "" when it is longer than max_bytes.
  std::string text(uint64_t max_bytes);

  // The message that the content is.
  Message inner() { return {reader_, content_end_}; }

 private:
  ByteReader& reader_;
  uint64_t end_;
  uint64_t content_end_;
  uint64_t begin_ = 0, value_ = 0;
  uint32_t field_ = 0;
  Wire wire_ = varint;
};

// A base-128 number that ends before byte `end`.
uint64_t read_varint(ByteReader& reader, uint64_t end);

}  // namespace superpose::checkpoint
