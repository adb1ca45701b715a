// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/shapes_test.h"

namespace superpose::geometry {
namespace {

constexpr OverlapOptions kCentered{.centered = true};

Overlap overlap_of(const Matrix<double>& W, const OverlapOptions& options = {}) { return overlap(view(W), options); }

void expect_equiangular(const Matrix<double>& W, double cosine) {
  const Overlap o = overlap_of(W);
  ASSERT_TRUE(o.mean_square && o.mean_abs && o.std_abs && o.max_abs);
  EXPECT_NEAR(*o.mean_square, cosine * cosine, kExact);
  EXPECT_NEAR(*o.mean_abs, cosine, kExact);
  EXPECT_NEAR(*o.std_abs, 0, kExact);
  EXPECT_NEAR(*o.max_abs, cosine, kExact);
  EXPECT_FALSE(o.sampled);
  EXPECT_EQ(o.mean_abs_se, 0);
  EXPECT_NEAR(*o.mean_square, *welch_bound_mean_square(W.rows(), W.cols()), kExact)
      << "tight frames meet Welch's bound";
}

TEST(Overlap, equiangular_tight_frames_have_their_closed_forms) {
  expect_equiangular(polygon(3), 0.5);
  expect_equiangular(icosahedron(), 1 / std::sqrt(5.0));
  for (const size_t m : {1u, 2u, 3u, 7u, 64u, 65u}) expect_equiangular(simplex(m), 1 / static_cast<double>(m));
}

TEST(Overlap, tight_frames_meet_the_bound_on_the_mean_square_even_when_not_equiangular) {
  for (const auto& W : {polygon(5), polygon(6), cross_polytope(3), cross_polytope(40), square_antiprism()}) {
    EXPECT_NEAR(*overlap_of(W).mean_square, *welch_bound_mean_square(W.rows(), W.cols()), kExact);
  }
}

TEST(Overlap, orthogonal_rows_have_none_and_duplicates_have_all) {
  const Matrix<double> Q = rotation(12, 5);
  const Overlap none = overlap_of(Q);
  EXPECT_NEAR(*none.mean_square, 0, kExact);
  EXPECT_GE(*none.mean_square, 0);
  EXPECT_NEAR(*none.max_abs, 0, kExact);
  for (const size_t n : {2u, 11u, 13u, 500u}) {  // on both sides of n = m
    Matrix<double> same(n, 12);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < 12; ++j) same(i, j) = Q(0, j) * (i % 2 ? -3.0 : 0.1);
    }
    const Overlap all = overlap_of(same);
    EXPECT_NEAR(*all.mean_square, 1, kExact);
    EXPECT_NEAR(*all.mean_abs, 1, kExact);
    EXPECT_NEAR(*all.std_abs, 0, kExact);
    EXPECT_LE(*all.max_abs, 1);
  }
}

TEST(Overlap, one_dimension_means_full_overlap) {
  const Overlap o = overlap_of(from_rows({{2}, {-1}, {0.5}}));
  EXPECT_DOUBLE_EQ(*o.mean_square, 1);
  EXPECT_DOUBLE_EQ(*o.mean_abs, 1);
}

TEST(Overlap, fewer_than_two_directions_have_no_overlap) {
  for (const auto& W : {Matrix<double>(0, 3), Matrix<double>(3, 0), Matrix<double>(4, 3), from_rows({{1, 2}}),
                        from_rows({{0, 0}, {1, 2}, {0, 0}})}) {
    for (const bool centered : {false, true}) {
      const Overlap o = overlap_of(W, {.centered = centered});
      EXPECT_LT(o.rows, 2u);
      EXPECT_FALSE(o.mean_square || o.mean_abs || o.std_abs || o.max_abs);
      EXPECT_FALSE(o.sampled);
    }
  }
}

TEST(Overlap, zero_rows_leave_and_take_no_part_in_the_mean) {
  const Matrix<double> W = gaussian(9, 4, 1);
  Matrix<double> padded(12, 4);
  for (size_t i = 0; i < 9; ++i) std::copy(W.row(i).begin(), W.row(i).end(), padded.row(i + 2).begin());
  for (const bool centered : {false, true}) {
    const Overlap a = overlap_of(W, {.centered = centered}), b = overlap_of(padded, {.centered = centered});
    EXPECT_EQ(b.rows, 9u);
    EXPECT_DOUBLE_EQ(*a.mean_square, *b.mean_square);
    EXPECT_DOUBLE_EQ(*a.mean_abs, *b.mean_abs);
  }
}

