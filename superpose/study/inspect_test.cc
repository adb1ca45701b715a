// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "superpose/base/philox.h"

namespace superpose::study {
namespace {

Matrix<double> gaussian(size_t n, size_t m, uint64_t seed, double scale = 1) {
  Matrix<double> W(n, m);
  for (size_t i = 0; i < n; ++i) {
    RandomBlocks random(seed, RandomStream::init_weights, static_cast<uint32_t>(i));
    for (auto& x : W.row(i)) x = scale * normal_pair(random.next())[0];
  }
  return W;
}

void set_norm(std::span<double> row, double norm) {
  const double old = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
  for (auto& x : row) x *= norm / old;
}

// Random directions, each row as long as norm(i) says.
Matrix<double> with_norms(size_t n, size_t m, const std::function<double(size_t)>& norm) {
  Matrix<double> W = gaussian(n, m, 11);
  for (size_t i = 0; i < n; ++i) set_norm(W.row(i), norm(i));
  return W;
}

// What a trained head looks like: some directions carry more variance, and rare tokens are shorter.
Matrix<double> trained_head(size_t n, size_t m) {
  Matrix<double> W = gaussian(n, m, 12);
  for (size_t i = 0; i < n; ++i) {
    const double length = 1.3 - 0.6 * static_cast<double>(i) / static_cast<double>(n);
    for (size_t j = 0; j < m; ++j) W(i, j) *= length * std::exp(-1.5 * static_cast<double>(j) / static_cast<double>(m));
  }
  return W;
}

void add_to_rows(Matrix<double>& W, double shift) {
  for (size_t i = 0; i < W.rows(); ++i) {
    for (auto& x : W.row(i)) x += shift;
  }
}

Judgement judged(const Matrix<double>& W, std::string_view role) { return inspect_matrix(W.view(), role).judgement; }

#define EXPECT_REGIME(W, role, want)                                          \
  do {                                                                        \
    const Judgement found = judged(W, role);                                  \
    EXPECT_EQ(regime_name(found.regime), regime_name(want)) << found.because; \
  } while (0)

TEST(Verdict, toy_rows_that_keep_to_their_own_axes_are_no_superposition) {
  Matrix<double> W = gaussian(400, 20, 3, 1e-3);
  for (size_t i = 0; i < 20; ++i) W(i, i) += 1;
  EXPECT_REGIME(W, "toy", Regime::none);
  EXPECT_REGIME(W, "matrix", Regime::none);                        // the two modes show, whatever the tensor is called
  EXPECT_REGIME(gaussian(400, 20, 3, 1e-4), "toy", Regime::none);  // decay has removed every feature
}

TEST(Verdict, few_represented_toy_rows_with_two_norm_modes_are_weak) {
  for (const size_t represented : {15u, 30u, 60u}) {
    EXPECT_REGIME(with_norms(400, 20, [&](size_t i) { return i < represented ? 1.0 : 0.02; }), "toy", Regime::weak);
  }
  // The short rows all on one line, as decay leaves them: their direction says nothing.
  Matrix<double> W = with_norms(400, 20, [](size_t) { return 1.0; });
  for (size_t i = 30; i < 400; ++i) {
    for (size_t j = 0; j < 20; ++j) W(i, j) = j ? 1e-4 : 0.05;
  }
  EXPECT_REGIME(W, "toy", Regime::weak);
}

TEST(Verdict, many_represented_toy_rows_are_strong_though_they_overlap_like_random_ones) {
  EXPECT_REGIME(with_norms(1000, 50, [](size_t i) { return i % 3 ? 0.92 : 1.12; }), "toy", Regime::strong);
  EXPECT_REGIME(with_norms(1000, 50, [](size_t) { return 1.0; }), "toy", Regime::strong);
  Matrix<double> pentagon(5, 2);
  for (size_t i = 0; i < 5; ++i) {
    pentagon(i, 0) = std::cos(0.4 * M_PI * static_cast<double>(i));
    pentagon(i, 1) = std::sin(0.4 * M_PI * static_cast<double>(i));
  }
  EXPECT_REGIME(pentagon, "toy", Regime::strong);
}

TEST(Verdict, an_untrained_toy_is_not_mistaken_for_a_trained_one) {
  // The Kolmogorov-Smirnov limit alone has a false-alarm rate below 0.1 % per matrix; 12 matrices, fixed seeds.
  for (const size_t m : {5u, 10u, 50u, 100u}) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      EXPECT_REGIME(gaussian(1000, m, seed, 1 / std::sqrt(static_cast<double>(m))), "toy", Regime::cannot_tell);
    }
  }
}

TEST(Verdict, between_the_regimes_it_does_not_choose) {
  EXPECT_REGIME(with_norms(400, 20, [](size_t i) { return i < 280 ? 1.0 : 0.02; }), "toy", Regime::cannot_tell);
  EXPECT_REGIME(with_norms(30, 20, [](size_t i) { return i % 2 ? 0.9 : 1.1; }), "toy",
                Regime::cannot_tell);  // n = 1.5 m
}

