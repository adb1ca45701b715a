// SPDX-License-Identifier: Apache-2.0
// .npy: "\x93NUMPY", version, header length, a Python dict literal, elements. docs/formats/npy.md
#include <fmt/format.h>

#include <charconv>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/npy.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kMaxHeaderBytes = kMaxNpyHeaderBytes - 12;
constexpr size_t kMaxExtents = 64;  // validate() refuses ranks above 8 with a better message

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
  // The rest of a list whose '[' was accepted, with what is nested in it.
  void skip_list() {
    for (int depth = 1; depth > 0;) {
      if (accept("'") || accept("\"")) {
        --at_;
        string();
      } else if (accept("[") || accept("(")) {
        ++depth;
      } else if (accept("]") || accept(")")) {
        --depth;
      } else if (at_end()) {
        fail("a list without end");
      } else {
        ++at_;
      }
    }
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
// objects, records) or the wrong byte order is refused.
void set_dtype(NpyHeader& out, std::string_view descr) {
  TensorInfo& tensor = out.tensor;
  tensor.dtype_text = descr;
  tensor.dtype = Dtype::other;
  const auto refuse = [&](std::string_view why) {
    out.refusal = fmt::format("descr {}: {}; '<f2', '<f4' and '<f8' are read", printable(descr), why);
  };
  uint32_t bytes = 0;
  const char* last = descr.data() + descr.size();
  if (descr.size() < 3 || std::from_chars(descr.data() + 2, last, bytes).ptr != last) {
    return refuse("not a number type");
  }
  if (std::string_view("biufc").find(descr[1]) == std::string_view::npos || bytes < 1 || bytes > 32) {
    return refuse("not a number type");
  }
  if (descr[0] == '>') return refuse("big-endian");
  if (descr[0] != '<' && !(descr[0] == '|' && bytes == 1)) return refuse("unknown byte order");
  tensor.bits = bytes * 8;
  if (descr == "<f8") tensor.dtype = Dtype::f64;
  if (descr == "<f4") tensor.dtype = Dtype::f32;
  if (descr == "<f2") tensor.dtype = Dtype::f16;
}

NpyHeader parse_header(std::string_view text) {
  NpyHeader out;
  TensorInfo& tensor = out.tensor;
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
      if (header.accept("[")) {
        tensor.dtype_text = "record";
        tensor.dtype = Dtype::other;
        out.refusal = "header: descr is a list: records are not read";
        header.skip_list();
      } else {
        set_dtype(out, header.string());
      }
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
  return out;
}

}  // namespace

bool is_npy(const FileStart& start) { return as_text(start.bytes).starts_with(kMagic); }

NpyHeader read_npy_header(ByteReader& reader) {
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
  return parse_header(as_text(header));
}

Index parse_npy(const std::shared_ptr<const File>& file) {
  ByteReader reader(*file);
  NpyHeader header = read_npy_header(reader);
  if (!header.refusal.empty()) throw Error(ErrorKind::unsupported, header.refusal);
  Index index;
  index.tensors.push_back(std::move(header.tensor));
  index.tensors[0].name = "array";
  index.data_begin = reader.offset();
  // The header has no length of the data: it is what is left, and validate() compares it with the shape.
  index.tensors[0].begin = index.data_begin;
  index.tensors[0].end = file->size();
  return index;
}

}  // namespace superpose::checkpoint
