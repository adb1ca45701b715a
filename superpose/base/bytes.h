// SPDX-License-Identifier: Apache-2.0
// The only way parsers touch file bytes: a cursor that cannot leave its span, and arithmetic that cannot wrap.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/file.h"

namespace superpose {

static_assert(std::endian::native == std::endian::little, "every format read here is little-endian");

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes), end_(bytes.size()) {}
  // Reads a file from byte `begin` on, at most `window` bytes at a time unless more are asked for at once. The file
  // must outlive the reader.
  explicit ByteReader(const File& file, uint64_t begin = 0, size_t window = size_t{1} << 16)
      : file_(&file), window_(window), next_(std::min(begin, file.size())), end_(file.size()) {}

  // The next number, little-endian. `what` names it in the error: "header length at byte 0 needs 8 bytes, ...".
  template <class T>
  requires std::is_arithmetic_v<T> &&(!std::is_same_v<T, bool>)T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // The next n bytes; of a file they are valid until the next call. Compared with what is left before anything is
  // allocated: offset + n could wrap for a hostile n.
  std::span<const std::byte> take(uint64_t n, std::string_view what) {
    if (n > bytes_left()) {
      throw Error(ErrorKind::bad_file, std::string(what) + " at byte " + std::to_string(offset()) + " needs " +
                                           std::to_string(n) + " bytes, file has " + std::to_string(bytes_left()) +
                                           " left");
    }
    if (n > rest_.size()) refill(static_cast<size_t>(n));
    auto out = rest_.first(static_cast<size_t>(n));
    rest_ = rest_.subspan(static_cast<size_t>(n));
    if (!file_) next_ += n;
    return out;
  }

  // Goes on n bytes further without reading them.
  void skip(uint64_t n, std::string_view what) {
    if (n <= rest_.size() || n > bytes_left()) {
      take(n, what);
      return;
    }
    next_ = offset() + n;
    rest_ = {};
  }

  uint64_t offset() const { return file_ ? next_ - rest_.size() : next_; }
  uint64_t bytes_left() const { return end_ - offset(); }

 private:
  void refill(size_t n) {  // only of a file: the span of the other kind holds all that is left
    const uint64_t begin = offset();
    const size_t count = static_cast<size_t>(std::min<uint64_t>(std::max(n, window_), end_ - begin));
    std::vector<std::byte> fresh = file_->read(begin, count);
    buffer_.swap(fresh);
    rest_ = buffer_;
    next_ = begin + count;
  }

  const File* file_ = nullptr;
  size_t window_ = 0;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> rest_;  // read and not yet taken
  uint64_t next_ = 0;                // of a file the first byte that was not read, else the first not taken
  uint64_t end_;
};

// a·b and a+b of sizes that come from a file: bad_file instead of wrapping. `what` names the product in the error.
inline uint64_t checked_mul(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t out;
  if (__builtin_mul_overflow(a, b, &out)) throw Error(ErrorKind::bad_file, std::string(what) + " overflows 64 bits");
  return out;
}
inline uint64_t checked_add(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t out;
  if (__builtin_add_overflow(a, b, &out)) throw Error(ErrorKind::bad_file, std::string(what) + " overflows 64 bits");
  return out;
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace superpose
