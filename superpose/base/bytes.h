// SPDX-License-Identifier: Apache-2.0
// The only way parsers touch file bytes: a cursor that cannot leave its span, and arithmetic that cannot wrap.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "superpose/base/error.h"

namespace superpose {

static_assert(std::endian::native == std::endian::little, "every format read here is little-endian");

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes), total_bytes_(bytes.size()) {}

  // The next number, little-endian. `what` names it in the error: "header length at byte 0 needs 8 bytes, ...".
  template <class T>
  requires std::is_arithmetic_v<T> &&(!std::is_same_v<T, bool>)T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // The next n bytes. Compared with what is left: offset + n could wrap for a hostile n.
  std::span<const std::byte> take(uint64_t n, std::string_view what) {
    if (n > rest_.size()) {
      throw Error(ErrorKind::bad_file, std::string(what) + " at byte " + std::to_string(offset()) + " needs " +
                                           std::to_string(n) + " bytes, file has " + std::to_string(rest_.size()) +
                                           " left");
    }
    auto out = rest_.first(static_cast<size_t>(n));
    rest_ = rest_.subspan(static_cast<size_t>(n));
    return out;
  }

  uint64_t offset() const { return total_bytes_ - rest_.size(); }
  uint64_t bytes_left() const { return rest_.size(); }

 private:
  std::span<const std::byte> rest_;
  uint64_t total_bytes_;
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
