// SPDX-License-Identifier: Apache-2.0
// Matrices whose geometry is known in closed form, and a plain double-loop oracle. For tests only.
#pragma once
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "superpose/base/matrix.h"
#include "superpose/base/philox.h"

namespace superpose::geometry {

inline constexpr double kExact = 1e-12;  // of a closed form, in double

inline Matrix<double> from_rows(std::initializer_list<std::initializer_list<double>> rows) {
  Matrix<double> W(rows.size(), rows.begin()->size());
  size_t i = 0;
  for (const auto& row : rows) std::copy(row.begin(), row.end(), W.row(i++).begin());
  return W;
}

// k unit vectors at equal angles in the plane.
inline Matrix<double> polygon(size_t k) {
  Matrix<double> W(k, 2);
  for (size_t i = 0; i < k; ++i) {
    const double angle = 2 * M_PI * static_cast<double>(i) / static_cast<double>(k);
    W(i, 0) = std::cos(angle), W(i, 1) = std::sin(angle);
  }
  return W;
}

// m + 1 vectors in m dimensions, every two at cosine -1/m: e_i - mean, rotated into m coordinates by Helmert's basis.
inline Matrix<double> simplex(size_t m) {
  Matrix<double> W(m + 1, m);
  for (size_t j = 0; j < m; ++j) {
    const double k = static_cast<double>(j + 1);
    for (size_t i = 0; i <= j; ++i) W(i, j) = 1 / std::sqrt(k * (k + 1));
    W(j + 1, j) = -k / std::sqrt(k * (k + 1));
  }
  return W;
}

// The six diagonals of the icosahedron: an equiangular tight frame in R³, |cos| = 1/√5.
inline Matrix<double> icosahedron() {
  const double g = (1 + std::sqrt(5.0)) / 2;
  return from_rows({{0, 1, g}, {0, 1, -g}, {1, g, 0}, {1, -g, 0}, {g, 0, 1}, {-g, 0, 1}});
}

// ±e_i: 2m vectors in m dimensions.
inline Matrix<double> cross_polytope(size_t m) {
  Matrix<double> W(2 * m, m);
  for (size_t i = 0; i < m; ++i) W(2 * i, i) = 1, W(2 * i + 1, i) = -1;
  return W;
}

// Two squares, the upper one turned by 45°, at the height that makes the frame tight: ΣW_iᵀW_i = 4·I.
inline Matrix<double> square_antiprism() {
  Matrix<double> W(8, 3);
  const double height = std::sqrt(0.5);
  for (size_t i = 0; i < 8; ++i) {
    const double angle = M_PI / 4 * static_cast<double>(i);
    W(i, 0) = std::cos(angle), W(i, 1) = std::sin(angle), W(i, 2) = i % 2 ? height : -height;
  }
  return W;
}

inline Matrix<double> block_diagonal(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> W(a.rows() + b.rows(), a.cols() + b.cols());
  for (size_t i = 0; i < a.rows(); ++i) std::copy(a.row(i).begin(), a.row(i).end(), W.row(i).begin());
  for (size_t i = 0; i < b.rows(); ++i) {
    std::copy(b.row(i).begin(), b.row(i).end(), W.row(a.rows() + i).begin() + static_cast<std::ptrdiff_t>(a.cols()));
  }
  return W;
}

inline Matrix<double> gaussian(size_t n, size_t m, uint64_t seed) {
  Matrix<double> W(n, m);
  for (size_t i = 0; i < n; ++i) {
    RandomBlocks random(seed, RandomStream::init_weights, static_cast<uint32_t>(i));
    for (size_t j = 0; j < m; j += 2) {
      const auto pair = normal_pair(random.next());
      W(i, j) = pair[0];
      if (j + 1 < m) W(i, j + 1) = pair[1];
    }
  }
  return W;
}

// An orthogonal matrix: Gram-Schmidt, twice, of a Gaussian one.
inline Matrix<double> rotation(size_t m, uint64_t seed) {
  Matrix<double> Q = gaussian(m, m, seed);
  for (size_t i = 0; i < m; ++i) {
    for (int pass = 0; pass < 2; ++pass) {
      for (size_t k = 0; k < i; ++k) {
        double dot = 0;
        for (size_t j = 0; j < m; ++j) dot += Q(i, j) * Q(k, j);
        for (size_t j = 0; j < m; ++j) Q(i, j) -= dot * Q(k, j);
      }
    }
    double square = 0;
    for (size_t j = 0; j < m; ++j) square += Q(i, j) * Q(i, j);
    for (size_t j = 0; j < m; ++j) Q(i, j) /= std::sqrt(square);
  }
  return Q;
}

inline Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> out(a.rows(), b.cols());
  for (size_t i = 0; i < a.rows(); ++i) {
    for (size_t k = 0; k < a.cols(); ++k) {
      for (size_t j = 0; j < b.cols(); ++j) out(i, j) += a(i, k) * b(k, j);
    }
  }
  return out;
}

// A view to read from, of a named or a temporary matrix (which lives until the end of the expression).
template <class T>
MatrixView<const T> view(const Matrix<T>& W) {
  return W.view();
}

inline Matrix<float> to_float(const Matrix<double>& W) {
  Matrix<float> out(W.rows(), W.cols());
  for (size_t k = 0; k < W.rows() * W.cols(); ++k) out.data()[k] = static_cast<float>(W.data()[k]);
  return out;
}

}  // namespace superpose::geometry
