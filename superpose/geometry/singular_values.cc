// SPDX-License-Identifier: Apache-2.0
#include "superpose/geometry/singular_values.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "superpose/base/philox.h"
#include "superpose/geometry/rows.h"

// LAPACK, which OpenBLAS brings along without a C header. The trailing sizes are Fortran's hidden string lengths.
extern "C" {
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* lwork,
             int* info);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info,
             size_t jobz_length);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, size_t jobz_length, size_t uplo_length);
// Two-stage reduction through a band matrix (LAPACK 3.7): products instead of matrix times vector, several times faster
// for large matrices. Null where LAPACK is older.
[[gnu::weak]] void dsyevd_2stage_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda,
                                  double* w, double* work, const int* lwork, int* iwork, const int* liwork, int* info,
                                  size_t jobz_length, size_t uplo_length);
void dsyevr_(const char* jobz, const char* range, const char* uplo, const int* n, double* a, const int* lda,
             const double* vl, const double* vu, const int* il, const int* iu, const double* abstol, int* found,
             double* w, double* z, const int* ldz, int* isuppz, double* work, const int* lwork, int* iwork,
             const int* liwork, int* info, size_t jobz_length, size_t range_length, size_t uplo_length);
}

namespace superpose::geometry {
namespace {

[[noreturn]] void no_convergence(const char* routine, int info) {
  throw Error(ErrorKind::numeric, std::string("singular values: LAPACK ") + routine + " did not converge (info " +
                                      std::to_string(info) + ")");
}

// R of A = QR, A column-major [rows, cols] with leading dimension `leading`; the lower part of A is left in place.
void factor_qr(std::vector<double>& a, int rows, int cols, int leading) {
  std::vector<double> tau(static_cast<size_t>(std::min(rows, cols)));
  int info = 0, size = -1;
  double best = 0;
  dgeqrf_(&rows, &cols, a.data(), &leading, tau.data(), &best, &size, &info);
  size = static_cast<int>(best);
  std::vector<double> work(static_cast<size_t>(size));
  dgeqrf_(&rows, &cols, a.data(), &leading, tau.data(), work.data(), &size, &info);
  SUPERPOSE_ASSERT(info == 0);
}

// Singular values of A, column-major [rows, cols], descending. Destroys A.
std::vector<double> singular_values_of(std::vector<double>& a, int rows, int cols) {
  const int count = std::min(rows, cols), one = 1;
  std::vector<double> out(static_cast<size_t>(count));
  std::vector<int> integers(static_cast<size_t>(8 * count));
  int info = 0, size = -1;
  double best = 0;
  dgesdd_("N", &rows, &cols, a.data(), &rows, out.data(), nullptr, &one, nullptr, &one, &best, &size, integers.data(),
          &info, 1);
  size = static_cast<int>(best);
  std::vector<double> work(static_cast<size_t>(size));
  dgesdd_("N", &rows, &cols, a.data(), &rows, out.data(), nullptr, &one, nullptr, &one, work.data(), &size,
          integers.data(), &info, 1);
  if (info != 0) no_convergence("dgesdd", info);
  return out;
}

}  // namespace

// The triangular factor of W, block by block: QR of [R; next rows] keeps memory at a few m². Then the SVD of R.
template <class T>
std::vector<double> singular_values_by_qr(MatrixView<const T> W, double scale) {
  const size_t m = W.cols, block = std::max<size_t>(2 * m, 256);
  const size_t leading = std::min(m + block, m + W.rows);
  std::vector<double> a(leading * m);
  size_t height = 0;  // rows of R so far, on top of a
  for (size_t begin = 0; begin < W.rows; begin += block) {
    const size_t count = std::min(block, W.rows - begin);
    for (size_t k = 0; k < count; ++k) {
      const auto row = W.row(begin + k);
      for (size_t j = 0; j < m; ++j) a[j * leading + height + k] = static_cast<double>(row[j]) / scale;
    }
    height += count;
    factor_qr(a, static_cast<int>(height), static_cast<int>(m), static_cast<int>(leading));
    const size_t kept = std::min(height, m);
    for (size_t j = 0; j < m; ++j) {  // below the diagonal LAPACK keeps its reflectors
      for (size_t i = j + 1; i < kept; ++i) a[j * leading + i] = 0;
    }
    height = kept;
  }
  std::vector<double> r(height * m);
  for (size_t j = 0; j < m; ++j) std::copy_n(a.data() + j * leading, height, r.data() + j * height);
  return singular_values_of(r, static_cast<int>(height), static_cast<int>(m));
}

// Square roots of the eigenvalues of WᵀW or WWᵀ, whichever is smaller.
template <class T>
std::vector<double> singular_values_by_gram(MatrixView<const T> W, double scale) {
  const size_t m = W.cols, n = W.rows, side = std::min(n, m);
  std::vector<double> gram(side * side);
  const size_t block = n <= m ? n : std::min(block_rows(m), n);
  std::vector<double> rows(block * m);
  for (size_t begin = 0; begin < n; begin += block) {
    const size_t count = std::min(block, n - begin);
    for (size_t k = 0; k < count; ++k) {
      const auto row = W.row(begin + k);
      for (size_t j = 0; j < m; ++j) rows[k * m + j] = static_cast<double>(row[j]) / scale;
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, n <= m ? CblasNoTrans : CblasTrans, static_cast<int>(side),
                static_cast<int>(n <= m ? m : count), 1.0, rows.data(), static_cast<int>(m), 1.0, gram.data(),
                static_cast<int>(side));
  }
  std::vector<double> values(side);
  const int order = static_cast<int>(side);
  int info = 0, size = -1, integer_size = -1, best_integer = 0;
  double best = 0;
  // Row-major upper is column-major lower.
  dsyevd_("N", "L", &order, gram.data(), &order, values.data(), &best, &size, &best_integer, &integer_size, &info, 1,
          1);
  size = static_cast<int>(best), integer_size = best_integer;
  std::vector<double> work(static_cast<size_t>(size));
  std::vector<int> integers(static_cast<size_t>(integer_size));
  dsyevd_("N", "L", &order, gram.data(), &order, values.data(), work.data(), &size, integers.data(), &integer_size,
          &info, 1, 1);
  if (info != 0) no_convergence("dsyevd", info);
  std::reverse(values.begin(), values.end());
  // Eigenvalues this small are rounding errors of the large ones; their roots would look like real directions.
  const double floor = static_cast<double>(side) * std::numeric_limits<double>::epsilon() * values.front();
  for (double& x : values) x = x > floor ? std::sqrt(x) : 0.0;
  return values;
}

// Row-major upper is column-major lower.
std::vector<double> symmetric_eigenvalues(double* upper, size_t m) {
  constexpr size_t kTwoStages = 512;
  const auto routine = m >= kTwoStages && dsyevd_2stage_ ? dsyevd_2stage_ : dsyevd_;
  std::vector<double> values(m);
  const int order = static_cast<int>(m);
  int info = 0, size = -1, integer_size = -1, best_integer = 0;
  double best = 0;
  routine("N", "L", &order, upper, &order, values.data(), &best, &size, &best_integer, &integer_size, &info, 1, 1);
  size = static_cast<int>(best), integer_size = best_integer;
  std::vector<double> room(static_cast<size_t>(size));
  std::vector<int> integers(static_cast<size_t>(integer_size));
  routine("N", "L", &order, upper, &order, values.data(), room.data(), &size, integers.data(), &integer_size, &info, 1,
          1);
  if (info != 0) no_convergence("dsyevd", info);
  return values;
}

namespace {

// As leading_eigenvectors, of a matrix of which all is there or only j >= i; through tridiagonal form, 4/3 m³.
Matrix<double> leading_by_reduction(double* upper, size_t m, size_t k) {
  const int order = static_cast<int>(m), first = static_cast<int>(m - k + 1);
  std::vector<double> values(m), vectors(m * k);
  std::vector<int> support(2 * k);
  const double none = 0;
  int info = 0, size = -1, integer_size = -1, best_integer = 0, found = 0;
  double best = 0;
  dsyevr_("V", "I", "L", &order, upper, &order, &none, &none, &first, &order, &none, &found, values.data(),
          vectors.data(), &order, support.data(), &best, &size, &best_integer, &integer_size, &info, 1, 1, 1);
  size = static_cast<int>(best), integer_size = best_integer;
  std::vector<double> room(static_cast<size_t>(size));
  std::vector<int> integers(static_cast<size_t>(integer_size));
  dsyevr_("V", "I", "L", &order, upper, &order, &none, &none, &first, &order, &none, &found, values.data(),
          vectors.data(), &order, support.data(), room.data(), &size, integers.data(), &integer_size, &info, 1, 1, 1);
  if (info != 0 || static_cast<size_t>(found) != k) no_convergence("dsyevr", info);
  Matrix<double> out(m, k);
  for (size_t c = 0; c < k; ++c) {
    for (size_t j = 0; j < m; ++j) out(j, c) = vectors[(k - 1 - c) * m + j];
  }
  return out;
}

// Rows [from, to) of Q [., m] made orthonormal, and orthogonal to those before them: Gram-Schmidt, twice. A row that is
// nothing new but for rounding becomes zero.
void orthonormalize(Matrix<double>& Q, size_t from, size_t to) {
  const int m = static_cast<int>(Q.cols());
  std::vector<double> along(to);
  for (size_t i = from; i < to; ++i) {
    double* row = Q.row(i).data();
    const double before = cblas_dnrm2(m, row, 1);
    for (int pass = 0; pass < 2 && i > 0; ++pass) {
      cblas_dgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(i), m, 1, Q.data(), m, row, 1, 0, along.data(), 1);
      cblas_dgemv(CblasRowMajor, CblasTrans, static_cast<int>(i), m, -1, Q.data(), m, along.data(), 1, 1, row, 1);
    }
    const double norm = cblas_dnrm2(m, row, 1);
    cblas_dscal(m, norm > 1e-10 * before ? 1 / norm : 0.0, row, 1);
  }
}

// The best k directions within [X, GX, .., G^q X], X random: block Krylov iteration (Musco & Musco 2015). The variance
// that they explain is within a small factor of the best whatever the gaps between eigenvalues. O(m²·kBlock·kPowers).
Matrix<double> leading_by_krylov(const double* upper, size_t m, size_t k) {
  constexpr size_t kBlock = 16, kPowers = 12;
  const size_t span = kBlock * (kPowers + 1);
  const int side = static_cast<int>(m);
  Matrix<double> Q(span, m), GQ(span, m), T(span, span);
  for (size_t i = 0; i < kBlock; ++i) {
    RandomBlocks random(0, RandomStream::krylov_start, static_cast<uint32_t>(i));
    for (double& x : Q.row(i)) x = normal_pair(random.next())[0];
  }
  for (size_t power = 0; power <= kPowers; ++power) {
    const size_t at = power * kBlock;
    if (power > 0) std::copy_n(GQ.row(at - kBlock).data(), kBlock * m, Q.row(at).data());
    orthonormalize(Q, at, at + kBlock);
    cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, static_cast<int>(kBlock), side, 1, upper, side, Q.row(at).data(),
                side, 0, GQ.row(at).data(), side);
  }
  const int order = static_cast<int>(span);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, order, order, side, 1, Q.data(), side, GQ.data(), side, 0,
              T.data(), order);
  const Matrix<double> small = leading_by_reduction(T.data(), span, k);
  Matrix<double> out(m, k);
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, side, static_cast<int>(k), order, 1, Q.data(), side,
              small.data(), static_cast<int>(k), 0, out.data(), static_cast<int>(k));
  return out;
}

}  // namespace

Matrix<double> leading_eigenvectors(double* upper, size_t m, size_t k) {
  constexpr size_t kReduced = 1024;  // columns up to which the whole reduction takes a second or less
  SUPERPOSE_ASSERT(k >= 1 && k <= m && k <= 16);
  return m <= kReduced ? leading_by_reduction(upper, m, k) : leading_by_krylov(upper, m, k);
}

template std::vector<double> singular_values_by_qr(MatrixView<const float>, double);
template std::vector<double> singular_values_by_qr(MatrixView<const double>, double);
template std::vector<double> singular_values_by_gram(MatrixView<const float>, double);
template std::vector<double> singular_values_by_gram(MatrixView<const double>, double);

}  // namespace superpose::geometry
