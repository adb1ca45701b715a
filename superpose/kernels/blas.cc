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

void gemm(CBLAS_TRANSPOSE ta, const Gemm& g) {
  single_threaded();
  if (g.rows == 0 || g.cols == 0) return;
  cblas_sgemm(CblasRowMajor, ta, CblasNoTrans, as_int(g.rows), as_int(g.cols), as_int(g.inner), 1.0f, g.a,
              as_int(g.lda), g.b, as_int(g.ldb), 1.0f, g.c, as_int(g.ldc));
}

}  // namespace

void gemm_nn(const Gemm& g) { gemm(CblasNoTrans, g); }
void gemm_tn(const Gemm& g) { gemm(CblasTrans, g); }

}  // namespace superpose::kernels
