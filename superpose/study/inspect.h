// SPDX-License-Identifier: Apache-2.0
// The geometry of the weight matrices in a file, and a careful word on what it shows. docs/math.md §8 has the rule, and
// how often it is wrong; `judge` is the rule, and the constants below are all its thresholds.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/rows.h"
#include "superpose/base/threads.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/geometry/geometry.h"
#include "superpose/hub/hub.h"

namespace superpose::study {

// none: no superposition (represented rows <= m and nearly orthogonal). weak: few rows represented, the others near
// zero. strong: nearly all rows represented, and far more than m of them. cannot_tell: the numbers do not decide.
enum class Regime { strong, weak, none, cannot_tell };
std::string_view regime_name(Regime regime);  // "strong", "weak", "none", "cannot_tell"

// What the rule looks at. Overlaps are mean squares; nullopt where fewer than two rows have a direction.
struct Evidence {
  // Are norms on the toy model's scale, represented rows near 1 and the others near 0? Then rows near zero say nothing
  // by their direction; in a language model every row is some token's.
  bool toy_scale = false;
  size_t n = 0, m = 0;
  size_t zero_rows = 0;
  std::optional<double> plain, centered;  // over all non-zero rows
  size_t represented = 0;                 // rows longer than `threshold`
  double threshold = 0;                   // 1/2 on the toy scale; half the root mean square norm otherwise
  double between = 0;                     // share of rows with norm in (0.4, 1] · threshold: near 0 for two norm modes
  std::optional<double> plain_represented;  // over represented rows
  std::optional<double> centered_represented;
  // Standard deviation over mean of the centred row norms, and the value it has when all entries are drawn
  // independently from one distribution: √((kurtosis - 1) / 4m), that is 1/√(2m) for a Gaussian.
  std::optional<double> norm_spread, independent_spread;
  // √n times the largest distance between the distribution of row norms and that of Gaussian rows of the same root mean
  // square: the Kolmogorov-Smirnov statistic of the law that toy models start from.
  std::optional<double> gaussian_misfit;
};

inline constexpr double kNearlyOrthogonal = 0.01;   // mean square: rows stand within 6° of right angles, typically
inline constexpr double kCollapsed = 0.1;           // centred mean square: as if a third of the rows shared one line
inline constexpr double kCollapsedTimesRandom = 3;  // and at least this many times 1/m, which matters for m < 30
inline constexpr double kRandomOverlap = 0.05;      // mean square within 5 % (or four standard errors) of 1/m
inline constexpr double kInitialSpread = 1.5;       // norms at most this much wider than independent entries give
inline constexpr double kInitialLaw = 1.95;         // toy scale: Kolmogorov-Smirnov statistic, 0.1 % false alarms
inline constexpr double kEmptyBetween = 0.02;       // share of rows between two clear norm modes, at most
inline constexpr double kBetweenModes = 0.2;        // and where weak superposition is still read off, at most
inline constexpr double kMostRows = 0.9;            // represented fraction of strong superposition
inline constexpr double kFewRows = 0.5;             // and of weak superposition, at most
inline constexpr double kFarMore = 2;               // rows per dimension of strong superposition, at least

// A number that the verdict rests on, beside the threshold it was compared with.
struct Deciding {
  std::string name;
  double value = 0, threshold = 0;
  std::string meaning;  // in plain words
};

struct Judgement {
  Regime regime = Regime::cannot_tell;
  std::string because;               // one sentence with the numbers
  std::vector<Deciding> decided_by;  // the two or three numbers that decided; empty when there was nothing to measure
};
Judgement judge(const Evidence& evidence);

struct InspectOptions {
  std::optional<std::string> tensor = std::nullopt;  // an explicit choice instead of the head
  bool all = false;                                  // every 2-D weight
  bool transpose = false;                            // columns are the tokens
  bool quick = false;  // only norms and the exact mean square overlap: one pass, no verdict
  bool exact = false;  // |cos| over all pairs, however long that takes
  // |cos| over all pairs up to so many, else from a sample; nullopt: as many as take a few seconds.
  std::optional<size_t> max_exact_pairs = std::nullopt;
  // Pairs to sample above that; fewer for wide rows, so that the sample costs at most sampled_pairs · 512 products.
  size_t sampled_pairs = 1'000'000;
  uint64_t seed = 0;
  int threads = 0;                                      // 0: all cores
  bool hash = true;                                     // SHA-256 of each tensor
  bool crowding = true;                                 // which rows are crowded, and with what
  bool centered_crowding = false;                       // ... after the mean row was removed
  size_t crowded = 10, neighbors = 5;                   // how many rows are listed, and how many neighbours of each
  std::vector<std::string> tokens = {};                 // ids or texts whose neighbours are wanted
  std::optional<std::string> counts = std::nullopt;     // a file of token frequencies ...
  std::vector<double> count_values = {};                // ... or one >= 0 for each row, instead of it
  std::vector<size_t> top = {};                         // most frequent K, for the figures beside the whole
  std::optional<std::string> tokenizer = std::nullopt;  // a file that says what ids spell
  // What is being done and how much of it is done, in [0, 1].
  std::function<void(std::string_view what, double fraction)> progress = {};
  const std::atomic<bool>* cancelled = nullptr;  // becomes true: ThreadPool::Cancelled is thrown
};

struct Histogram {            // of all row norms
  std::vector<double> edges;  // ascending, one more than counts; the last bin includes its upper edge
  std::vector<size_t> counts;
};
// At most `bins` equal bins from the smallest to the largest value; one when they are equal; none for no values.
Histogram histogram(std::span<const double> values, size_t bins);

// One of the levels that the mean square overlap is compared with, on its way from what it is to 1/m.
struct BaselineLevel {
  std::string name;
  std::optional<double> mean_square;
  std::optional<double> se;  // of the sample of rows; nullopt when all were used
  std::string meaning;
};

struct SubsetOverlap {
  size_t rows = 0;
  std::optional<double> mean_square, mean_square_centered;
};

struct FrequencyReport {    // what a table of token counts adds
  std::string counts_file;  // empty: they came as values
  size_t seen_rows = 0, unseen_rows = 0;
  SubsetOverlap seen, unseen;
  std::vector<std::pair<size_t, SubsetOverlap>> top;  // the K most frequent
  geometry::RankCorrelation norm_correlation;         // of norms with counts
};

struct TokenRow {  // a row, and what it spells
  size_t id = 0;
  std::optional<std::string> token;  // printable; nullopt without a vocabulary
};
struct CrowdedRow {
  TokenRow row;
  std::optional<double> mean_square;  // of cos² with all other rows
  struct Near {
    TokenRow row;
    double cosine = 0;  // with its sign
  };
  std::vector<Near> nearest;  // by |cos|
};
struct CrowdingReport {
  bool centered = false;
  std::vector<CrowdedRow> most_crowded, asked;
  std::vector<std::vector<TokenRow>> duplicates;  // rows equal value by value, some groups
  size_t duplicate_rows = 0;                      // rows equal to another one
  size_t unused_rows = 0;                         // near-constant norm: see unused_because
  std::vector<TokenRow> unused;                   // some of them
  std::string unused_because;
};

// How much of the excess over 1/m, in units of 1/m, has which cause; docs/math.md "What the excess is made of".
struct Excess {
  double total = 0;              // m·mean square - 1
  std::optional<double> unseen;  // gone when unseen tokens are left out; nullopt without counts
  double anisotropy = 0;         // gone with the mean row
  double structure = 0;          // the rest
};

struct MatrixReport {  // nullopt: the number does not exist for this matrix, or was not asked for (quick)
  std::string tensor, role, evidence, dtype, hash;
  bool tied = false, quick = false;
  size_t n = 0, m = 0;
  geometry::NormSummary norm;
  Histogram norm_histogram;
  geometry::NormModes norm_modes;
  geometry::Overlap overlap, overlap_centered;
  std::optional<double> random_mean_square;       // 1/m
  std::optional<double> welch_bound_mean_square;  // for n rows
  size_t zero_rows = 0;
  std::optional<double> phi_half, phi_one;  // fraction of all rows with norm > 1/2, > 1
  std::optional<geometry::Spectrum> spectrum;
  std::optional<double> effective_rank, participation_ratio;
  size_t baseline_rows = 0;  // that the baselines were measured on; 0: none were
  std::vector<BaselineLevel> baselines;
  std::optional<Excess> excess;
  std::optional<FrequencyReport> frequency;
  std::optional<CrowdingReport> crowding;
  Judgement judgement;                     // over the rows that the counts say were seen, if there are counts
  std::optional<Judgement> judgement_all;  // over all rows, if there are counts
};

struct Skipped {
  std::string tensor, because;
};

struct Inspection {
  std::string path, format, model_type;
  std::vector<MatrixReport> matrices;
  std::vector<Skipped> skipped;  // with `all`: matrices that cannot be loaded
  std::vector<std::string> warnings;
  std::vector<std::string> contradictions;   // those of the warnings where config.json and the tensors disagree
  std::string vocabulary;                    // the file that the token texts come from; empty if none
  uint64_t bytes_read = 0, bytes_total = 0;  // different bytes of the weight files that were read
  hub::Traffic traffic;                      // of a model of a hub
};

// W finite; role as checkpoint::Role. Fills everything but tensor, evidence, dtype, tied and hash, and token texts.
MatrixReport inspect_matrix(const RowSource& W, std::string_view role, const InspectOptions& options, ThreadPool& pool);
// The same for a matrix in memory, on one thread. T = float or double.
template <class T>
MatrixReport inspect_matrix(MatrixView<const T> W, std::string_view role, const InspectOptions& options = {}) {
  ThreadPool one(1);
  return inspect_matrix(MatrixRows<T>(W), role, options, one);
}

// path: a file, a model folder or hf:OWNER/NAME. Errors as checkpoint::Checkpoint::open, rows and resolve_heads.
Inspection inspect(const std::filesystem::path& path, const InspectOptions& options = {});
// The same of a checkpoint that is open already; path: what the result calls it.
Inspection inspect(const checkpoint::Checkpoint& file, const std::filesystem::path& path,
                   const InspectOptions& options = {});

// The object of the command-line contract, docs/schema/inspect.json, without schema, version and config.
Json to_json(const Inspection& inspection);
// Its config. compare: is a table over the paths wanted?
Json config_json(const std::vector<std::string>& paths, const InspectOptions& options, bool compare);

}  // namespace superpose::study
