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

// One feature alone in `samples` samples with values v: y_sj = max(0, v_s·g_j + b_j).
//     d_j += Σ_s v_s·y_sj      db_j += Σ_s y_sj      returns Σ_s Σ_j y_sj²
// g, b, d, db [padded]; v [samples].
double relu_rank1(const float* g, const float* b, size_t padded, const float* v, size_t samples, float* d, float* db);

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

// The nonzero entries of d [padded], ascending, and d set to zero. Returns how many. Room for padded + kLanes entries.
size_t take_nonzero(float* d, size_t padded, uint32_t* index, float* value);

// For t < count with j = index[t]:   sum += value[t]·W_j   and   G_j += value[t]·w      rows of [stride], padded.
struct SparseRows {
  const float* W;
  float* G;
  size_t stride;
  const uint32_t* index;
  const float* value;
  size_t count;
};
void sparse_rows(const SparseRows& in, const float* w, float* sum);

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

// Row-major single-precision products through BLAS, always on one thread: many small models run side by side.
//     gemm_nt: C [rows, cols] = A [rows, inner] · B [cols, inner]ᵀ
//     gemm_nn: C [rows, cols] += A [rows, inner] · B [inner, cols]
//     gemm_tn: C [rows, cols] += A [inner, rows]ᵀ · B [inner, cols]
struct Gemm {
  size_t rows, cols, inner;
  const float* a;
  size_t lda;
  const float* b;
  size_t ldb;
  float* c;
  size_t ldc;
};
void gemm_nt(const Gemm& g);
void gemm_nn(const Gemm& g);
void gemm_tn(const Gemm& g);

// The instruction set in use, e.g. "AVX3_DL"; for reports.
const char* instruction_set();

// The same definitions, plain and in double: what the tests compare with, and what to read first.
namespace ref {
double relu_rank1(const double* g, const double* b, size_t padded, const double* v, size_t samples, double* d,
                  double* db);
void adam_update(double* W, const double* gradient, double* moment1, double* moment2, size_t count,
                 const AdamCoefficients& c);
}  // namespace ref

}  // namespace superpose::kernels
