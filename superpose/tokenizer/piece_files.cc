// SPDX-License-Identifier: Apache-2.0
// Vocabularies that are no JSON.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "superpose/base/bytes.h"
#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/tokenizer/pieces.h"
#include "superpose/tokenizer/spelling.h"

namespace superpose::tokenizer {
namespace {

// The next line without its end; false after the last one.
bool next_line(std::string_view& rest, std::string_view& line) {
  if (rest.empty()) return false;
  const size_t end = std::min(rest.find('\n'), rest.size());
  line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648, with padding. Nothing for anything else.
std::optional<std::string> base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return {};
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size() - padding; ++i) {
    const int digit = base64_digit(text[i]);
    if (digit < 0) return {};
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (i % 4 == 0) continue;
    out += static_cast<char>(bits >> (6 - 2 * (i % 4)));
  }
  return out;
}

std::optional<Piece> tiktoken_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return {};
  const auto text = base64(line.substr(0, space));
  const std::string_view number = line.substr(space + 1);
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (!text || error != std::errc() || end != number.data() + number.size()) return {};
  return Piece{id, *text};
}

// Protobuf: unsigned LEB128 of at most 64 bits.
uint64_t varint(ByteReader& in) {
  uint64_t out = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = in.read<uint8_t>("varint");
    out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return out;
  }
  fail(fmt::format("varint at byte {} has more than 10 bytes", in.offset() - 10));
}

struct Field {
  uint64_t number = 0, value = 0;
  std::span<const std::byte> bytes;  // of a field with a length
};

Field next_field(ByteReader& in) {
  const uint64_t tag = varint(in);
  Field field{tag >> 3};
  switch (tag & 7) {
    case 0:
      field.value = varint(in);
      break;
    case 1:
      in.skip(8, "field of 8 bytes");
      break;
    case 2:
      field.bytes = in.take(varint(in), "field");
      break;
    case 5:
      in.skip(4, "field of 4 bytes");
      break;
    default:
      fail(fmt::format("field of wire type {} before byte {}: this is no sentencepiece model", tag & 7, in.offset()));
  }
  return field;
}

}  // namespace

Pieces vocab_txt_pieces(std::string_view text) {
  Pieces out{{}, Spelling::verbatim};
  for (std::string_view line; next_line(text, line);) {
    if (line.find('\0') != std::string_view::npos) fail(fmt::format("line {} has a zero byte", out.pieces.size() + 1));
    if (out.pieces.size() >= kMostIds) fail(fmt::format("more than {} lines", kMostIds));
    out.pieces.push_back({out.pieces.size(), std::string(line)});
  }
  if (out.pieces.empty()) fail("the file is empty");
  return out;
}

bool looks_like_tiktoken(std::string_view text) {
  std::string_view line;
  return next_line(text, line) && tiktoken_line(line);
}

Pieces tiktoken_pieces(std::string_view text) {
  Pieces out{{}, Spelling::verbatim};
  size_t number = 0;
  for (std::string_view line; next_line(text, line);) {
    ++number;
    if (line.empty()) continue;
    auto piece = tiktoken_line(line);
    if (!piece) fail(fmt::format("line {}: {} is not \"base64 id\"", number, printable(line)));
    out.pieces.push_back(std::move(*piece));
  }
  if (out.pieces.empty()) fail("the file is empty");
  return out;
}

// write_tokenizer() of karpathy/llama2.c tokenizer.py: spaces are spaces already, bytes are "<0x0A>".
Pieces llama2c_pieces(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  const auto longest = in.read<int32_t>("length of the longest piece");
  if (longest <= 0 || static_cast<uint64_t>(longest) > bytes.size()) {
    fail(fmt::format("the longest piece has {} bytes in a file of {}: this is no tokenizer.bin of llama2.c", longest,
                     bytes.size()));
  }
  Pieces out{{}, Spelling::verbatim};
  while (in.bytes_left() > 0) {
    in.skip(4, "score");
    const auto length = in.read<int32_t>("length of a piece");
    if (length < 0 || length > longest) {
      fail(fmt::format("piece {} has {} bytes, the longest should have {}", out.pieces.size(), length, longest));
    }
    const std::string_view text = as_text(in.take(static_cast<uint64_t>(length), "piece"));
    const auto byte = byte_piece(text);
    out.pieces.push_back({out.pieces.size(), byte ? std::string(1, *byte) : std::string(text)});
  }
  if (out.pieces.empty()) fail("there is no piece");
  return out;
}

// sentencepiece_model.proto: ModelProto.pieces = 1, each {piece = 1 (string), score = 2 (float), type = 3}.
Pieces sentencepiece_pieces(std::span<const std::byte> bytes) {
  Pieces out{{}, Spelling::sentencepiece};
  for (ByteReader in(bytes); in.bytes_left() > 0;) {
    const Field field = next_field(in);
    if (field.number != 1) continue;
    if (out.pieces.size() >= kMostIds) fail(fmt::format("more than {} pieces", kMostIds));
    Piece piece{out.pieces.size(), ""};
    for (ByteReader inner(field.bytes); inner.bytes_left() > 0;) {
      const Field part = next_field(inner);
      if (part.number == 1) piece.text = as_text(part.bytes);
    }
    out.pieces.push_back(std::move(piece));
  }
  if (out.pieces.empty()) fail("there is no piece: this is no sentencepiece model");
  return out;
}

}  // namespace superpose::tokenizer
