// SPDX-License-Identifier: Apache-2.0
// geometry: what a matrix W [n, m] of n feature vectors (its rows) in m dimensions looks like. docs/math.md §4 has
// every formula with its source.
//
//   norms          r_i = |W_i|;  φ_t = #{i : r_i > t} / n   (φ_1/2 "represented", φ_1 "strongly represented")
//   overlap        |cos| of two different rows, over unordered pairs; zero rows leave it. The mean square needs no n²
//                  work: Σ_{i≠j} cos² = |ŴᵀŴ|_F² - n  with Ŵ the unit rows and ŴᵀŴ of size m×m
//   references     random directions 1/m;  Welch's bound on the mean square max(0, (n-m)/(m(n-1)))
//   D_i            |W_i|² / Σ_j (Ŵ_i·W_j)², the feature dimensionality of Elhage et al. 2022
//   spectrum       effective rank (Roy & Vetterli 2007), participation ratio, stable rank
//   crowding       Σ_j cos² of one row with all others; its nearest rows; rows that occur twice
//   baselines      the same overlap after the columns were shuffled, the mean or principal directions removed
//
// Two ways in. A MatrixView is a matrix in memory, computed in double on one thread, whatever its magnitude (row norms
// from 1e-300 to 1e300); matrix products go through BLAS: results are reproducible to rounding, and bit for bit at a
// fixed number of BLAS threads. A row that is not finite (a diverged run) has no geometry: norms carry it along, the
// other functions that read W throw Error{numeric} naming it.
// A RowSource is streamed, once per pass, through all threads of a pool. Small ones take the way of the MatrixView.
// Large ones become unit rows in float32 and go through products of our own, added up in double: what is said to be
// exact is within 1e-6 of itself. Results depend on the seed and the instruction set, never on the number of threads.
// Memory: some 200 MB, and 8 bytes for each of the m(m+1)/2 entries of a Gram matrix where one is made; errors of the
// source pass through. Who calls it: study/ (toy runs, checkpoints), report/.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "superpose/base/matrix.h"
#include "superpose/base/rows.h"
#include "superpose/base/threads.h"

