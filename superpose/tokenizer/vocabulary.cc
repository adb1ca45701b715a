// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/tokenizer/spelling.h"
#include "superpose/tokenizer/tokenizer.h"

namespace superpose::tokenizer {
namespace {

constexpr size_t kShown = 40;  // bytes of a token

// Of valid UTF-8 of three or four bytes.
uint32_t code_point(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(character[i])); };
  uint32_t out = byte(0) & (character.size() == 4 ? 0x07u : 0x0fu);
  for (size_t i = 1; i < character.size(); ++i) out = out << 6 | (byte(i) & 0x3fu);
  return out;
}

// Characters that show nothing or turn the text around them: a terminal or a page must not obey them.
bool is_invisible(uint32_t code) {
  return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || code >= 0xe0000;
}

std::string escaped_byte(char byte) {
  switch (byte) {
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    default:
      return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

// The character that text begins with, of `length` bytes (0: no UTF-8), fit to be shown.
std::string shown_character(std::string_view text, size_t length) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (length <= 1) {
    const bool plain = length == 1 && first >= 0x20 && first != 0x7f && first != '"' && first != '\\';
    return plain ? std::string(1, text[0]) : escaped_byte(text[0]);
  }
  const std::string_view character = text.substr(0, length);
  if (length == 2) {  // C1 controls and the soft hyphen
    const auto second = static_cast<unsigned char>(text[1]);
    const bool hidden = first == 0xc2 && (second < 0xa0 || second == 0xad);
    return hidden ? fmt::format("\\u{{{:x}}}", second) : std::string(character);
  }
  const uint32_t code = code_point(character);
  return is_invisible(code) ? fmt::format("\\u{{{:x}}}", code) : std::string(character);
}

}  // namespace

std::string_view spelling_name(Spelling spelling) {
  switch (spelling) {
    case Spelling::verbatim:
      return "verbatim";
    case Spelling::byte_level:
      return "byte-level";
    case Spelling::sentencepiece:
      return "sentencepiece";
  }
  return "";
}

Vocabulary::Vocabulary(std::vector<Piece> pieces, std::string source, std::optional<Spelling> spelling)
    : source_(std::move(source)),
      spelling_(spelling ? *spelling : guess_spelling(pieces)),
      guessed_(!spelling.has_value()) {
  // Literal pieces last among those of one id: the last one stays.
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.id != b.id ? a.id < b.id : a.literal < b.literal; });
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    if (piece.id >= kMostIds) {
      throw Error(ErrorKind::bad_file,
                  fmt::format("{} has id {}; ids below {} are read", printable(piece.text), piece.id, kMostIds));
    }
    if (i + 1 < pieces.size() && pieces[i + 1].id == piece.id) {
      const Piece& next = pieces[i + 1];
      if (next.literal == piece.literal && next.text != piece.text) {
        throw Error(ErrorKind::bad_file,
                    fmt::format("id {} is both {} and {}", piece.id, printable(piece.text), printable(next.text)));
      }
      continue;
    }
    const std::string text = piece.literal ? piece.text : spelled(piece.text, spelling_);
    entries_.push_back({bytes_.size(), static_cast<uint32_t>(piece.id), static_cast<uint32_t>(text.size())});
    bytes_ += text;
  }
}

std::optional<std::string_view> Vocabulary::text(uint64_t id) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), id,
                                      [](const Entry& entry, uint64_t x) { return entry.id < x; });
  if (found == entries_.end() || found->id != id) return {};
  return std::string_view(bytes_).substr(static_cast<size_t>(found->begin), found->size);
}

std::string Vocabulary::shown(uint64_t id) const {
  const auto found = text(id);
  if (!found) return fmt::format("id {}", id);
  std::string out = "\"";
  for (std::string_view rest = *found; !rest.empty();) {
    if (out.size() > kShown) return out + "…\"";
    const size_t length = utf8_length(rest);
    out += shown_character(rest, length);
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  return out + '"';
}

Vocabulary from_tokens(std::vector<std::string> tokens, std::string source, std::optional<Spelling> spelling) {
  std::vector<Piece> pieces;
  pieces.reserve(tokens.size());
  for (std::string& token : tokens) pieces.push_back({pieces.size(), std::move(token)});
  return Vocabulary(std::move(pieces), std::move(source), spelling);
}

}  // namespace superpose::tokenizer
