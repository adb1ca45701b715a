// SPDX-License-Identifier: Apache-2.0
// kernels: the inner loops, on raw pointers and sizes. They never allocate, throw, log or know a configuration. Each
// exists twice: ref/ plain in double, and simd/ in float through Highway, which picks the instruction set of the
// machine at run time; kernels_test.cc compares the two over odd shapes. On one instruction set every result is
// bit-for-bit reproducible: the order of each sum is fixed by the sizes alone.
//
// Rows are padded: a `padded` count is a multiple of kLanes, and the padding holds zeros (biases: anything negative).
#pragma once
#include <cstddef>
#include <cstdint>

namespace superpose::kernels {

inline constexpr size_t kLanes = 16;  // floats; the widest vector used
inline constexpr size_t pad(size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// One feature alone in several samples, with values v_s: y_sj = max(0, v_s·g_j + b_j). Lists the j where any y_sj > 0,
// ascending: index[t], d[t] = Σ_s v_s·y_sj, e[t] = Σ_s y_sj. Returns how many; adds Σ_s Σ_j y_sj² to *sum_square.
// g, b [padded]; v [samples], all in [v_min, v_max]; the lists have room for padded + kLanes entries.
struct ReluGroup {
  const float* g;
  const float* b;
  size_t padded;
  const float* v;
  size_t samples;
  float v_min, v_max;
};
struct ReluGroupList {
  uint32_t* index;
  float* d;
  float* e;
};
size_t relu_group(const ReluGroup& in, const ReluGroupList& out, double* sum_square);

// One sample with several features: z_j = b_j + Σ_k v_k·g_k[j]. Lists the j with z_j > 0, ascending: index[t], y[t].
// Returns how many; adds Σ z_j² over them to *sum_square. g: `active` rows of [padded]; index and y have room for
// padded + kLanes entries.
struct ReluSum {
  const float* const* g;
  const float* v;
  size_t active;
  const float* b;
  size_t padded;
};
size_t relu_sum(const ReluSum& in, uint32_t* index, float* y, double* sum_square);

// A sparse row of `count` values at the columns `index`, times a matrix whose rows have `stride` elements (padded):
//     gather_rows:  sum += Σ_t value[t]·W[index[t], :]        scatter_rows:  G[index[t], :] += value[t]·w  for every t
struct SparseRow {
  const uint32_t* index;
  const float* value;
  size_t count;
  size_t stride;
};
void gather_rows(const SparseRow& in, const float* W, float* sum);
void scatter_rows(const SparseRow& in, const float* w, float* G);

// Where is a random word at least as large as asked? Lists the j < padded whose word 0 of Philox block 0 of the stream
// (seed, stream, step, j) is >= threshold[j], ascending; returns how many. Room for padded + kLanes entries.
struct PhiloxCounter {
  uint64_t seed;
  uint32_t stream, step;
};
size_t philox_at_least(const PhiloxCounter& at, const uint32_t* threshold, size_t padded, uint32_t* index);

// y += a·x over [padded].
void add_scaled(float a, const float* x, float* y, size_t padded);

// Σ x² over [padded]; accumulated in float per lane, so for rows of a few thousand at most.
double sum_squares(const float* x, size_t padded);

struct AdamCoefficients {
  float beta1, beta2, one_minus_beta1, one_minus_beta2;
  float step_size, inverse_sqrt_bias2, eps;
  float decay;  // W is multiplied by this first
};
// One AdamW step over [padded] elements, see optimizer/. First moments below 1e-30 become 0: a row without gradients
// would otherwise drift into denormal numbers, which some processors compute a hundred times slower.
void adam_update(float* W, const float* gradient, float* moment1, float* moment2, size_t padded,
                 const AdamCoefficients& c);

// C [rows, columns] = A·B, or += with `add`. The products of a step are narrow (their inner or outer size is the width
// of a model), where a library's general product spends its time on copying; here B is packed once, inner·columns
// floats, and shared by all rows. A(i, k) is a[i·row_step + k·inner_step]. columns: a multiple of kLanes. Each entry is
// summed in the order of `inner`, so it does not depend on how rows and columns are cut.
//     pack_columns: B(k, j) = B[j·ldb + k], the transpose of a [columns, inner] matrix      pack_rows: B[k·ldb + j]
void pack_columns(const float* B, size_t columns, size_t inner, size_t ldb, float* packed);
void pack_rows(const float* B, size_t columns, size_t inner, size_t ldb, float* packed);
// Columns that lie together when packed, a divisor of 96: B(k, j) is at packed[(j - j % w)·inner +
// k·w + j % w] for j < columns - columns % w, with w = panel_columns(); what is left over is one narrower panel.
size_t panel_columns();
struct GemmPacked {
  size_t rows, columns, inner;
  const float* a;
  size_t row_step, inner_step;
  const float* packed;
  float* c;
  size_t ldc;
  bool add;
};
void gemm_packed(const GemmPacked& g);

// What is asked of a tile of cosines c [rows, columns] with row stride ldc; of a tile on the diagonal only j > i
// counts. Adds Σ (|c| - pivot), Σ (|c| - pivot)² and Σ c² to sums[0..2]. row_best, row_partner [rows] and column_best,
// column_partner [columns] hold the largest |c| so far and where it was, and are kept up to date, the first of equals
// staying; a partner is row_first + i or column_first + j. counts: of |c| in `bins` equal bins of [0, 1], added to.
struct CosineTile {
  const float* c;
  size_t rows, columns, ldc;
  bool diagonal;
  float pivot;
  float* row_best;
  float* column_best;
  uint32_t* row_partner;
  uint32_t* column_partner;
  uint32_t row_first, column_first;
  uint32_t* counts;
  size_t bins;  // 0: none
};
void add_cosines(const CosineTile& tile, double sums[3]);

// The instruction set in use, of kernels and BLAS alike: the best of this machine, or what the environment variable
// SUPERPOSE_ISA names: avx512, avx2, sse4, ssse3, neon, or plain (no vectors). On each the results are
// bit-for-bit reproducible; between them they differ by rounding.
const char* instruction_set();
// Does SUPERPOSE_ISA name a set that this machine or this build does not have? Then the best one is in use.
bool instruction_set_refused();
// Those this machine can run, best first; at most `room`. Returns how many.
size_t instruction_sets(const char** names, size_t room);

// The same definitions, plain and in double: what the tests compare with, and what to read first.
namespace ref {
double relu_group(const double* g, const double* b, size_t padded, const double* v, size_t samples, double* d,
                  double* e);  // d and e [padded], added to; returns the sum of squares
void adam_update(double* W, const double* gradient, double* moment1, double* moment2, size_t count,
                 const AdamCoefficients& c);
void add_cosines(const CosineTile& tile, double sums[3]);
}  // namespace ref

}  // namespace superpose::kernels
