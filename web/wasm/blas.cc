// SPDX-License-Identifier: Apache-2.0
#include "cblas.h"

#include "superpose/base/error.h"

double cblas_ddot(int count, const double* x, int x_step, const double* y, int y_step) {
  SUPERPOSE_ASSERT(x_step == 1 && y_step == 1);
  // Two sums, which fit into one vector.
  double even = 0, odd = 0;
  for (int k = 0; k + 1 < count; k += 2) even += x[k] * y[k], odd += x[k + 1] * y[k + 1];
  if (count % 2 == 1) even += x[count - 1] * y[count - 1];
  return even + odd;
}

void cblas_dgemm(CBLAS_ORDER, CBLAS_TRANSPOSE a_is, CBLAS_TRANSPOSE b_is, int rows, int columns, int inner,
                 double alpha, const double* a, int lda, const double* b, int ldb, double beta, double* c, int ldc) {
  SUPERPOSE_ASSERT(a_is == CblasNoTrans && b_is == CblasTrans && alpha == 1 && beta == 0);
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) c[i * ldc + j] = cblas_ddot(inner, a + i * lda, 1, b + j * ldb, 1);
  }
}

void cblas_dsyrk(CBLAS_ORDER, CBLAS_UPLO, CBLAS_TRANSPOSE a_is, int order, int inner, double alpha, const double* a,
                 int lda, double beta, double* c, int ldc) {
  SUPERPOSE_ASSERT(a_is == CblasTrans && alpha == 1 && beta == 1);
  for (int k = 0; k < inner; ++k) {
    const double* const row = a + k * lda;
    for (int i = 0; i < order; ++i) {
      for (int j = i; j < order; ++j) c[i * ldc + j] += row[i] * row[j];
    }
  }
}
