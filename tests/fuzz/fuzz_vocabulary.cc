// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file with a vocabulary or as a table of counts: what is read keeps its promises, or Error{bad_file}.
//
// Input: byte 0 selects what the rest is. 0 tokenizer.json, 1 vocab.txt, 2 tokenizer.model, 3 x.tiktoken, 4
// tokenizer.bin, 5 a name without meaning, 6 a folder with vocab.json (up to a byte 0) and added_tokens.json, 7 counts
// for 300 ids.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/tokenizer/tokenizer.h"

namespace {

using superpose::Error;
using superpose::ErrorKind;
using namespace superpose::tokenizer;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

Vocabulary vocabulary_of(uint8_t kind, std::string_view input) {
  if (kind == 6) {
    const size_t zero = std::min(input.find('\0'), input.size());
    const auto rest = input.substr(std::min(zero + 1, input.size()));
    return read_vocabulary(*superpose::memory_folder(
        {{"vocab.json", bytes_of(input.substr(0, zero))}, {"added_tokens.json", bytes_of(rest)}}));
  }
  constexpr const char* kNames[] = {"tokenizer.json", "vocab.txt",     "tokenizer.model",
                                    "x.tiktoken",     "tokenizer.bin", "x"};
  return read_vocabulary_file(*superpose::memory_file(kNames[kind], bytes_of(input)));
}

// Printable whatever the file holds: valid UTF-8 without control characters, short, in quotes or an id.
void check_shown(const std::string& shown) {
  require(!shown.empty() && shown.size() < 64);
  require(shown.starts_with("id ") || (shown.size() >= 2 && shown.front() == '"' && shown.back() == '"'));
  for (std::string_view rest = shown; !rest.empty();) {
    const size_t length = superpose::utf8_length(rest);
    const auto first = static_cast<unsigned char>(rest[0]);
    require(length > 0 && first >= 0x20 && first != 0x7f);
    require(!(first == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0));
    rest.remove_prefix(length);
  }
}

void check(const Vocabulary& vocabulary, size_t input) {
  require(vocabulary.size() > 0 && vocabulary.size() <= input && vocabulary.end() <= kMostIds);
  require(vocabulary.end() >= vocabulary.size() && vocabulary.text(vocabulary.end() - 1));
  size_t known = 0, bytes = 0;
  for (uint64_t id = 0; id < std::min<uint64_t>(vocabulary.end(), 5000); ++id) {
    const auto text = vocabulary.text(id);
    known += text.has_value();
    bytes += text ? text->size() : 0;
    if (text || id < 10) check_shown(vocabulary.shown(id));
  }
  require(known <= vocabulary.size() && bytes <= 2 * input);
}

void check(const Counts& counts) {
  double total = 0;
  require(counts.per_id.size() == 300 && counts.seen > 0);
  for (const double count : counts.per_id) {
    require(std::isfinite(count) && count >= 0);
    total += count;
  }
  require(std::isfinite(total) && std::abs(total - counts.total) <= 1e-9 * total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 8 == 7) {
      check(parse_counts(input, 300, "counts"));
    } else {
      check(vocabulary_of(data[0] % 8, input), size);
    }
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::bad_file);
  }
  return 0;
}
