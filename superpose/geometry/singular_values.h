// SPDX-License-Identifier: Apache-2.0
// The two ways to singular values, descending, min(n, m) of them, of W / scale for finite W [n, m] with n, m >= 1. With
// scale = the largest row norm no square overflows. Error{numeric} when LAPACK does not converge.
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

}  // namespace superpose::geometry
