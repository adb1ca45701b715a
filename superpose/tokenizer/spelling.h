// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/tokenizer/tokenizer.h"

namespace superpose::tokenizer {

// How SentencePiece writes a space: U+2581.
inline constexpr std::string_view kSpace = "\xe2\x96\x81";

// The text of a piece. A piece that is not of this spelling is its own text.
std::string spelled(std::string_view piece, Spelling spelling);

// byte_level when all pieces are of the alphabet and some use its shifted characters; sentencepiece when some piece has
// U+2581; else verbatim. Literal pieces do not count.
Spelling guess_spelling(const std::vector<Piece>& pieces);

// The byte of "<0x0A>".
std::optional<char> byte_piece(std::string_view piece);

}  // namespace superpose::tokenizer
