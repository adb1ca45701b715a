// SPDX-License-Identifier: Apache-2.0
// The geometry of the weight matrices in a file, and a careful word on what it shows. docs/verdict.md explains the rule
// with examples; `judge` is the rule, and the constants below are all its thresholds.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/matrix.h"
#include "superpose/geometry/geometry.h"

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
};

inline constexpr double kNearlyOrthogonal = 0.01;   // mean square: rows stand within 6° of right angles, typically
inline constexpr double kCollapsed = 0.1;           // centred mean square: as if a third of the rows shared one line
inline constexpr double kCollapsedTimesRandom = 3;  // and at least this many times 1/m, which matters for m < 30
inline constexpr double kRandomOverlap = 0.05;      // mean square within 5 % (or four standard errors) of 1/m
inline constexpr double kInitialSpread = 1.5;       // norms at most this much wider than independent entries give
inline constexpr double kInitialSpreadToy = 1.25;   // on the toy scale: within this factor, both ways
inline constexpr double kEmptyBetween = 0.02;       // share of rows between two clear norm modes, at most
inline constexpr double kBetweenModes = 0.2;       // and where weak superposition is still read off, at most
inline constexpr double kMostRows = 0.9;            // represented fraction of strong superposition
inline constexpr double kFewRows = 0.5;             // and of weak superposition, at most
inline constexpr double kFarMore = 2;               // rows per dimension of strong superposition, at least

struct Judgement {
  Regime regime = Regime::cannot_tell;
  std::string because;  // one sentence with the numbers
};
Judgement judge(const Evidence& evidence);

struct InspectOptions {
  std::optional<std::string> tensor;    // an explicit choice instead of the head
  size_t max_exact_pairs = 50'000'000;  // as geometry::OverlapOptions
  // Pairs to sample above that; fewer for wide rows, so that the sample costs at most sampled_pairs · 512 products.
  size_t sampled_pairs = 2'000'000;
  uint64_t seed = 0;
};

struct Histogram {            // of all row norms
  std::vector<double> edges;  // ascending, one more than counts; the last bin includes its upper edge
  std::vector<size_t> counts;
};
// At most `bins` equal bins from the smallest to the largest value; one when they are equal; none for no values.
Histogram histogram(std::span<const double> values, size_t bins);

struct MatrixReport {  // nullopt: the number does not exist for this matrix
  std::string tensor, role, evidence, dtype;
  bool tied = false;
  size_t n = 0, m = 0;
  geometry::NormSummary norm;
  Histogram norm_histogram;
  geometry::Overlap overlap, overlap_centered;
  std::optional<double> random_mean_square;       // 1/m
  std::optional<double> welch_bound_mean_square;  // for n rows
  size_t zero_rows = 0;
  std::optional<double> phi_half, phi_one;  // fraction of all rows with norm > 1/2, > 1
  std::optional<double> effective_rank, participation_ratio;
  Judgement judgement;
};

struct Inspection {
  std::string path, format;
  std::vector<MatrixReport> matrices;
  std::vector<std::string> warnings;
};

// W [n, m] of float or double, finite; role as checkpoint::Role. Fills everything but tensor, evidence, dtype, tied.
template <class T>
MatrixReport inspect_matrix(MatrixView<const T> W, std::string_view role, const InspectOptions& options = {});

// path: a file or a model folder. Errors as checkpoint::Checkpoint::open, load and resolve_heads.
Inspection inspect(const std::filesystem::path& path, const InspectOptions& options = {});

// The object of the command-line contract, docs/schema/inspect.json, without schema, version and config.
Json to_json(const Inspection& inspection);

}  // namespace superpose::study
