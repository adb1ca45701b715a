// SPDX-License-Identifier: Apache-2.0
// tokenizer: what the ids of a vocabulary spell, and how often each occurs in text. No text is split into tokens here:
// a row of a head is a token id, and a reader wants to see " the" and not 262.
//
// Files store pieces in one of three spellings:
//   verbatim       the piece is the text (WordPiece's "##ing" stays as it is)
//   byte_level     GPT-2's alphabet: each of the 256 bytes is written as one printable character (space is U+0120)
//   sentencepiece  U+2581 stands for a space, "<0x0A>" for a byte
// Which one a file uses is what it says, or else what its pieces look like; the vocabulary says which it was.
//
// Who calls it: study/ (the tokens of inspected matrices), cli/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/file.h"

namespace superpose::tokenizer {

// Larger files and ids are refused: the largest real ones have 35 MB and 300,000 ids.
inline constexpr uint64_t kMostFileBytes = uint64_t{64} << 20;
inline constexpr uint64_t kMostIds = 10'000'000;

enum class Spelling { verbatim, byte_level, sentencepiece };
std::string_view spelling_name(Spelling spelling);  // "verbatim", "byte-level", "sentencepiece"

struct Piece {
  uint64_t id = 0;
  std::string text;
  bool literal = false;  // an added token: always verbatim, and it overrides a piece of the same id
};

class Vocabulary {
 public:
  Vocabulary() = default;
  // Error{bad_file}: an id >= kMostIds, or one that has two texts. Without a spelling it is guessed from the pieces.
  Vocabulary(std::vector<Piece> pieces, std::string source, std::optional<Spelling> spelling = {});

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }  // ids that have a text; there may be gaps
  uint64_t end() const { return empty() ? 0 : uint64_t{entries_.back().id} + 1; }

  // The bytes that the token stands for: a piece of text that need not be UTF-8 on its own. Valid as long as the
  // vocabulary. Nothing for an id without a text.
  std::optional<std::string_view> text(uint64_t id) const;

  // For people: in quotes; quotes, backslashes, control and invisible characters and invalid UTF-8 escaped ("\n",
  // "\xe2",
  // "\u{202e}"), cut after about 40 bytes. "id 123" without a text.
  std::string shown(uint64_t id) const;

  const std::string& source() const { return source_; }  // the file; "" without one
  Spelling spelling() const { return spelling_; }
  bool guessed() const { return guessed_; }  // the spelling, from what the pieces look like

 private:
  struct Entry {
    uint64_t begin;  // in bytes_
    uint32_t id, size;
  };
  std::vector<Entry> entries_;  // by id: memory follows the file, not the largest id
  std::string bytes_;
  std::string source_;
  Spelling spelling_ = Spelling::verbatim;
  bool guessed_ = false;
};

// The vocabulary of a model folder: the first of tokenizer.json, vocab.json (with added_tokens.json), vocab.txt,
// tokenizer.model (sentencepiece, or ranks of tiktoken), the only *.tiktoken, tokenizer.bin (llama2.c). An empty one
// when there is none. Error{bad_file}: the file found is none of these; Error{io}.
Vocabulary read_vocabulary(const Folder& folder);

// One file of these kinds, told apart by its content where the name does not say. Error as above.
Vocabulary read_vocabulary_file(const File& file);
Vocabulary read_vocabulary_file(const std::filesystem::path& path);

// The position is the id, as in the metadata of GGUF or the words of word2vec.
Vocabulary from_tokens(std::vector<std::string> tokens, std::string source = "", std::optional<Spelling> spelling = {});

// How often each token id occurs in some text.
struct Counts {
  std::vector<double> per_id;  // [n]; zero where the table has no line
  double total = 0;
  size_t seen = 0;  // ids with a count > 0
  std::string source;
};

// A table of "id count" lines, separated by tab, comma or spaces, in any order; a first line that is no number is a
// header; empty lines and those that begin with # are passed over. Error{bad_file} names the line: an id >= n, an id
// twice (counts of two texts must be added up by whoever knows that they are two), a count that is negative or no
// finite number, more than two fields. Error{bad_file}: no count above zero; Error{io}.
Counts read_counts(const std::filesystem::path& path, uint64_t n);
Counts parse_counts(std::string_view text, uint64_t n, const std::string& where);

}  // namespace superpose::tokenizer
