// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/shapes_test.h"
#include "superpose/geometry/singular_values.h"

namespace superpose::geometry {
namespace {

void expect_dimensionality(const Matrix<double>& W, double want) {
  for (const double d : feature_dimensionality(view(W))) EXPECT_NEAR(d, want, kExact);
}

TEST(FeatureDimensionality, of_the_polytopes_is_m_over_n) {
  expect_dimensionality(cross_polytope(1), 1.0 / 2);  // digon
  expect_dimensionality(polygon(3), 2.0 / 3);
  expect_dimensionality(simplex(3), 3.0 / 4);  // tetrahedron
  expect_dimensionality(polygon(5), 2.0 / 5);
  expect_dimensionality(square_antiprism(), 3.0 / 8);
  expect_dimensionality(polygon(6), 1.0 / 3);
  expect_dimensionality(cross_polytope(3), 1.0 / 2);  // octahedron
  expect_dimensionality(rotation(9, 1), 1);
}

TEST(FeatureDimensionality, of_a_stack_is_that_of_its_parts_in_any_basis) {
  const Matrix<double> W = block_diagonal(block_diagonal(polygon(3), simplex(3)), polygon(5));
  for (const auto& form : {W, product(W, rotation(7, 2))}) {
    const auto d = feature_dimensionality(view(form));
    for (size_t i = 0; i < 12; ++i) EXPECT_NEAR(d[i], i < 3 ? 2.0 / 3 : i < 7 ? 3.0 / 4 : 2.0 / 5, kExact) << i;
  }
}

TEST(FeatureDimensionality, stays_in_range_and_does_not_see_the_overall_scale) {
  Matrix<double> W = gaussian(50, 7, 4);
  for (auto& x : W.row(11)) x = 0;
  const auto d = feature_dimensionality(view(W));
  EXPECT_EQ(d[11], 0);
  for (const double x : d) EXPECT_TRUE(x >= 0 && x <= 1);
  EXPECT_LE(std::accumulate(d.begin(), d.end(), 0.0), 7 + kExact) << "the sum is at most the rank";
  for (const double scale : {1e-280, 1e-30, 1e30, 1e280}) {
    Matrix<double> scaled = W;
    for (size_t k = 0; k < 50 * 7; ++k) scaled.data()[k] *= scale;
    const auto e = feature_dimensionality(view(scaled));
    for (size_t i = 0; i < 50; ++i) EXPECT_NEAR(e[i], d[i], kExact);
  }
  EXPECT_TRUE(feature_dimensionality(view(Matrix<double>(0, 3))).empty());
  EXPECT_EQ(feature_dimensionality(view(Matrix<double>(2, 0))), std::vector<double>(2, 0));
}

TEST(FeatureDimensionality, agrees_with_its_definition) {
  for (const size_t n : {1u, 5u, 40u}) {
    const Matrix<double> W = gaussian(n, 13, n);
    const auto d = feature_dimensionality(view(W));
    for (size_t i = 0; i < n; ++i) {
      const double square = std::inner_product(W.row(i).begin(), W.row(i).end(), W.row(i).begin(), 0.0);
      double sum = 0;
      for (size_t j = 0; j < n; ++j) {
        const double dot = std::inner_product(W.row(i).begin(), W.row(i).end(), W.row(j).begin(), 0.0);
        sum += dot * dot / square;
      }
      EXPECT_NEAR(d[i], square / sum, kExact);
    }
  }
}

// U diag(s) Vᵀ with k rows in front and random orthogonal bases.
Matrix<double> with_singular_values(const std::vector<double>& s, size_t n, size_t m, uint64_t seed) {
  const Matrix<double> U = rotation(n, seed), V = rotation(m, seed + 1);
  Matrix<double> W(n, m);
  for (size_t k = 0; k < s.size(); ++k) {
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < m; ++j) W(i, j) += s[k] * U(k, i) * V(k, j);
    }
  }
  return W;
}