TEST(Overlap, a_row_equal_to_the_mean_leaves_the_centred_overlap) {
  // Around the mean (0.1, 0.2): ±(1, 0), ±(0, 1) and the mean itself.
  const Overlap o = overlap_of(from_rows({{1.1, 0.2}, {-0.9, 0.2}, {0.1, 1.2}, {0.1, -0.8}, {0.1, 0.2}}), kCentered);
  EXPECT_EQ(o.rows, 4u);
  EXPECT_NEAR(*o.mean_square, 2.0 / 6, kExact);  // two opposite pairs out of six
  Matrix<double> same(1001, 3);
  for (size_t i = 0; i < 1001; ++i) same(i, 0) = 0.1, same(i, 1) = 1.0 / 3, same(i, 2) = -7.7;
  EXPECT_EQ(overlap_of(same, kCentered).rows, 0u);
  EXPECT_FALSE(overlap_of(same, kCentered).mean_square);
}

TEST(Overlap, centring_removes_a_common_direction) {
  // A cross polytope pushed far along (1, ..., 1): nearly parallel as it stands, its own overlap once centred.
  Matrix<double> W = cross_polytope(6);
  const double before = *overlap_of(W).mean_square;
  for (size_t k = 0; k < 12 * 6; ++k) W.data()[k] += 50;
  EXPECT_GT(*overlap_of(W).mean_square, 0.99);
  EXPECT_NEAR(*overlap_of(W, kCentered).mean_square, before, kExact);
}

TEST(Overlap, min_norm_selects_by_the_norm_before_centring) {
  const Matrix<double> W = from_rows({{3, 0}, {0, 0.5}, {0, 2}, {0.1, 0.1}});
  EXPECT_EQ(overlap_of(W, {.min_norm = 0.5}).rows, 2u) << "strictly above";
  EXPECT_DOUBLE_EQ(*overlap_of(W, {.min_norm = 0.5}).mean_square, 0);
  EXPECT_NEAR(*overlap_of(W, {.centered = true, .min_norm = 0.5}).mean_square, 1, kExact)
      << "two points about their mean";
}

// The definition, as a double loop in long double.
Overlap oracle(const Matrix<double>& W, bool centered) {
  std::vector<std::vector<long double>> rows;
  for (size_t i = 0; i < W.rows(); ++i) {
    const auto row = W.row(i);
    if (std::any_of(row.begin(), row.end(), [](double x) { return x != 0; })) rows.emplace_back(row.begin(), row.end());
  }
  std::vector<long double> mean(W.cols());
  for (const auto& row : rows) {
    for (size_t j = 0; j < mean.size(); ++j) mean[j] += row[j] / static_cast<long double>(rows.size());
  }
  for (auto& row : rows) {
    long double square = 0;
    for (size_t j = 0; j < mean.size(); ++j) row[j] -= centered ? mean[j] : 0, square += row[j] * row[j];
    for (auto& x : row) x /= std::sqrt(square);
  }
  long double squares = 0, sum = 0, largest = 0, pairs = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t k = i + 1; k < rows.size(); ++k) {
      long double c = std::abs(std::inner_product(rows[i].begin(), rows[i].end(), rows[k].begin(), 0.0L));
      squares += c * c, sum += c, pairs += 1, largest = std::max(largest, c);
    }
  }
  Overlap out;
  out.rows = rows.size();
  out.mean_square = static_cast<double>(squares / pairs);
  out.mean_abs = static_cast<double>(sum / pairs);
  out.std_abs = static_cast<double>(std::sqrt(squares / pairs - sum / pairs * sum / pairs));
  out.max_abs = static_cast<double>(largest);
  return out;
}