TEST(Verdict, a_trained_head_is_strong_whatever_its_scale_and_common_direction) {
  for (const double scale : {1e-6, 1.0, 1e6}) {
    Matrix<double> W = trained_head(2000, 64);
    for (size_t i = 0; i < 2000; ++i) {
      for (auto& x : W.row(i)) x *= scale;
    }
    EXPECT_REGIME(W, "lm_head", Regime::strong);
    add_to_rows(W, 1.5 * scale);  // the plain overlap is now many times 1/m
    EXPECT_REGIME(W, "lm_head", Regime::strong);
  }
}

TEST(Verdict, a_billion_parameter_head_is_strong) {
  // Numbers of TinyLlama-1.1B's output matrix: 30/m as it stands, 2.6/m centred.
  Evidence e;
  e.n = e.represented = 32000, e.m = 2048;
  e.plain = e.plain_represented = 0.0148108619, e.centered = e.centered_represented = 0.0012865903;
  e.norm_spread = 0.1453 / 1.1091, e.independent_spread = 1 / std::sqrt(2 * 2048.0);
  EXPECT_EQ(judge(e).regime, Regime::strong) << judge(e).because;
}

TEST(Verdict, untrained_heads_of_either_initialisation_cannot_tell) {
  Matrix<double> uniform(3000, 48);
  for (size_t i = 0; i < 3000; ++i) {
    RandomBlocks random(4, RandomStream::init_weights, static_cast<uint32_t>(i));
    for (auto& x : uniform.row(i)) {
      const PhiloxBlock block = random.next();
      x = 0.1 * (uniform_open(block[0], block[1]) - 0.5);
    }
  }
  EXPECT_REGIME(uniform, "lm_head", Regime::cannot_tell);
  Matrix<double> W = gaussian(3000, 48, 5, 0.02);
  EXPECT_REGIME(W, "lm_head", Regime::cannot_tell);
  add_to_rows(W, 0.02);  // a common direction alone is no training
  EXPECT_REGIME(W, "lm_head", Regime::cannot_tell);
}

TEST(Verdict, rows_collapsed_onto_one_line_cannot_tell) {
  Matrix<double> W = trained_head(2000, 64);
  for (size_t i = 900; i < 2000; ++i) {
    for (size_t j = 0; j < 64; ++j) W(i, j) = 0.01 * W(i, j) + (j == 3 ? 0.7 : 0);
  }
  EXPECT_REGIME(W, "lm_head", Regime::cannot_tell);
  EXPECT_NE(judged(W, "lm_head").because.find("parallel"), std::string::npos);
}

// Nothing is left of them without the mean row, so there is no centred overlap to judge by.
TEST(Verdict, identical_rows_cannot_tell) {
  for (const char* role : {"lm_head", "toy"}) {
    Matrix<double> W(400, 8);
    for (size_t i = 0; i < 400; ++i) {
      for (size_t k = 0; k < 8; ++k) W(i, k) = 0.1 * static_cast<double>(k + 1);
    }
    EXPECT_EQ(judged(W, role).regime, Regime::cannot_tell) << role;
    EXPECT_NE(judged(W, role).because.find("alike"), std::string::npos) << judged(W, role).because;
  }
}

TEST(Verdict, no_more_rows_than_dimensions_force_nothing) {
  Matrix<double> W(20, 40);
  for (size_t i = 0; i < 20; ++i) W(i, i) = 2;
  EXPECT_REGIME(W, "lm_head", Regime::none);
  EXPECT_REGIME(trained_head(40, 40), "lm_head", Regime::cannot_tell);
  EXPECT_REGIME(trained_head(60, 40), "lm_head", Regime::cannot_tell);  // 1.5 rows per dimension
  Matrix<double> padded(500, 40);                                       // zero rows are not rows
  for (size_t i = 0; i < 20; ++i) padded(i, i) = 2;
  EXPECT_REGIME(padded, "lm_head", Regime::none);
}

TEST(Verdict, matrices_without_geometry_cannot_tell) {
  for (const auto& W : {Matrix<double>(0, 0), Matrix<double>(0, 4), Matrix<double>(4, 0), Matrix<double>(1, 4),
                        Matrix<double>(9, 4), gaussian(1, 4, 1), gaussian(30, 1, 1)}) {
    for (const auto role : {"toy", "lm_head", "matrix"}) {
      EXPECT_REGIME(W, role, Regime::cannot_tell);
      EXPECT_FALSE(judged(W, role).because.empty());
    }
  }
}

TEST(Verdict, always_says_why_without_NaN) {
  for (const auto& W : {Matrix<double>(9, 4), gaussian(50, 4, 1), trained_head(300, 10), gaussian(3, 9, 2)}) {
    const std::string text = judged(W, "lm_head").because;
    EXPECT_GT(text.size(), 20u);
    EXPECT_EQ(text.find("nan"), std::string::npos) << text;
    EXPECT_EQ(text.find("inf"), std::string::npos) << text;
  }
}

