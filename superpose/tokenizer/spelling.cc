// SPDX-License-Identifier: Apache-2.0
#include "superpose/tokenizer/spelling.h"

#include <algorithm>
#include <array>

#include "superpose/base/printable.h"

namespace superpose::tokenizer {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// bytes_to_unicode() of openai/gpt-2 encoder.py, inverted: the printable bytes are their own code points, the 68 others
// follow from U+0100 on in ascending order. [code point] -> byte, -1 for a code point outside the alphabet.
constexpr std::array<int, 256 + 68> make_alphabet() {
  std::array<int, 256 + 68> out{};
  int shifted = 256;
  for (int& byte : out) byte = -1;
  for (int byte = 0; byte < 256; ++byte) {
    out[static_cast<size_t>(stands_for_itself(byte) ? byte : shifted++)] = byte;
  }
  return out;
}
constexpr auto kAlphabet = make_alphabet();

// The code point of one or two bytes of UTF-8; the alphabet has no longer ones.
size_t short_code_point(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(character[i])); };
  return character.size() == 1 ? byte(0) : ((byte(0) & 0x1f) << 6) | (byte(1) & 0x3f);
}

struct ByteLevel {
  bool valid = true, shifted = false;
  std::string text;
};

ByteLevel byte_level(std::string_view piece) {
  ByteLevel out;
  while (!piece.empty()) {
    const size_t length = utf8_length(piece);
    const size_t code = length == 1 || length == 2 ? short_code_point(piece.substr(0, length)) : kAlphabet.size();
    if (code >= kAlphabet.size() || kAlphabet[code] < 0) {
      out.valid = false;
      return out;
    }
    out.shifted |= code >= 256;
    out.text += static_cast<char>(kAlphabet[code]);
    piece.remove_prefix(length);
  }
  return out;
}

std::string with_spaces(std::string_view piece) {
  std::string out;
  for (size_t at; (at = piece.find(kSpace)) != std::string_view::npos; piece.remove_prefix(at + kSpace.size())) {
    out.append(piece.substr(0, at)) += ' ';
  }
  return out.append(piece);
}

}  // namespace

std::optional<char> byte_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return {};
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const size_t high = kDigits.find(piece[3]), low = kDigits.find(piece[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return {};
  return static_cast<char>(high * 16 + low);
}

std::string spelled(std::string_view piece, Spelling spelling) {
  if (spelling == Spelling::byte_level) {
    ByteLevel out = byte_level(piece);
    return out.valid ? std::move(out.text) : std::string(piece);
  }
  if (spelling == Spelling::sentencepiece) {
    if (const auto byte = byte_piece(piece)) return {*byte};
    return with_spaces(piece);
  }
  return std::string(piece);
}

Spelling guess_spelling(const std::vector<Piece>& pieces) {
  bool all_valid = true, some_shifted = false, some_space = false;
  for (const Piece& piece : pieces) {
    if (piece.literal) continue;
    const ByteLevel read = byte_level(piece.text);
    all_valid &= read.valid;
    some_shifted |= read.shifted;
    some_space |= piece.text.find(kSpace) != std::string::npos;
  }
  if (all_valid && some_shifted) return Spelling::byte_level;
  return some_space ? Spelling::sentencepiece : Spelling::verbatim;
}

}  // namespace superpose::tokenizer
