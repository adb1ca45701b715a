// SPDX-License-Identifier: Apache-2.0
// The pieces as each kind of file holds them. Errors (all bad_file) do not name the file: the caller does.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/tokenizer/tokenizer.h"

namespace superpose::tokenizer {

[[noreturn]] inline void fail(const std::string& text) { throw Error(ErrorKind::bad_file, text); }

struct Pieces {
  std::vector<Piece> pieces;
  std::optional<Spelling> spelling;  // none: the file does not say
};

// {"model": {"vocab": ...}, "added_tokens": [...]} of Hugging Face, or without a model {"piece": id, ...}.
Pieces json_pieces(std::string_view text);
Pieces added_tokens_pieces(std::string_view text);              // {"piece": id, ...}, all literal
Pieces vocab_txt_pieces(std::string_view text);                 // one piece per line
bool looks_like_tiktoken(std::string_view text);                // by its first line
Pieces tiktoken_pieces(std::string_view text);                  // "base64 id" per line
Pieces llama2c_pieces(std::span<const std::byte> bytes);        // i32 longest, then {f32 score, i32 length, bytes}
Pieces sentencepiece_pieces(std::span<const std::byte> bytes);  // protobuf ModelProto

}  // namespace superpose::tokenizer