TEST(Inspect, reports_what_the_matrix_is_made_of) {
  Matrix<double> W(6, 2);  // four rows at right angles or opposite, one zero, one long
  W(0, 0) = 0.4, W(1, 1) = 0.6, W(2, 0) = -1, W(3, 1) = -1.5, W(5, 0) = 3;
  const MatrixReport r = inspect_matrix(std::as_const(W).view(), "matrix");
  EXPECT_EQ(r.n, 6u);
  EXPECT_EQ(r.m, 2u);
  EXPECT_EQ(r.zero_rows, 1u);
  EXPECT_DOUBLE_EQ(*r.phi_half, 4.0 / 6);
  EXPECT_DOUBLE_EQ(*r.phi_one, 2.0 / 6);
  EXPECT_DOUBLE_EQ(r.norm.mean, 6.5 / 6);
  EXPECT_DOUBLE_EQ(*r.random_mean_square, 0.5);
  EXPECT_DOUBLE_EQ(*r.welch_bound_mean_square, 4.0 / (2 * 5));
  EXPECT_NEAR(*r.overlap.mean_square, 4.0 / 10, 1e-14);  // three rows on one axis, two on the other
  EXPECT_NEAR(*r.overlap.max_abs, 1, 1e-14);
  EXPECT_EQ(r.overlap.rows, 5u);
}

TEST(Inspect, samples_pairs_of_large_matrices_and_keeps_the_mean_square_exact) {
  const Matrix<double> W = trained_head(600, 16);
  const MatrixReport all = inspect_matrix(W.view(), "lm_head");
  const MatrixReport some = inspect_matrix(W.view(), "lm_head", {.max_exact_pairs = 1000, .sampled_pairs = 20000});
  EXPECT_FALSE(all.overlap.sampled);
  EXPECT_TRUE(some.overlap.sampled);
  EXPECT_EQ(all.overlap.mean_square, some.overlap.mean_square);
  EXPECT_LT(std::abs(*all.overlap.mean_abs - *some.overlap.mean_abs),
            5 * some.overlap.mean_abs_se);  // 6e-7 for a normal z
  EXPECT_EQ(all.judgement.regime, some.judgement.regime);
}

TEST(Inspect, float_and_double_give_the_same_report) {
  const Matrix<double> W = trained_head(500, 24);
  Matrix<float> F(500, 24);
  std::transform(W.data(), W.data() + 500 * 24, F.data(), [](double x) { return static_cast<float>(x); });
  const MatrixReport a = inspect_matrix(W.view(), "lm_head"), b = inspect_matrix(std::as_const(F).view(), "lm_head");
  EXPECT_NEAR(*a.overlap.mean_square, *b.overlap.mean_square, 1e-8);
  EXPECT_NEAR(*a.effective_rank, *b.effective_rank, 1e-5);
  EXPECT_EQ(a.judgement.regime, b.judgement.regime);
}

TEST(InspectJson, writes_null_for_what_does_not_exist) {
  Inspection inspection;
  for (const auto& W : {Matrix<double>(0, 3), Matrix<double>(5, 3), Matrix<double>(3, 0)}) {
    inspection.matrices.push_back(inspect_matrix(W.view(), "matrix"));
  }
  const Json json = to_json(inspection);
  const Json &none = json["matrices"][0], &zero = json["matrices"][1], &flat = json["matrices"][2];
  EXPECT_TRUE(none["norm"]["mean"].is_null());
  EXPECT_TRUE(none["phi_half"].is_null());
  EXPECT_EQ(zero["norm"]["mean"], 0);
  EXPECT_EQ(zero["zero_rows"], 5);
  EXPECT_TRUE(flat["random_mean_square"].is_null());
  for (const Json& matrix : json["matrices"]) {
    for (const auto* key : {"mean_square", "mean_abs", "mean_abs_se", "std_abs", "max_abs"}) {
      EXPECT_TRUE(matrix["overlap"][key].is_null()) << key;
    }
    EXPECT_TRUE(matrix["effective_rank"].is_null());
    EXPECT_EQ(matrix["verdict"], "cannot_tell");
  }
}

TEST(Histogram, counts_every_value_once) {
  const std::vector<double> values{0, 0.1, 0.25, 0.5, 0.999, 1};
  const Histogram h = histogram(values, 4);
  EXPECT_EQ(h.edges, (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(h.counts, (std::vector<size_t>{2, 1, 1, 2}));
  EXPECT_TRUE(histogram({}, 4).counts.empty());
  const Histogram equal = histogram(std::vector<double>(7, 0.3), 40);
  EXPECT_EQ(equal.counts, std::vector<size_t>{7});
  const Histogram close = histogram(std::vector<double>{1, std::nextafter(1.0, 2.0)}, 40);
  EXPECT_EQ(close.counts, std::vector<size_t>{2});
  const Histogram tiny = histogram(std::vector<double>{1e-310, 3e-310}, 3);
  EXPECT_EQ(std::accumulate(tiny.counts.begin(), tiny.counts.end(), size_t{0}), 2u);
}

}  // namespace
}  // namespace superpose::study