TEST(Overlap, agrees_with_the_double_loop_on_odd_shapes) {
  for (const size_t n : {2u, 3u, 31u, 65u, 383u, 385u, 800u}) {
    for (const size_t m : {2u, 3u, 17u, 64u, 65u}) {
      Matrix<double> W = gaussian(n, m, n * 100 + m);
      for (size_t i = 0; i < n; ++i) {
        for (auto& x : W.row(i)) x = i % 7 == 3 ? 0 : x * std::pow(10, static_cast<double>(i % 5) - 2) + 0.3;
      }
      for (const bool centered : {false, true}) {
        if (n == 2 && centered) continue;  // always ±1
        const Overlap o = overlap_of(W, {.centered = centered}), want = oracle(W, centered);
        ASSERT_EQ(o.rows, want.rows);
        EXPECT_NEAR(*o.mean_square, *want.mean_square, kExact) << n << "x" << m;
        EXPECT_NEAR(*o.mean_abs, *want.mean_abs, kExact);
        EXPECT_NEAR(*o.std_abs, *want.std_abs, 1e-10);  // the oracle's own difference of squares
        EXPECT_NEAR(*o.max_abs, *want.max_abs, kExact);
      }
    }
  }
}

TEST(Overlap, does_not_see_rotation_order_or_length_of_rows) {
  const Matrix<double> W = gaussian(90, 11, 3);
  Matrix<double> scaled = W, reversed(90, 11);
  for (size_t i = 0; i < 90; ++i) {
    for (auto& x : scaled.row(i)) x *= (i % 2 ? -1 : 1) * std::pow(10, static_cast<double>(i % 61) - 30);
    std::copy(W.row(i).begin(), W.row(i).end(), reversed.row(89 - i).begin());
  }
  const Overlap o = overlap_of(W);
  for (const auto& other : {scaled, reversed, product(W, rotation(11, 8))}) {
    EXPECT_NEAR(*overlap_of(other).mean_square, *o.mean_square, kExact);
    EXPECT_NEAR(*overlap_of(other).mean_abs, *o.mean_abs, kExact);
    EXPECT_NEAR(*overlap_of(other).max_abs, *o.max_abs, kExact);
  }
  for (const auto& other : {reversed, product(W, rotation(11, 8))}) {
    EXPECT_NEAR(*overlap_of(other, kCentered).mean_square, *overlap_of(W, kCentered).mean_square, kExact);
  }
}

TEST(Overlap, neither_huge_nor_tiny_rows_overflow) {
  for (const double scale : {1e-300, 1e-30, 1e30, 1e300}) {
    Matrix<double> W = simplex(8);
    for (size_t k = 0; k < 9 * 8; ++k) W.data()[k] *= scale;
    for (const bool centered : {false, true}) {
      EXPECT_NEAR(*overlap_of(W, {.centered = centered}).mean_square, 1.0 / 64, kExact) << scale;
    }
  }
  for (const float scale : {1e-37f, 1e37f}) {
    Matrix<float> W = to_float(simplex(8));
    for (size_t k = 0; k < 9 * 8; ++k) W.data()[k] *= scale;
    EXPECT_NEAR(*overlap(view(W)).mean_square, 1.0 / 64, 1e-7);
  }
}

TEST(Overlap, float_and_double_agree_and_strides_are_respected) {
  const Matrix<double> W = gaussian(300, 24, 9);
  const Matrix<float> F = to_float(W);
  for (const bool centered : {false, true}) {
    const Overlap a = overlap_of(W, {.centered = centered}), b = overlap(view(F), {.centered = centered});
    EXPECT_NEAR(*a.mean_square, *b.mean_square, 1e-8);
    EXPECT_NEAR(*a.mean_abs, *b.mean_abs, 1e-8);
  }
  Matrix<double> wide(300, 30);
  for (size_t i = 0; i < 300; ++i) {
    std::copy(W.row(i).begin(), W.row(i).end(), wide.row(i).begin());
    for (size_t j = 24; j < 30; ++j) wide(i, j) = 1e9;
  }
  EXPECT_EQ(overlap(MatrixView<const double>(wide.data(), 300, 24, 30)).mean_square, overlap_of(W).mean_square);
}