namespace superpose::geometry {

// The quantiles that reports carry.
inline constexpr double kQuantiles[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};

// T is float or double everywhere below.
template <class T>
std::vector<double> row_norms(MatrixView<const T> W);
std::vector<double> row_norms(const RowSource& W, ThreadPool& pool);

struct NormSummary {  // over all rows; population standard deviation
  double mean = 0, std = 0, min = 0, max = 0;
  std::vector<double> quantiles;  // at kQuantiles, linear interpolation between order statistics (NumPy's default)
};
NormSummary summarize_norms(std::span<const double> norms);

// φ_t: the fraction of norms strictly above the threshold. 0 for no rows.
double represented_fraction(std::span<const double> norms, double threshold);

struct OverlapOptions {
  // Subtract the mean of the rows that take part first. A row equal to it to rounding has no direction and drops out.
  bool centered = false;
  double min_norm = 0.0;  // only rows with norm > min_norm (of W itself, before centring); zero rows never
  size_t max_exact_pairs = 50'000'000;  // above that |cos| moments come from a seeded sample of pairs
  size_t sampled_pairs = 2'000'000;     // drawn with replacement; in [2, 2^32), or 0: no |cos| moments above that
  uint64_t seed = 0;
  size_t bins = 0;       // of the histogram of |cos| over all pairs; 0: none
  bool nearest = false;  // the largest |cos| of every row, when all pairs are used
};
// A value for max_exact_pairs: some seconds for all pairs of rows of m floats on a few cores.
size_t affordable_pairs(size_t m);

struct Neighbor {
  size_t row = 0;     // of W
  double cosine = 0;  // with its sign in nearest(), without it in Overlap
};

struct Overlap {                      // a value that does not exist (fewer than two rows) is nullopt
  size_t rows = 0;                    // rows that take part
  std::optional<double> mean_square;  // always exact, through the m×m Gram matrix of unit rows (n > m) or all pairs
  std::optional<double> mean_cosine;  // with its sign; exact: (|Σ Ŵ_i|² - n) / (n(n - 1))
  bool sampled = false;               // are the next four from a sample of pairs?
  std::optional<double> mean_abs;     // nullopt when nothing was sampled
  double mean_abs_se = 0;             // standard error of mean_abs; 0 when all pairs were used
  std::optional<double> std_abs;      // population
  std::optional<double> max_abs;      // nullopt when sampled, and so are max_pair and nearest
  std::optional<std::array<size_t, 2>> max_pair;  // rows of W that have it, ascending; the first of equals
  std::vector<uint64_t> histogram;                // pairs used with |cos| in [k, k + 1) / bins; 1 is in the last
  std::vector<std::optional<Neighbor>> nearest;   // by row of W; nullopt for one that takes no part
  std::vector<double> norms;                      // of all rows of W
};
template <class T>
Overlap overlap(MatrixView<const T> W, const OverlapOptions& options = {});
// One pass for the mean square and the norms, one more when centred; all pairs, or a sample, need the rows again.
Overlap overlap(const RowSource& W, const OverlapOptions& options, ThreadPool& pool);

// Density of |cos| of two random directions in m >= 2 dimensions at c in [0, 1]: cos² ~ Beta(1/2, (m-1)/2). Infinite at
// c = 1 for m = 2.
double random_abs_cosine_density(double c, size_t m);

// Welch 1974: no n unit vectors in m dimensions have a smaller mean square overlap. nullopt for n < 2 or m < 1.
std::optional<double> welch_bound_mean_square(size_t n, size_t m);
// κ² of the paper: Welch's bound at ν = min(n, m²/2) vectors.
std::optional<double> kappa_square(size_t n, size_t m);

// D_i of every row, in [0, 1]; 0 for a zero row. O(n·m²) through the Gram matrix, which carries rounding errors of the
// longest rows: D_i means nothing for a row 1e-7 times shorter than those.
template <class T>
std::vector<double> feature_dimensionality(MatrixView<const T> W);

// Up to n·m·min(n, m) = 1e10 by QR and SVD: every singular value to about 1e-15 of the largest. Beyond that through the
// eigenvalues of the Gram matrix: to 1e-15 · σ_max²/σ, and values below √(min(n, m)·2.2e-16)·σ_max (7e-7 at 2048) are
// reported as zero. float32 weights carry no more than that. A large RowSource has its Gram matrix from float32
// products: σ to 1e-8 · σ_max²/σ, and below kStreamedFloor·σ_max zero.
inline constexpr double kStreamedFloor = 2e-4;
struct Spectrum {
  std::vector<double> singular_values;        // descending, min(n, m) of them; their squares are the Gram eigenvalues
  std::optional<double> effective_rank;       // exp(entropy of σ/Σσ); nullopt for a zero matrix, as the next three
  std::optional<double> participation_ratio;  // (Σσ²)² / Σσ⁴
  std::optional<double> stable_rank;          // Σσ² / σ_max²
  std::optional<double> eigenvalue_effective_rank;  // exp(entropy of σ²/Σσ²)
};
template <class T>
Spectrum spectrum(MatrixView<const T> W);
// Memory: 8 m² bytes in the large case, one pass.
Spectrum spectrum(const RowSource& W, ThreadPool& pool);

// Mean of cos² of every row with the others that take part (norm > 0; centred as in OverlapOptions), exact, through the
// Gram matrix: ŵᵀ(ŴᵀŴ)ŵ. Two passes, three when centred; 12 m² bytes. nullopt for rows that take no part, or alone.
std::vector<std::optional<double>> crowding(const RowSource& W, bool centered, ThreadPool& pool);

// The k rows of largest |cos| with each of the given rows, descending, the first of equals first; fewer where fewer
// take part, none for a row that takes no part. One pass, two when centred.
std::vector<std::vector<Neighbor>> nearest(const RowSource& W, std::span<const size_t> rows, size_t k, bool centered,
                                           ThreadPool& pool);

// Groups of two or more rows, not zero, equal value by value, each ascending, in the order of their first row.
std::vector<std::vector<size_t>> duplicate_rows(const RowSource& W, ThreadPool& pool);

// How much of the mean square overlap is left when something is taken away from the rows.
struct BaselineOptions {
  size_t max_elements = size_t{1} << 26;  // n·m up to which all rows are used; at most this much otherwise
  uint64_t seed = 0;
};
struct Baseline {
  std::optional<double> mean_square;
  // Standard error of the choice of rows, from eight disjoint parts of the sample; 0 when all rows were used. The parts
  // share shuffles, mean and directions.
  double se = 0;
};
struct Baselines {
  size_t rows = 0;  // used: all, or a seeded uniform sample of different ones
  Baseline plain, centered;
  Baseline shuffled, shuffled_centered;  // each column permuted on its own: marginals stay, structure goes
  std::array<Baseline, 5> removed;       // centred, the first kRemovedDirections principal directions taken out
};
inline constexpr size_t kRemovedDirections[] = {1, 2, 3, 5, 10};  // those below m and rows; others are nullopt
// Rows of norm 0 take no part. Memory: max_elements floats.
Baselines baselines(const RowSource& W, const BaselineOptions& options, ThreadPool& pool);

// Do row norms have two modes? Two answers, both on ln r of the rows with r > 0. Nothing exists for fewer than 8 rows
// or equal norms.
struct NormModes {
  // (skewness² + 1) / (kurtosis + 3(n-1)²/((n-2)(n-3))), in (0, 1]: 5/9 for a uniform distribution, 1/3 for a Gaussian,
  // 1 for two points (SAS Institute 1990). Also large for one skewed mode, hence the mixture beside it.
  std::optional<double> bimodality_coefficient;
  // BIC of one Gaussian less that of a mixture of two (EM): positive favours two, above 10 strongly.
  std::optional<double> delta_bic;
  // Ashman's D = |μ₁ - μ₂| / √((s₁² + s₂²)/2) of the mixture: above 2 the modes are apart (Ashman et al. 1994).
  std::optional<double> separation;
  double low_share = 0;                    // weight of the component of shorter rows
  double low_center = 0, high_center = 0;  // e^μ of the two
  bool two_modes = false;                  // delta_bic > 10, separation > 2, and either weight at least 1 %
};
NormModes norm_modes(std::span<const double> norms);

// Of norms with token counts: Spearman's ρ (mean ranks for ties) and Pearson's r of ln norm with ln count, over the
// rows where both are positive. Standard error of ρ: √((1 + ρ²/2)/(n - 3)) on Fisher's z scale (Bonett & Wright 2000),
// times 1 - ρ². nullopt for fewer than four rows or without variation.
struct RankCorrelation {
  size_t rows = 0;
  std::optional<double> spearman, spearman_se, pearson_log;
};
RankCorrelation correlation(std::span<const double> norms, std::span<const double> counts);

// <v²>·Σ p_i over features whose row norm is at most 1/2: the loss of the idealised weak regime (paper Eq. 4, where v ~
// U(0,2)). A norm of exactly 1/2 counts as not represented. norms and probability have n entries.
double unlearned_loss(std::span<const double> norms, std::span<const double> probability,
                      double mean_square = 4.0 / 3.0);

// Sources made of other sources, which must outlive them. All are thread-safe as their source is.

// The listed rows, in that order; ascending ones are read in runs.
class SelectedRows : public RowSource {
 public:
  SelectedRows(const RowSource& source, std::vector<size_t> rows);
  void read(size_t begin, size_t count, float* out) const override { read_as(begin, count, out); }
  void read(size_t begin, size_t count, double* out) const override { read_as(begin, count, out); }
  bool exact_in_float() const override { return source_.exact_in_float(); }

 private:
  template <class T>
  void read_as(size_t begin, size_t count, T* out) const;
  const RowSource& source_;
  std::vector<size_t> chosen_;
};

// x - mean - V(Vᵀ(x - mean)): rows without their mean and without k directions. V [m, k], orthonormal columns. A zero
// row stays zero, and one of which less than 1e-6 is left becomes zero.
class WithoutDirections : public RowSource {
 public:
  WithoutDirections(const RowSource& source, std::vector<double> mean, Matrix<double> V);
  void read(size_t begin, size_t count, float* out) const override;
  void read(size_t begin, size_t count, double* out) const override;
  bool exact_in_float() const override { return false; }

 private:
  const RowSource& source_;
  std::vector<double> mean_;   // [m]
  Matrix<double> directions_;  // Vᵀ [k, m]
};

// `count` different rows, each subset as likely; ascending. All of them when count >= n.
std::vector<size_t> row_sample(size_t n, size_t count, uint64_t seed);

// Permutes each column on its own, seeded.
void shuffle_columns(MatrixView<float> W, uint64_t seed, ThreadPool& pool);

}  // namespace superpose::geometry
