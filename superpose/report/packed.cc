// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/packed.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "superpose/base/base.h"

namespace superpose::report {

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kGzip = 16, kWindow = 15, kMemory = 9;
  SUPERPOSE_ASSERT(text.size() < std::numeric_limits<uInt>::max() / 2);
  int status = deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWindow + kGzip, kMemory, Z_DEFAULT_STRATEGY);
  if (status != Z_OK) throw Error(ErrorKind::io, "zlib cannot start: out of memory?");
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  std::string input(text);  // zlib reads through a pointer that is not const
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  status = deflate(&stream, Z_FINISH);
  const size_t bytes = stream.total_out;
  deflateEnd(&stream);
  SUPERPOSE_ASSERT(status == Z_STREAM_END);
  out.resize(bytes);
  constexpr size_t kSystem = 9;  // of the header: "unknown" on every system, so that the bytes are the same
  if (out.size() > kSystem) out[kSystem] = '\xff';
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - at);
    unsigned group = 0;
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i) out += i <= left ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string packed(std::string_view text) { return base64(gzip(text)); }

}  // namespace superpose::report
