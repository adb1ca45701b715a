// SPDX-License-Identifier: Apache-2.0
// geometry: what a matrix W [n, m] of n feature vectors (its rows) in m dimensions looks like. docs/math.md §4 has
// every formula with its source.
//
//   norms          r_i = |W_i|;  φ_t = #{i : r_i > t} / n   (φ_1/2 "represented", φ_1 "strongly represented")
//   overlap        |cos| of two different rows, over unordered pairs; zero rows leave it. The mean square needs no n²
//                  work: Σ_{i≠j} cos² = |ŴᵀŴ|_F² - n  with Ŵ the unit rows and ŴᵀŴ of size m×m
//   references     random directions 1/m;  Welch's bound on the mean square max(0, (n-m)/(m(n-1)))
//   D_i            |W_i|² / Σ_j (Ŵ_i·W_j)², the feature dimensionality of Elhage et al. 2022
//   spectrum       effective rank (Roy & Vetterli 2007), participation ratio
//
// Everything is computed in double from float or double input, whatever its magnitude (row norms from 1e-300 to 1e300).
// Matrix products go through BLAS: results are reproducible to rounding, and bit for bit at a fixed number of BLAS
// threads. A row that is not finite (a diverged run) has no geometry: norms carry it along, the other functions that
// read W throw Error{numeric} naming it. Who calls it: study/ (toy runs, checkpoints), report/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "superpose/base/matrix.h"

namespace superpose::geometry {

// The quantiles that reports carry.
inline constexpr double kQuantiles[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};

// T is float or double everywhere below.
template <class T>
std::vector<double> row_norms(MatrixView<const T> W);

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
  size_t sampled_pairs = 2'000'000;     // drawn with replacement; in [2, 2^32)
  uint64_t seed = 0;
};

struct Overlap {                      // a value that does not exist (fewer than two rows) is nullopt
  size_t rows = 0;                    // rows that take part
  std::optional<double> mean_square;  // always exact, through the m×m Gram matrix of unit rows (n > m) or all pairs
  bool sampled = false;               // are the next four from a sample of pairs?
  std::optional<double> mean_abs;
  double mean_abs_se = 0;         // standard error of mean_abs; 0 when all pairs were used
  std::optional<double> std_abs;  // population
  std::optional<double> max_abs;  // nullopt when sampled
};
template <class T>
Overlap overlap(MatrixView<const T> W, const OverlapOptions& options = {});

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
// reported as zero. float32 weights carry no more than that.
struct Spectrum {
  std::vector<double> singular_values;        // descending, min(n, m) of them
  std::optional<double> effective_rank;       // exp(entropy of σ/Σσ); nullopt for a zero matrix
  std::optional<double> participation_ratio;  // (Σσ²)² / Σσ⁴
};
template <class T>
Spectrum spectrum(MatrixView<const T> W);

// <v²>·Σ p_i over features whose row norm is at most 1/2: the loss of the idealised weak regime (paper Eq. 4, where v ~
// U(0,2)). A norm of exactly 1/2 counts as not represented. norms and probability have n entries.
double unlearned_loss(std::span<const double> norms, std::span<const double> probability,
                      double mean_square = 4.0 / 3.0);

}  // namespace superpose::geometry
