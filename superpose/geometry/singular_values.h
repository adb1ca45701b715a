// SPDX-License-Identifier: Apache-2.0
// LAPACK. The two ways to singular values, descending, min(n, m) of them, of W / scale for finite W [n, m] with n, m
// >= 1. With scale = the largest row norm no square overflows. Error{numeric} when LAPACK does not converge.
#pragma once
#include <vector>

#include "superpose/base/matrix.h"

namespace superpose::geometry {

// QR of a growing stack of rows, then the SVD of R: error about 1e-15 of the largest. Memory a few m².
template <class T>
std::vector<double> singular_values_by_qr(MatrixView<const T> W, double scale);

// Roots of the eigenvalues of the smaller Gram matrix: error about 1e-15·σ_max²/σ; what is below the rounding of the
// largest eigenvalue is zero.
template <class T>
std::vector<double> singular_values_by_gram(MatrixView<const T> W, double scale);

// Eigenvalues, ascending, of a symmetric matrix [m, m], row-major, of which j >= i is read; destroys it.
std::vector<double> symmetric_eigenvalues(double* upper, size_t m);

// The eigenvectors of the k <= 16 largest eigenvalues of such a matrix, largest first, as columns [m, k]; destroys it.
// Beyond 1024 columns directions of nearly equal eigenvalues may be mixed.
Matrix<double> leading_eigenvectors(double* upper, size_t m, size_t k);

}  // namespace superpose::geometry
