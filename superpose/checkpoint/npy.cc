// SPDX-License-Identifier: Apache-2.0
// .npy: "\x93NUMPY", version, header length, a Python dict literal, elements. docs/formats/npy.md
#include <fmt/format.h>

#include <charconv>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kMaxHeaderBytes = 65'536;  // NumPy itself refuses more than 10000 by default
constexpr size_t kMaxExtents = 64;            // validate() refuses ranks above 8 with a better message

[[noreturn]] void bad(const std::string& text) { throw Error(ErrorKind::bad_file, text); }

// Just enough of Python's literals for {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text) {}

  bool accept(std::string_view token) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail(fmt::format("expected {}", token));
  }
  std::string_view string() {
    const char quote = accept("'") ? '\'' : accept("\"") ? '"' : '\0';
    if (!quote) fail("expected a string");
    const size_t begin = at_;
    at_ = text_.find(quote, begin);
    if (at_ == std::string_view::npos) at_ = begin, fail("a string without end");
    return text_.substr(begin, at_++ - begin);
  }
  bool boolean() {
    if (accept("True")) return true;
    if (!accept("False")) fail("expected True or False");
    return false;
  }
  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> out;
    expect("(");
    while (!accept(")")) {
      if (out.size() >= kMaxExtents) fail(fmt::format("shape has more than {} extents", kMaxExtents));
      out.push_back(number());
      if (!accept(",")) {
        expect(")");
        // (3) is a number in Python, not a tuple; NumPy writes (3,).
        if (out.size() == 1) fail("a shape of one extent is written (n,)");
        break;
      }
    }
    return out;
  }
  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }
  [[noreturn]] void fail(const std::string& what) const {
    bad(fmt::format("header at character {}: {}, found {}", at_, what, printable(text_.substr(at_, 20))));
  }

 private:
  uint64_t number() {
    skip_spaces();
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("expected a number from 0 to 2^64 - 1");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }
  void skip_spaces() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// '<f4' -> F32. Integers, booleans and complex numbers are listed as `other`; what has no fixed size (strings,
// objects, records) or the wrong byte order is not read at all.
void set_dtype(TensorInfo& tensor, std::string_view descr) {
  tensor.dtype_text = descr;
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorKind::unsupported,
                fmt::format("descr {}: {}; '<f2', '<f4' and '<f8' are read", printable(descr), why));
  };
  uint32_t bytes = 0;
  const char* last = descr.data() + descr.size();
  if (descr.size() < 3 || std::from_chars(descr.data() + 2, last, bytes).ptr != last) refuse("not a number type");
  if (std::string_view("biufc").find(descr[1]) == std::string_view::npos || bytes < 1 || bytes > 32) {
    refuse("not a number type");
  }
  if (descr[0] == '>') refuse("big-endian");
  if (descr[0] != '<' && !(descr[0] == '|' && bytes == 1)) refuse("unknown byte order");
  tensor.bits = bytes * 8;
  tensor.dtype = Dtype::other;
  if (descr == "<f8") tensor.dtype = Dtype::f64;
  if (descr == "<f4") tensor.dtype = Dtype::f32;
  if (descr == "<f2") tensor.dtype = Dtype::f16;
}

TensorInfo parse_header(std::string_view text) {
  TensorInfo tensor;
  tensor.name = "array";
  HeaderText header(text);
  bool descr = false, order = false, shape = false, column_major = false;
  header.expect("{");
  while (!header.accept("}")) {
    const std::string_view key = header.string();
    header.expect(":");
    bool* seen = key == "descr" ? &descr : key == "fortran_order" ? &order : key == "shape" ? &shape : nullptr;
    if (!seen) bad(fmt::format("header: unknown key {}", printable(key)));
    if (std::exchange(*seen, true)) bad(fmt::format("header: key {} appears twice", printable(key)));
    if (seen == &order) column_major = header.boolean();
    if (seen == &shape) tensor.shape = header.tuple();
    if (seen == &descr) {
      if (header.accept("[")) throw Error(ErrorKind::unsupported, "header: descr is a list: records are not read");
      set_dtype(tensor, header.string());
    }
    if (!header.accept(",")) {
      header.expect("}");
      break;
    }
  }
  if (!header.at_end()) header.fail("text after the end of the header's dict");
  if (!descr || !order || !shape) bad("header lacks one of the keys descr, fortran_order, shape");
  if (column_major && tensor.shape.size() > 1) {
    uint64_t step = 1;
    for (const uint64_t extent : tensor.shape) {
      tensor.strides.push_back(step);
      step = checked_mul(step, extent, "number of elements");
    }
  }
  return tensor;
}

}  // namespace

bool is_npy(const FileStart& start) { return as_text(start.bytes).starts_with(kMagic); }

Index parse_npy(const std::shared_ptr<const File>& file) {
  ByteReader reader(*file);
  if (as_text(reader.take(kMagic.size(), "magic")) != kMagic) bad("no .npy file: it does not begin with \\x93NUMPY");
  const auto major = reader.read<uint8_t>("major version");
  const auto minor = reader.read<uint8_t>("minor version");
  if (major < 1 || major > 3 || minor != 0) {
    throw Error(ErrorKind::unsupported, fmt::format("npy version {}.{}; 1.0, 2.0 and 3.0 are read", major, minor));
  }
  const uint64_t header_bytes =
      major == 1 ? reader.read<uint16_t>("header length") : reader.read<uint32_t>("header length");
  if (header_bytes > kMaxHeaderBytes && header_bytes <= reader.bytes_left()) {
    bad(fmt::format("header of {} bytes, at most {} are expected", header_bytes, kMaxHeaderBytes));
  }
  const auto header = reader.take(header_bytes, "header");
  Index index;
  index.tensors.push_back(parse_header(as_text(header)));
  index.data_begin = reader.offset();
  // The header has no length of the data: it is what is left, and validate() compares it with the shape.
  index.tensors[0].begin = index.data_begin;
  index.tensors[0].end = file->size();
  return index;
}

}  // namespace superpose::checkpoint
