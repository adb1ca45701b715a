// SPDX-License-Identifier: Apache-2.0
// Rows as tokens: what they spell, how often they occur, which of them crowd each other and which were never used.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "superpose/base/rows.h"
#include "superpose/base/threads.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/study/inspect.h"
#include "superpose/tokenizer/tokenizer.h"

namespace superpose::study {

// The vocabulary beside a checkpoint, and the table of counts that was asked for.
class TokenTexts {
 public:
  // Looks into the file itself (GGUF, word2vec), then beside it; options.tokenizer goes first. A vocabulary that cannot
  // be read is an Error only when it was asked for by name.
  TokenTexts(const std::filesystem::path& path, const checkpoint::Checkpoint& file, const InspectOptions& options);
  // A vocabulary found beside a matrix of n rows that cannot be its own is dropped.
  void check_rows(uint64_t n);
  const std::string& source() const { return vocabulary_.source(); }  // the file; empty without a vocabulary
  const std::string& warning() const { return warning_; }  // why there are no texts; empty if nothing went wrong
  // [n], from options.counts or count_values. Error as tokenizer::read_counts; Error{usage} for values that cannot be.
  std::vector<double> counts(uint64_t n) const;
  // The rows of options.tokens: ids below n, or texts of the vocabulary. Error{usage} names what is not found.
  std::vector<size_t> asked_rows(uint64_t n) const;
  // Fills the token of every row that is listed.
  void name_rows(CrowdingReport& report) const;

 private:
  const InspectOptions& options_;
  tokenizer::Vocabulary vocabulary_;
  std::string warning_;
};

// norms [n]: of the rows of W; asked: rows whose neighbours are wanted whether they are crowded or not.
CrowdingReport crowded_rows(const RowSource& W, std::span<const double> norms, std::span<const size_t> asked,
                            const InspectOptions& options, ThreadPool& pool);

// Rows whose norms lie together far more closely than the others do: as training leaves tokens that it never saw.
struct NormSpike {
  std::vector<size_t> rows;  // ascending; empty: there is none
  double low = 0, high = 0;  // norms of those rows
  double density = 0;        // rows per unit of ln r there, beside the mean between the 5 % and 95 % quantiles
};
NormSpike norm_spike(std::span<const double> norms);

}  // namespace superpose::study
