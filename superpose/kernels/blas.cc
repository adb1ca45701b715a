// SPDX-License-Identifier: Apache-2.0
#include <cblas.h>

#include "superpose/kernels/kernels.h"

namespace superpose::kernels {
namespace {

int as_int(size_t n) { return static_cast<int>(n); }

void single_threaded() {
  static const bool once = (openblas_set_num_threads(1), true);
  (void)once;
}

void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, float beta, const Gemm& g) {
  single_threaded();
  if (g.rows == 0 || g.cols == 0) return;
  cblas_sgemm(CblasRowMajor, ta, tb, as_int(g.rows), as_int(g.cols), as_int(g.inner), 1.0f, g.a, as_int(g.lda), g.b,
              as_int(g.ldb), beta, g.c, as_int(g.ldc));
}

}  // namespace

void gemm_nt(const Gemm& g) { gemm(CblasNoTrans, CblasTrans, 0.0f, g); }
void gemm_nn(const Gemm& g) { gemm(CblasNoTrans, CblasNoTrans, 1.0f, g); }
void gemm_tn(const Gemm& g) { gemm(CblasTrans, CblasNoTrans, 1.0f, g); }

}  // namespace superpose::kernels
