// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/inspect_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"

namespace superpose::study {
namespace {

// The vocabulary of the file or of its folder; an empty one when there is none.
tokenizer::Vocabulary vocabulary_of(const std::filesystem::path& path, const checkpoint::Checkpoint& file) {
  if (!file.tokens().empty()) return tokenizer::from_tokens(file.tokens(), path.filename().string());
  return file.folder() ? tokenizer::read_vocabulary(*file.folder()) : tokenizer::Vocabulary{};
}

}  // namespace

TokenTexts::TokenTexts(const std::filesystem::path& path, const checkpoint::Checkpoint& file,
                       const InspectOptions& options)
    : options_(options) {
  if (options.quick || (!options.crowding && options.tokens.empty())) return;
  if (options.tokenizer) {
    vocabulary_ = std::filesystem::is_directory(*options.tokenizer)
                      ? tokenizer::read_vocabulary(*disk_folder(*options.tokenizer))
                      : tokenizer::read_vocabulary_file(std::filesystem::path(*options.tokenizer));
    if (vocabulary_.empty()) {
      throw Error(ErrorKind::bad_file, *options.tokenizer +
                                           ": holds no vocabulary that is read (tokenizer.json, vocab.json, "
                                           "vocab.txt, tokenizer.model, *.tiktoken, tokenizer.bin)");
    }
    return;
  }
  try {
    vocabulary_ = vocabulary_of(path, file);
  } catch (const Error& error) {
    warning_ = fmt::format("token texts are not shown: {}", error.what());
  }
}

void TokenTexts::check_rows(uint64_t n) {
  if (vocabulary_.empty() || options_.tokenizer || (vocabulary_.end() <= n && vocabulary_.end() > n / 2)) return;
  warning_ = fmt::format(
      "token texts are not shown: {} has ids up to {}, the matrix has {} rows; name the right one with "
      "--tokenizer FILE",
      vocabulary_.source(), vocabulary_.end() - 1, n);
  vocabulary_ = {};
}

std::vector<double> TokenTexts::counts(uint64_t n) const {
  const auto& values = options_.count_values;
  if (values.empty()) return tokenizer::read_counts(*options_.counts, n).per_id;
  if (values.size() != n) {
    throw Error(ErrorKind::usage, fmt::format("counts: {} values, expected {}, one for each row", values.size(), n));
  }
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(values[i]) || values[i] < 0) {
      throw Error(ErrorKind::usage, fmt::format("counts: {} for row {}, expected a number >= 0", values[i], i));
    }
  }
  return values;
}

std::vector<size_t> TokenTexts::asked_rows(uint64_t n) const {
  std::vector<size_t> out;
  for (const std::string& wanted : options_.tokens) {
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), id);
    const bool number = error == std::errc() && end == wanted.data() + wanted.size();
    if (!number) {
      for (id = 0; id < std::min(n, vocabulary_.end()) && vocabulary_.text(id) != wanted; ++id) {
      }
      if (id == std::min(n, vocabulary_.end())) {
        throw Error(
            ErrorKind::usage,
            vocabulary_.empty()
                ? fmt::format("token {}: there is no vocabulary to find it in; give its id, or --tokenizer FILE",
                              printable(wanted))
                : fmt::format("token {} is not in {}; texts are compared as a whole, spaces included (\" the\" is "
                              "another token than \"the\"), or give its id",
                              printable(wanted), vocabulary_.source()));
      }
    }
    if (id >= n) throw Error(ErrorKind::usage, fmt::format("token {}: the matrix has rows 0 to {}", id, n ? n - 1 : 0));
    out.push_back(id);
  }
  return out;
}

void TokenTexts::name_rows(CrowdingReport& report) const {
  if (vocabulary_.empty()) return;
  const auto name = [&](TokenRow& row) {
    if (vocabulary_.text(row.id)) row.token = vocabulary_.shown(row.id);
  };
  for (auto* list : {&report.most_crowded, &report.asked}) {
    for (auto& row : *list) {
      name(row.row);
      for (auto& near : row.nearest) name(near.row);
    }
  }
  for (auto& group : report.duplicates) {
    for (auto& row : group) name(row);
  }
  for (auto& row : report.unused) name(row);
}

}  // namespace superpose::study
