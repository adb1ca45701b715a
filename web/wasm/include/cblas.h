/* SPDX-License-Identifier: Apache-2.0 */
/* The three functions of BLAS that geometry/overlap.cc calls, in web/wasm/blas.cc, for the arguments it calls them
 * with: row-major; C = A·Bᵀ; the upper triangle of C += AᵀA; a dot product of neighbours. */
#pragma once

enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };
enum CBLAS_UPLO { CblasUpper = 121 };

void cblas_dgemm(CBLAS_ORDER, CBLAS_TRANSPOSE a_is, CBLAS_TRANSPOSE b_is, int rows, int columns, int inner,
                 double alpha, const double* a, int lda, const double* b, int ldb, double beta, double* c, int ldc);
void cblas_dsyrk(CBLAS_ORDER, CBLAS_UPLO, CBLAS_TRANSPOSE a_is, int order, int inner, double alpha, const double* a,
                 int lda, double beta, double* c, int ldc);
double cblas_ddot(int count, const double* x, int x_step, const double* y, int y_step);
