// SPDX-License-Identifier: Apache-2.0
// Streamed matrices: the float32 way against plain double, on shapes that no tile divides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/pairs.h"
#include "superpose/geometry/shapes_test.h"
#include "superpose/geometry/singular_values.h"
#include "superpose/geometry/unit_gram.h"

namespace superpose::geometry {
namespace {

// Gaussian rows about a common direction, of lengths over six decades, every 17th zero.
Matrix<float> head(size_t n, size_t m, uint64_t seed) {
  Matrix<double> W = gaussian(n, m, seed);
  for (size_t i = 0; i < n; ++i) {
    const double length = i % 17 == 5 ? 0 : std::pow(10, static_cast<double>(i % 7) - 3);
    for (auto& x : W.row(i)) x = (x + 0.4) * length;
  }
  return to_float(W);
}

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Unit rows in double; zero rows stay zero.
Matrix<double> unit_rows(const Matrix<float>& W, bool centered = false) {
  Matrix<double> out(W.rows(), W.cols());
  std::vector<double> mean(W.cols());
  double count = 0;
  const auto zero = [&](size_t i) {
    return std::all_of(W.row(i).begin(), W.row(i).end(), [](float x) { return x == 0; });
  };
  for (size_t i = 0; i < W.rows(); ++i) {
    if (zero(i)) continue;
    count += 1;
    for (size_t j = 0; j < W.cols(); ++j) mean[j] += W(i, j);
  }
  for (size_t i = 0; i < W.rows(); ++i) {
    if (zero(i)) continue;
    for (size_t j = 0; j < W.cols(); ++j) out(i, j) = W(i, j) - (centered ? mean[j] / count : 0);
    const double norm = std::sqrt(dot(out.row(i), out.row(i)));
    for (double& x : out.row(i)) x /= norm;
  }
  return out;
}

MatrixRows<float> rows_of(const Matrix<float>& W) { return MatrixRows<float>(W.view()); }

TEST(Streamed, small_sources_give_the_numbers_of_matrices_to_the_last_bit) {
  ThreadPool pool(3);
  const Matrix<float> W = head(300, 24, 1);
  for (const bool centered : {false, true}) {
    const OverlapOptions options{.centered = centered, .min_norm = 0.01, .bins = 50, .nearest = true};
    const Overlap a = overlap(view(W), options), b = overlap(rows_of(W), options, pool);
    EXPECT_EQ(a.mean_square, b.mean_square);
    EXPECT_EQ(a.mean_abs, b.mean_abs);
    EXPECT_EQ(a.mean_cosine, b.mean_cosine);
    EXPECT_EQ(a.max_pair, b.max_pair);
    EXPECT_EQ(a.histogram, b.histogram);
    EXPECT_EQ(a.norms, b.norms);
  }
  EXPECT_EQ(spectrum(view(W)).singular_values, spectrum(rows_of(W), pool).singular_values);
  EXPECT_EQ(row_norms(view(W)), row_norms(rows_of(W), pool));
}

TEST(Streamed, gram_is_the_product_for_odd_shapes_and_any_threads) {
  for (const size_t n : {1u, 2u, 255u, 256u, 257u, 700u, 4500u}) {
    for (const size_t m : {1u, 3u, 15u, 16u, 17u, 33u, 95u, 97u, 200u}) {
      const Matrix<float> W = head(n, m, n + m);
      const Matrix<double> U = unit_rows(W);
      const auto source = rows_of(W);
      ThreadPool one(1), four(4);
      const UnitGram a = unit_gram(UnitReader(source), true, one), b = unit_gram(UnitReader(source), true, four);
      for (size_t i = 0; i < m; ++i) {
        for (size_t j = i; j < m; ++j) {
          EXPECT_EQ(a.gram->row(i)[j], b.gram->row(i)[j]);
          if (n > 700) continue;
          double want = 0, scale = 0;
          for (size_t k = 0; k < n; ++k) want += U(k, i) * U(k, j), scale += std::abs(U(k, i) * U(k, j));
          ASSERT_NEAR(a.gram->row(i)[j], want, 1e-6 * scale) << n << "x" << m;
        }
      }
      EXPECT_EQ(a.sum, b.sum);
      EXPECT_EQ(a.fourths, b.fourths);
    }
  }
}

// n·m² > 2e9, so these take the float32 way.
TEST(Streamed, large_sources_agree_with_double_to_1e_6) {
  ThreadPool pool(2);
  for (const auto& [n, m] : {std::pair<size_t, size_t>{60000, 190}, {9001, 480}, {8100, 513}, {2300, 1030}}) {
    const Matrix<float> W = head(n, m, m);
    for (const bool centered : {false, true}) {
      const OverlapOptions options{.centered = centered, .max_exact_pairs = 0, .sampled_pairs = 0};
      const Overlap want = overlap(view(W), options), got = overlap(rows_of(W), options, pool);
      EXPECT_EQ(got.rows, want.rows);
      EXPECT_NEAR(*got.mean_square / *want.mean_square, 1, 1e-6) << n << "x" << m;
      EXPECT_NEAR(*got.mean_cosine, *want.mean_cosine, 1e-7);
      EXPECT_EQ(got.norms, want.norms);
    }
  }
}

TEST(Streamed, results_do_not_depend_on_the_number_of_threads) {
  const Matrix<float> W = head(6000, 580, 4);
  const auto source = rows_of(W);
  const OverlapOptions exact{.centered = true, .max_exact_pairs = ~size_t{0}, .bins = 100, .nearest = true};
  const OverlapOptions some{.max_exact_pairs = 0, .sampled_pairs = 30000};
  ThreadPool one(1), five(5);
  const Overlap a = overlap(source, exact, one), b = overlap(source, exact, five);
  EXPECT_EQ(a.mean_square, b.mean_square);
  EXPECT_EQ(a.mean_abs, b.mean_abs);
  EXPECT_EQ(a.std_abs, b.std_abs);
  EXPECT_EQ(a.max_pair, b.max_pair);
  EXPECT_EQ(a.histogram, b.histogram);
  EXPECT_EQ(std::accumulate(a.histogram.begin(), a.histogram.end(), uint64_t{0}), a.rows * (a.rows - 1) / 2);
  for (size_t i = 0; i < a.nearest.size(); ++i) {
    ASSERT_EQ(a.nearest[i].has_value(), b.nearest[i].has_value());
    ASSERT_EQ(a.nearest[i].has_value(), i % 17 != 5);
    if (a.nearest[i]) {
      EXPECT_EQ(a.nearest[i]->row, b.nearest[i]->row);
    }
  }
  EXPECT_EQ(overlap(source, some, one).mean_abs, overlap(source, some, five).mean_abs);
  EXPECT_EQ(crowding(source, true, one), crowding(source, true, five));
  EXPECT_EQ(spectrum(source, one).singular_values, spectrum(source, five).singular_values);

  // A sample of pairs is within its standard error of all of them (5 of them: 6e-7 for a normal error).
  OverlapOptions plain = exact;
  plain.centered = false;
  const Overlap all = overlap(source, plain, five), sampled = overlap(source, some, five);
  EXPECT_TRUE(sampled.sampled);
  EXPECT_LT(std::abs(*sampled.mean_abs - *all.mean_abs), 5 * sampled.mean_abs_se);
  EXPECT_NEAR(sampled.mean_abs_se, *all.std_abs / std::sqrt(30000), 0.03 * sampled.mean_abs_se);
}

TEST(Streamed, all_pairs_are_those_of_the_double_loop) {
  ThreadPool pool(2);
  for (const size_t n : {2u, 3u, 191u, 192u, 193u, 385u, 500u}) {
    for (const size_t m : {1u, 2u, 17u, 64u, 300u}) {
      Matrix<float> W = to_float(gaussian(n, m, n * m));
      const Matrix<double> U = unit_rows(W);
      const auto source = rows_of(W);
      const PairTotals all = all_pairs(UnitReader(source), 0.1, 10, pool);
      double sum = 0, squares = 0;
      std::vector<double> best(n, -1);
      for (size_t i = 0; i < n; ++i) {
        for (size_t j = i + 1; j < n; ++j) {
          const double c = std::abs(dot(U.row(i), U.row(j)));
          sum += c, squares += c * c;
          best[i] = std::max(best[i], c), best[j] = std::max(best[j], c);
        }
      }
      const double pairs = pairs_of(n);
      EXPECT_NEAR(all.moments.mean(), sum / pairs, 1e-6) << n << "x" << m;
      EXPECT_NEAR(all.squares, squares, 1e-6 * squares + 1e-12);
      EXPECT_EQ(std::accumulate(all.counts.begin(), all.counts.end(), uint64_t{0}), static_cast<uint64_t>(pairs));
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(all.best[i], best[i], 1e-6);
        ASSERT_NE(all.partner[i], i);
        ASSERT_NEAR(std::abs(dot(U.row(i), U.row(all.partner[i]))), best[i], 1e-6);
      }
    }
  }
}

TEST(Streamed, equal_overlaps_have_no_spread) {
  ThreadPool pool(2);
  for (const size_t m : {2u, 40u, 200u}) {
    const Matrix<float> W = to_float(simplex(m));
    const auto source = rows_of(W);
    const PairTotals all = all_pairs(UnitReader(source), 1 / static_cast<double>(m), 0, pool);
    EXPECT_NEAR(all.moments.mean(), 1 / static_cast<double>(m), 1e-7);
    EXPECT_LT(std::sqrt(all.moments.variance()), 1e-6);
  }
}

TEST(Streamed, rows_of_hostile_length_keep_their_direction) {
  ThreadPool pool(2);
  const Matrix<double> W = gaussian(400, 30, 2);
  Matrix<double> scaled = W;
  Matrix<float> floats = to_float(W);
  for (size_t i = 0; i < 400; ++i) {
    const double decade = static_cast<double>(i % 61) - 30;
    for (auto& x : scaled.row(i)) x *= std::pow(10, decade * 10);
    for (auto& x : floats.row(i)) x *= static_cast<float>(std::pow(10, decade));
  }
  const double want = *overlap(view(W)).mean_square;
  const MatrixRows<double> a(scaled.view());
  const MatrixRows<float> b(floats.view());
  for (const RowSource* source : {static_cast<const RowSource*>(&a), static_cast<const RowSource*>(&b)}) {
    const UnitGram units = unit_gram(UnitReader(*source), true, pool);
    EXPECT_EQ(units.chosen.size(), 400u);
    EXPECT_NEAR(0.5 * (sum_of_squares(*units.gram) - units.fourths) / pairs_of(400), want, 1e-6 * want);
    EXPECT_NEAR(all_pairs(UnitReader(*source), 0, 0, pool).squares / pairs_of(400), want, 1e-6 * want);
  }
}

TEST(Streamed, rows_equal_to_their_mean_leave_the_centred_overlap) {
  ThreadPool pool(2);
  Matrix<float> same(5000, 3);
  for (size_t i = 0; i < 5000; ++i) same(i, 0) = 0.1f, same(i, 1) = 1.0f / 3, same(i, 2) = -7.7f;
  UnitReader reader{rows_of(same)};
  const auto source = rows_of(same);
  reader = UnitReader(source);
  reader.center(pool);
  EXPECT_TRUE(unit_gram(reader, true, pool).chosen.empty());
}

class Broken : public RowSource {
 public:
  Broken() : RowSource(20000, 400) {}
  void read(size_t begin, size_t count, float* out) const override {
    if (begin + count > 12345) throw Error(ErrorKind::bad_file, "element 12345");
    std::fill_n(out, count * cols(), 1.0f);
  }
  void read(size_t, size_t, double*) const override { throw Error(ErrorKind::bad_file, "not asked for"); }
};

TEST(Streamed, errors_of_the_source_pass_through) {
  ThreadPool pool(2);
  const Broken broken;
  EXPECT_THROW(overlap(broken, {}, pool), Error);
  EXPECT_THROW(spectrum(broken, pool), Error);
  EXPECT_THROW(crowding(broken, false, pool), Error);
  EXPECT_THROW(row_norms(broken, pool), Error);
}

TEST(Streamed, nothing_and_one_row) {
  ThreadPool pool(2);
  for (const auto& W : {Matrix<float>(0, 3), Matrix<float>(3, 0), Matrix<float>(4, 3), to_float(from_rows({{1, 2}}))}) {
    const auto source = rows_of(W);
    EXPECT_FALSE(overlap(source, {}, pool).mean_square);
    for (const auto& c : crowding(source, false, pool)) EXPECT_FALSE(c);
    EXPECT_TRUE(duplicate_rows(source, pool).empty());
    EXPECT_FALSE(baselines(source, {}, pool).plain.mean_square);
    spectrum(source, pool);
  }
}

TEST(Spectrum, streamed_agrees_with_double) {
  ThreadPool pool(2);
  const Matrix<float> W = head(30000, 600, 3);  // 1.1e10 operations: the float32 way
  const Spectrum got = spectrum(rows_of(W), pool);
  const auto want = singular_values_by_gram(view(W), 1.0);
  ASSERT_EQ(got.singular_values.size(), want.size());
  for (size_t k = 0; k < want.size(); ++k) {
    EXPECT_NEAR(got.singular_values[k], want[k], 1e-8 * want[0] * want[0] / want[k]) << k;
  }
  double sum = 0, squares = 0, fourths = 0, entropy = 0, of_squares = 0;
  for (const double s : want) sum += s, squares += s * s, fourths += s * s * s * s;
  for (const double s : want) {
    entropy -= s / sum * std::log(s / sum), of_squares -= s * s / squares * std::log(s * s / squares);
  }
  EXPECT_NEAR(*got.effective_rank / std::exp(entropy), 1, 1e-6);
  EXPECT_NEAR(*got.participation_ratio / (squares * squares / fourths), 1, 1e-6);
  EXPECT_NEAR(*got.eigenvalue_effective_rank / std::exp(of_squares), 1, 1e-6);
  EXPECT_NEAR(*got.stable_rank / (squares / (want[0] * want[0])), 1, 1e-6);
}

TEST(Spectrum, streamed_rounding_does_not_pass_for_a_direction) {
  // 20 directions in 600 columns.
  const Matrix<double> A = gaussian(30000, 20, 1), B = gaussian(20, 600, 2);
  const Matrix<float> W = to_float(product(A, B));
  ThreadPool pool(2);
  const Spectrum s = spectrum(rows_of(W), pool);
  for (size_t k = 0; k < 600; ++k) EXPECT_EQ(s.singular_values[k] > 0, k < 20) << k << " " << s.singular_values[k];
}

TEST(Spectrum, leading_eigenvectors_of_both_ways_span_the_same_directions) {
  for (const size_t m : {60u, 1100u}) {  // the larger one by Krylov iteration
    const Matrix<double> Q = rotation(m, 7);
    UpperMatrix G(m);
    const size_t top = 6;
    for (size_t a = 0; a < m; ++a) {
      for (size_t b = a; b < m; ++b) {
        double sum = a == b ? 1 : 0;
        for (size_t k = 0; k < top; ++k) sum += (20.0 - 2 * static_cast<double>(k)) * Q(k, a) * Q(k, b);
        G.row(a)[b] = sum;
      }
    }
    const Matrix<double> V = leading_eigenvectors(G.data(), m, top);
    for (size_t k = 0; k < top; ++k) {
      double along = 0;
      for (size_t j = 0; j < m; ++j) along += V(j, k) * Q(k, j);
      EXPECT_NEAR(std::abs(along), 1, 1e-9) << m << " " << k;
    }
  }
}

}  // namespace
}  // namespace superpose::geometry
