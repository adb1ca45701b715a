// SPDX-License-Identifier: Apache-2.0
// Which file of a folder holds the vocabulary, and what kind of file it is.
#include <fmt/format.h>

#include <iterator>

#include "superpose/base/bytes.h"
#include "superpose/base/error.h"
#include "superpose/tokenizer/pieces.h"

namespace superpose::tokenizer {
namespace {

std::vector<std::byte> all_bytes(const File& file) {
  if (file.size() > kMostFileBytes) {
    throw Error(ErrorKind::bad_file, fmt::format("{}: {} bytes; vocabularies up to {} MB are read", file.label(),
                                                 file.size(), kMostFileBytes >> 20));
  }
  return file.read(0, file.size());
}

// The file, as errors of its readers are to name it.
template <class Action>
auto named(const File& file, const Action& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw error.kind() == ErrorKind::bad_file ? error.in(file.label()) : error;
  }
}

// The first character that is no white space.
char first_of(std::string_view text) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? '\0' : text[at];
}

Pieces pieces_of(std::span<const std::byte> bytes, std::string_view label) {
  std::string_view text = as_text(bytes);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (first_of(text) == '{') return json_pieces(text);
  if (label.ends_with(".json")) throw Error(ErrorKind::bad_file, "not a JSON object");
  if (label.ends_with(".tiktoken") || looks_like_tiktoken(text)) return tiktoken_pieces(text);
  if (label.ends_with(".model")) return sentencepiece_pieces(bytes);
  if (label.ends_with(".txt")) return vocab_txt_pieces(text);
  if (label.ends_with(".bin")) return llama2c_pieces(bytes);
  throw Error(
      ErrorKind::bad_file,
      "no vocabulary that is read here; known are tokenizer.json, vocab.json, vocab.txt, *.model (sentencepiece), "
      "*.tiktoken and tokenizer.bin (llama2.c)");
}

std::string only_tiktoken(const Folder& folder) {
  std::string found;
  for (const std::string& name : folder.names()) {
    if (!name.ends_with(".tiktoken") || !folder.has(name)) continue;
    if (!found.empty()) return "";
    found = name;
  }
  return found;
}

}  // namespace

Vocabulary read_vocabulary_file(const File& file) {
  const std::vector<std::byte> bytes = all_bytes(file);
  return named(file, [&] {
    Pieces read = pieces_of(bytes, file.label());
    return Vocabulary(std::move(read.pieces), file.label(), read.spelling);
  });
}

Vocabulary read_vocabulary_file(const std::filesystem::path& path) { return read_vocabulary_file(*open_file(path)); }

Vocabulary read_vocabulary(const Folder& folder) {
  if (folder.has("vocab.json") && folder.has("added_tokens.json") && !folder.has("tokenizer.json")) {
    const auto file = folder.open("vocab.json"), added = folder.open("added_tokens.json");
    Pieces read = named(*file, [&] { return json_pieces(as_text(all_bytes(*file))); });
    Pieces more = named(*added, [&] { return added_tokens_pieces(as_text(all_bytes(*added))); });
    std::move(more.pieces.begin(), more.pieces.end(), std::back_inserter(read.pieces));
    return named(*file, [&] { return Vocabulary(std::move(read.pieces), file->label()); });
  }
  for (const char* name : {"tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model"}) {
    if (folder.has(name)) return read_vocabulary_file(*folder.open(name));
  }
  if (const std::string name = only_tiktoken(folder); !name.empty()) return read_vocabulary_file(*folder.open(name));
  if (folder.has("tokenizer.bin")) return read_vocabulary_file(*folder.open("tokenizer.bin"));
  return {};
}

}  // namespace superpose::tokenizer