TEST(Overlap, random_directions_have_the_beta_moments) {
  // cos² ~ Beta(1/2, (m-1)/2): mean 1/m, variance v = 2(m-1)/(m²(m+2)). Pairs of independent directions are pairwise
  // uncorrelated, so the mean over P pairs has variance v/P. |z| < 5: false alarms below 1e-5 per case for a normal z.
  for (const size_t m : {2u, 10u, 50u}) {
    const size_t n = 1200;
    const double width = static_cast<double>(m), pairs = 0.5 * n * (n - 1);
    const double variance = 2 * (width - 1) / (width * width * (width + 2));
    const Overlap o = overlap_of(gaussian(n, m, 77));
    EXPECT_LT(std::abs(*o.mean_square - 1 / width), 5 * std::sqrt(variance / pairs)) << m;
    // E|cos| = Γ(m/2) / (√π Γ((m+1)/2))
    const double mean_abs = std::exp(std::lgamma(width / 2) - std::lgamma((width + 1) / 2)) / std::sqrt(M_PI);
    EXPECT_LT(std::abs(*o.mean_abs - mean_abs), 5 * std::sqrt((1 / width - mean_abs * mean_abs) / pairs)) << m;
  }
}

TEST(Overlap, a_sample_of_pairs_agrees_with_all_pairs_within_its_standard_error) {
  const Matrix<double> W = gaussian(400, 6, 21);
  const Overlap all = overlap_of(W);
  int outside = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Overlap some = overlap_of(W, {.max_exact_pairs = 10, .sampled_pairs = 5000, .seed = seed});
    ASSERT_TRUE(some.sampled);
    EXPECT_FALSE(some.max_abs);
    EXPECT_EQ(some.mean_square, all.mean_square) << "the mean square stays exact";
    EXPECT_NEAR(some.mean_abs_se, *all.std_abs / std::sqrt(5000.0), 0.05 * some.mean_abs_se);
    EXPECT_NEAR(*some.std_abs, *all.std_abs, 0.05 * *all.std_abs);
    outside += std::abs(*some.mean_abs - *all.mean_abs) > 2 * some.mean_abs_se;
  }
  // Binomial(40, 0.046): 8 or more has probability 3e-4, and an s.e. too large by half would give 0 (15 % for a right
  // one).
  EXPECT_LT(outside, 8);
  const OverlapOptions one{.max_exact_pairs = 10, .sampled_pairs = 5000, .seed = 7};
  EXPECT_EQ(overlap_of(W, one).mean_abs, overlap_of(W, one).mean_abs);
  EXPECT_NE(overlap_of(W, one).mean_abs, overlap_of(W, {.max_exact_pairs = 10, .sampled_pairs = 5000}).mean_abs);
}

TEST(Overlap, a_sample_never_pairs_a_row_with_itself) {
  const Overlap o = overlap_of(from_rows({{1, 0}, {0, 1}}), {.max_exact_pairs = 0, .sampled_pairs = 1000});
  EXPECT_EQ(*o.mean_abs, 0);
}

TEST(Overlap, a_matrix_that_is_not_finite_is_refused_by_row) {
  Matrix<double> W = gaussian(5, 3, 1);
  W(3, 1) = std::numeric_limits<double>::quiet_NaN();
  try {
    overlap_of(W);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::numeric);
    EXPECT_NE(std::string(e.what()).find("row 3"), std::string::npos) << e.what();
  }
  W(3, 1) = std::numeric_limits<double>::infinity();
  EXPECT_THROW(spectrum(view(W)), Error);
  EXPECT_THROW(feature_dimensionality(view(W)), Error);
  EXPECT_EQ(row_norms(view(W))[3], std::numeric_limits<double>::infinity());
}

TEST(Bounds, Welch_and_kappa_have_their_published_values) {
  EXPECT_FALSE(welch_bound_mean_square(1, 3) || welch_bound_mean_square(0, 3) || welch_bound_mean_square(5, 0));
  EXPECT_EQ(*welch_bound_mean_square(3, 3), 0);
  EXPECT_EQ(*welch_bound_mean_square(2, 3), 0);
  EXPECT_DOUBLE_EQ(*welch_bound_mean_square(3, 2), 0.25);
  EXPECT_NEAR(*welch_bound_mean_square(512, 64), 0.0136986301, 1e-10);
  EXPECT_NEAR(*kappa_square(1000, 10), 0.0816, 5e-5);    // dashed line of the paper's overlap panel at m = 10
  EXPECT_NEAR(*kappa_square(1000, 100), 0.00901, 5e-6);  // and at m = 100, where n < m²/2
  EXPECT_EQ(*kappa_square(1000, 2), 0);                  // m²/2 = m vectors fit without overlap
  EXPECT_FALSE(kappa_square(1, 4));
}

}  // namespace
}  // namespace superpose::geometry
