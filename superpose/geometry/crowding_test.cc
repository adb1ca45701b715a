// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/shapes_test.h"

namespace superpose::geometry {
namespace {

double cosine(const Matrix<float>& W, size_t i, size_t j) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < W.cols(); ++k) {
    const double a = W(i, k), b = W(j, k);
    ab += a * b, aa += a * a, bb += b * b;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

Matrix<float> with_common_direction(size_t n, size_t m, double strength, uint64_t seed) {
  Matrix<double> W = gaussian(n, m, seed);
  for (size_t k = 0; k < n * m; ++k) W.data()[k] += strength;
  return to_float(W);
}

TEST(Crowding, is_the_mean_of_squared_cosines_of_each_row) {
  ThreadPool pool(2);
  for (const auto& [n, m] : {std::pair<size_t, size_t>{2, 3}, {300, 17}, {257, 193}, {100, 400}}) {
    Matrix<float> W = with_common_direction(n, m, 0.3, n);
    if (n > 10) std::fill(W.row(7).begin(), W.row(7).end(), 0.0f);
    const MatrixRows<float> source(view(W));
    const auto c = crowding(source, false, pool);
    double total = 0, rows = 0;
    for (size_t i = 0; i < n; ++i) {
      if (n > 10 && i == 7) {
        EXPECT_FALSE(c[i]);
        continue;
      }
      double sum = 0;
      for (size_t j = 0; j < n; ++j) sum += i == j ? 0 : cosine(W, i, j) * cosine(W, i, j);
      ASSERT_NEAR(*c[i], sum / static_cast<double>(n > 10 ? n - 2 : n - 1), 1e-6) << n << "x" << m;
      total += *c[i], rows += 1;
    }
    EXPECT_NEAR(total / rows, *overlap(view(W)).mean_square, 1e-6);
  }
}

TEST(Nearest, finds_the_largest_overlaps_in_order) {
  ThreadPool pool(3);
  for (const auto& [n, m] : {std::pair<size_t, size_t>{5, 2}, {700, 19}, {600, 270}}) {
    const Matrix<float> W = with_common_direction(n, m, 0.1, m);
    const MatrixRows<float> source(view(W));
    const std::vector<size_t> queries{0, n - 1, 3, 3};
    const auto found = nearest(source, queries, 7, false, pool);
    ASSERT_EQ(found.size(), 4u);
    for (size_t q = 0; q < 4; ++q) {
      std::vector<double> all;
      for (size_t j = 0; j < n; ++j) {
        if (j != queries[q]) all.push_back(std::abs(cosine(W, queries[q], j)));
      }
      std::sort(all.rbegin(), all.rend());
      ASSERT_EQ(found[q].size(), std::min<size_t>(7, n - 1));
      for (size_t k = 0; k < found[q].size(); ++k) {
        EXPECT_NE(found[q][k].row, queries[q]);
        EXPECT_NEAR(std::abs(found[q][k].cosine), all[k], 1e-6);
        EXPECT_NEAR(found[q][k].cosine, cosine(W, queries[q], found[q][k].row), 1e-6);
      }
    }
  }
  Matrix<float> zero(3, 2);
  zero(1, 0) = 1;
  const MatrixRows<float> source(zero.view());
  const std::vector<size_t> queries{0, 1};
  for (const auto& found : nearest(source, queries, 2, false, pool)) EXPECT_TRUE(found.empty());
}

TEST(Duplicates, are_equal_value_by_value) {
  ThreadPool pool(2);
  Matrix<float> W = with_common_direction(900, 5, 0, 3);
  const auto copy = [&](size_t from, size_t to) {
    std::copy(W.row(from).begin(), W.row(from).end(), W.row(to).begin());
  };
  copy(3, 700), copy(3, 10), copy(899, 0);
  for (float& x : W.row(20)) x = 0;
  for (float& x : W.row(21)) x = 0;  // zero rows are not duplicates
  copy(50, 51);
  for (float& x : W.row(51)) x *= 2;  // neither are multiples
  W(60, 0) = 0.0f, copy(60, 61);
  W(61, 0) = -0.0f;  // but 0 is -0
  const MatrixRows<float> source(view(W));
  const std::vector<std::vector<size_t>> want{{0, 899}, {3, 10, 700}, {60, 61}};
  EXPECT_EQ(duplicate_rows(source, pool), want);
  const std::vector<size_t> queries{3};
  EXPECT_NEAR(nearest(source, queries, 1, false, pool)[0][0].cosine, 1, 1e-6);
}

TEST(Sources, select_rows_in_runs_and_remove_directions) {
  const Matrix<float> W = with_common_direction(50, 6, 0.5, 9);
  const MatrixRows<float> source(view(W));
  const std::vector<size_t> chosen{0, 3, 4, 5, 20, 49};
  const SelectedRows some(source, chosen);
  ASSERT_EQ(some.rows(), chosen.size());
  Matrix<float> got(5, 6);
  some.read(1, 5, got.data());
  for (size_t k = 0; k < 5; ++k) {
    for (size_t j = 0; j < 6; ++j) EXPECT_EQ(got(k, j), W(chosen[k + 1], j));
  }
  Matrix<double> V(6, 2);
  V(0, 0) = V(3, 1) = 1;
  const WithoutDirections without(source, {1, 2, 3, 4, 5, 6}, V);
  Matrix<double> left(50, 6);
  without.read(0, 50, left.data());
  for (size_t i = 0; i < 50; ++i) {
    for (size_t j = 0; j < 6; ++j) {
      EXPECT_NEAR(left(i, j), j == 0 || j == 3 ? 0 : W(i, j) - static_cast<double>(j + 1), 1e-14);
    }
  }
}

TEST(Sources, a_row_sample_is_uniform_distinct_and_ascending) {
  EXPECT_EQ(row_sample(5, 9, 1), (std::vector<size_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(row_sample(0, 3, 1).empty());
  std::vector<int> seen(10);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto rows = row_sample(10, 3, seed);
    ASSERT_EQ(rows.size(), 3u);
    ASSERT_TRUE(std::is_sorted(rows.begin(), rows.end()) && rows[0] != rows[1] && rows[1] != rows[2]);
    for (const size_t i : rows) ++seen[i];
  }
  // 600 each, standard deviation √(2000·0.3·0.7) = 20.5; five of them: false alarms 6e-6 over the ten.
  for (const int count : seen) EXPECT_NEAR(count, 600, 103);
}

TEST(Sources, shuffled_columns_keep_their_values) {
  ThreadPool one(1), three(3);
  const Matrix<float> W = with_common_direction(200, 35, 0.2, 4);
  Matrix<float> a = W, b = W;
  shuffle_columns(a.view(), 5, one);
  shuffle_columns(b.view(), 5, three);
  size_t moved = 0;
  for (size_t j = 0; j < 35; ++j) {
    std::vector<float> before, after;
    for (size_t i = 0; i < 200; ++i) {
      ASSERT_EQ(a(i, j), b(i, j));
      before.push_back(W(i, j)), after.push_back(a(i, j));
      moved += W(i, j) != a(i, j);
    }
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    EXPECT_EQ(before, after);
  }
  EXPECT_GT(moved, 200 * 35 * 0.95);
}

TEST(Baselines, of_isotropic_rows_are_all_one_over_m) {
  ThreadPool pool(2);
  const size_t n = 3000, m = 40;
  const Matrix<float> W = with_common_direction(n, m, 0, 6);
  const Baselines b = baselines(MatrixRows<float>(W.view()), {}, pool);
  EXPECT_EQ(b.rows, n);
  // cos² of independent directions has variance 2(m-1)/(m²(m+2)); the mean over all pairs is within five of its
  // deviations. Removing k directions leaves 1/(m-k), less what rows have in common with directions fitted to them.
  const double width = static_cast<double>(m);
  const double deviation = std::sqrt(2 * (width - 1) / (width * width * (width + 2)) / (0.5 * n * (n - 1)));
  for (const Baseline* x : {&b.plain, &b.centered, &b.shuffled, &b.shuffled_centered}) {
    EXPECT_NEAR(*x->mean_square, 1 / width, 5 * deviation);
    EXPECT_EQ(x->se, 0);
  }
  for (size_t r = 0; r < b.removed.size(); ++r) {
    EXPECT_NEAR(*b.removed[r].mean_square, 1 / (width - static_cast<double>(kRemovedDirections[r])), 2e-4) << r;
  }
}

TEST(Baselines, a_common_direction_goes_with_the_mean_and_a_line_with_the_first_direction) {
  ThreadPool pool(2);
  const size_t n = 4000, m = 50;
  Matrix<float> W = with_common_direction(n, m, 1, 8);  // the mean row is as long as what is left
  Baselines b = baselines(MatrixRows<float>(W.view()), {}, pool);
  EXPECT_GT(*b.plain.mean_square, 0.2);
  EXPECT_GT(*b.shuffled.mean_square, 0.2) << "shuffling keeps the means of columns";
  EXPECT_NEAR(*b.centered.mean_square, 0.02, 2e-4);
  EXPECT_NEAR(*b.shuffled_centered.mean_square, 0.02, 2e-4);
  // ± one line: no mean, one direction.
  Matrix<double> L = gaussian(n, m, 9);
  for (size_t i = 0; i < n; ++i) L(i, 3) *= 10;
  W = to_float(L);
  b = baselines(MatrixRows<float>(W.view()), {}, pool);
  EXPECT_GT(*b.centered.mean_square, 0.2);
  EXPECT_NEAR(*b.removed[0].mean_square, 1 / 49.0, 2e-4);
}

TEST(Baselines, of_a_sample_are_within_their_error_of_those_of_all_rows) {
  ThreadPool pool(2);
  const Matrix<float> W = with_common_direction(6000, 30, 0.5, 10);
  const MatrixRows<float> source(view(W));
  const Baselines all = baselines(source, {}, pool);
  const Baselines some = baselines(source, {.max_elements = 30 * 1500, .seed = 3}, pool);
  EXPECT_EQ(some.rows, 1500u);
  // Student's t with 7 degrees of freedom: |t| > 6 has probability 5e-4.
  EXPECT_GT(some.plain.se, 0);
  EXPECT_LT(std::abs(*some.plain.mean_square - *all.plain.mean_square), 6 * some.plain.se);
  EXPECT_LT(std::abs(*some.centered.mean_square - *all.centered.mean_square), 6 * some.centered.se);
  EXPECT_LT(some.plain.se, 0.05 * *all.plain.mean_square);
}

TEST(Baselines, rows_that_are_used_up_leave) {
  ThreadPool pool(2);
  Matrix<float> W(40, 5);  // one line and a mean: nothing is left after the first direction
  for (size_t i = 0; i < 40; ++i) {
    for (size_t j = 0; j < 5; ++j) W(i, j) = 1 + static_cast<float>(i) * static_cast<float>(j + 1);
  }
  const Baselines b = baselines(MatrixRows<float>(W.view()), {}, pool);
  EXPECT_NEAR(*b.centered.mean_square, 1, 1e-6);
  EXPECT_FALSE(b.removed[0].mean_square);
}

TEST(Density, of_random_overlaps_integrates_to_one_with_the_known_mean) {
  for (const size_t m : {3u, 10u, 768u}) {
    double total = 0, second = 0;
    const double step = 1e-5;
    for (double c = step / 2; c < 1; c += step) {
      total += random_abs_cosine_density(c, m) * step;
      second += c * c * random_abs_cosine_density(c, m) * step;
    }
    EXPECT_NEAR(total, 1, 1e-6) << m;
    EXPECT_NEAR(second, 1 / static_cast<double>(m), 1e-6) << m;
  }
  EXPECT_EQ(random_abs_cosine_density(1.5, 5), 0);
  EXPECT_DOUBLE_EQ(random_abs_cosine_density(0.3, 3), 1);  // Archimedes
}

}  // namespace
}  // namespace superpose::geometry