TEST(Spectrum, finds_the_singular_values_it_was_built_from) {
  const std::vector<double> s{3, 1, 0.5, 1e-3, 1e-9};
  for (const auto& [n, m] : {std::pair<size_t, size_t>{40, 5}, {5, 40}, {5, 5}, {700, 6}}) {
    std::vector<double> want = s;
    want.resize(std::min(n, m), 0.0);
    const Spectrum found = spectrum(view(with_singular_values(s, n, m, 3)));
    ASSERT_EQ(found.singular_values.size(), want.size());
    for (size_t k = 0; k < want.size(); ++k)
      EXPECT_NEAR(found.singular_values[k], want[k], 1e-14 * 10) << n << " " << k;
  }
}

TEST(Spectrum, both_methods_agree_within_their_stated_accuracy) {
  const std::vector<double> s{2, 1.5, 0.1, 1e-4, 1e-12};
  for (const auto& [n, m] : {std::pair<size_t, size_t>{300, 9}, {9, 300}, {9, 9}}) {
    const Matrix<double> W = with_singular_values(s, n, m, 5);
    const auto a = singular_values_by_qr(view(W), 2.0), b = singular_values_by_gram(view(W), 2.0);
    ASSERT_EQ(a.size(), b.size());
    for (size_t k = 0; k < 4; ++k) EXPECT_NEAR(a[k], b[k], 2e-15 / b[k]);
    for (size_t k = 4; k < b.size(); ++k) EXPECT_EQ(b[k], 0) << "rounding must not pass for a direction";
  }
}

TEST(Spectrum, equal_singular_values_have_full_rank_and_rank_one_has_one) {
  for (const size_t m : {1u, 2u, 9u, 33u}) {
    const double width = static_cast<double>(m);
    for (const auto& W : {rotation(m, 4), cross_polytope(m), simplex(m)}) {
      const Spectrum s = spectrum(view(W));
      EXPECT_NEAR(*s.effective_rank, width, 1e-11);
      EXPECT_NEAR(*s.participation_ratio, width, 1e-11);
    }
  }
  Matrix<double> one(50, 8);
  for (size_t i = 0; i < 50; ++i) {
    for (size_t j = 0; j < 8; ++j) one(i, j) = (1.0 + static_cast<double>(i)) * (static_cast<double>(j) - 2.5);
  }
  EXPECT_NEAR(*spectrum(view(one)).effective_rank, 1, kExact);
  EXPECT_NEAR(*spectrum(view(one)).participation_ratio, 1, kExact);
}

TEST(Spectrum, of_two_known_values_has_the_closed_forms) {
  const Spectrum s = spectrum(view(from_rows({{3, 0}, {0, 1}, {0, 0}})));
  EXPECT_NEAR(*s.effective_rank, std::exp(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)), kExact);
  EXPECT_NEAR(*s.participation_ratio, 100.0 / 82, kExact);  // (9 + 1)² / (81 + 1)
}

TEST(Spectrum, of_nothing_and_of_extremes) {
  EXPECT_FALSE(spectrum(view(Matrix<double>(0, 4))).effective_rank);
  EXPECT_FALSE(spectrum(view(Matrix<double>(4, 0))).effective_rank);
  const Spectrum zero = spectrum(view(Matrix<double>(5, 3)));
  EXPECT_EQ(zero.singular_values, std::vector<double>(3, 0));
  EXPECT_FALSE(zero.effective_rank || zero.participation_ratio);
  for (const double scale : {1e-290, 1e290}) {
    Matrix<double> W = simplex(4);
    for (size_t k = 0; k < 20; ++k) W.data()[k] *= scale;
    const Spectrum s = spectrum(view(W));
    EXPECT_NEAR(*s.effective_rank, 4, 1e-11);
    EXPECT_NEAR(s.singular_values[0] / scale, 1, kExact);  // Helmert's columns are orthonormal
  }
}

TEST(Spectrum, does_not_see_rotations) {
  const Matrix<double> W = gaussian(120, 10, 2);
  const Spectrum a = spectrum(view(W)), b = spectrum(view(product(W, rotation(10, 6))));
  EXPECT_NEAR(*a.effective_rank, *b.effective_rank, kExact * 10);
  EXPECT_NEAR(*a.participation_ratio, *b.participation_ratio, kExact * 10);
}

}  // namespace
}  // namespace superpose::geometry
