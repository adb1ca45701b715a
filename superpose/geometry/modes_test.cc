// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/philox.h"
#include "superpose/geometry/geometry.h"

namespace superpose::geometry {
namespace {

// e^(center + spread·z).
void add_lognormal(std::vector<double>& out, size_t count, double center, double spread, uint64_t seed) {
  RandomBlocks random(seed, RandomStream::init_weights);
  for (size_t k = 0; k < count; ++k) out.push_back(center * std::exp(spread * normal_pair(random.next())[0]));
}

TEST(NormModes, one_gaussian_is_one_mode) {
  int two = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<double> norms;
    add_lognormal(norms, 3000, 3, 0.1, seed);
    const NormModes m = norm_modes(norms);
    EXPECT_NEAR(*m.bimodality_coefficient, 1.0 / 3, 0.04);
    two += m.two_modes;
  }
  EXPECT_EQ(two, 0);
}

TEST(NormModes, two_clear_modes_are_found_with_their_places_and_shares) {
  std::vector<double> norms;
  add_lognormal(norms, 700, 0.01, 0.3, 1);
  add_lognormal(norms, 300, 1.0, 0.05, 2);
  norms.push_back(0);  // takes no part
  const NormModes m = norm_modes(norms);
  EXPECT_TRUE(m.two_modes);
  EXPECT_GT(*m.bimodality_coefficient, 5.0 / 9);
  EXPECT_GT(*m.delta_bic, 1000);
  EXPECT_GT(*m.separation, 10);
  EXPECT_NEAR(m.low_share, 0.7, 1e-3);
  EXPECT_NEAR(m.low_center, 0.01, 0.001);
  EXPECT_NEAR(m.high_center, 1, 0.01);
  std::vector<double> scaled = norms;
  for (double& r : scaled) r *= 1e5;
  EXPECT_NEAR(*norm_modes(scaled).separation, *m.separation, 1e-6 * *m.separation);
}

TEST(NormModes, a_uniform_distribution_has_its_coefficient_and_no_two_modes) {
  std::vector<double> norms;
  for (int k = 0; k < 5000; ++k) norms.push_back(std::exp(k / 5000.0));
  const NormModes m = norm_modes(norms);
  EXPECT_NEAR(*m.bimodality_coefficient, 5.0 / 9, 1e-3);
}

TEST(NormModes, of_few_or_equal_norms_say_nothing) {
  EXPECT_FALSE(norm_modes(std::vector<double>{1, 2, 3}).delta_bic);
  EXPECT_FALSE(norm_modes(std::vector<double>(100, 2.5)).bimodality_coefficient);
  EXPECT_FALSE(norm_modes({}).two_modes);
  std::vector<double> points(50, 1.0);
  points.insert(points.end(), 50, 2.0);
  EXPECT_TRUE(norm_modes(points).two_modes) << "two points are two modes";
  EXPECT_NEAR(*norm_modes(points).bimodality_coefficient, 1, 0.1);
}

TEST(RankCorrelation, is_Spearmans_with_mean_ranks) {
  const std::vector<double> norms{1, 2, 3, 4, 5, 6}, up{10, 20, 30, 1000, 2000, 1e6};
  EXPECT_NEAR(*correlation(norms, up).spearman, 1, 1e-15);
  const std::vector<double> down{6, 5, 4, 3, 2, 1};
  EXPECT_NEAR(*correlation(norms, down).spearman, -1, 1e-15);
  // Ranks 1 2 3 4 and 1.5 1.5 3.5 3.5: ρ = 2/√5.
  const std::vector<double> x{1, 2, 3, 4}, y{1, 1, 2, 2};
  EXPECT_NEAR(*correlation(x, y).spearman, 2 / std::sqrt(5.0), 1e-15);
  // x = y² in logarithms: r = 1.
  const std::vector<double> squares{1, 4, 9, 16, 25, 36};
  EXPECT_NEAR(*correlation(norms, squares).pearson_log, 1, 1e-15);
  const std::vector<double> with_zeros{1, 0, 3, 4, 5, 6}, counts{1, 2, 3, 4, 0, 6};
  EXPECT_EQ(correlation(with_zeros, counts).rows, 4u);
  EXPECT_FALSE(correlation(std::vector<double>{1, 2}, std::vector<double>{1, 2}).spearman);
  EXPECT_FALSE(correlation(norms, std::vector<double>(6, 3.0)).spearman);
}

TEST(RankCorrelation, standard_error_is_that_of_independent_samples) {
  double squares = 0, stated = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    std::vector<double> a, b;
    add_lognormal(a, 100, 1, 1, 2 * seed);
    add_lognormal(b, 100, 1, 1, 2 * seed + 1);
    const RankCorrelation c = correlation(a, b);
    squares += *c.spearman * *c.spearman / 400;
    stated += *c.spearman_se / 400;
  }
  EXPECT_NEAR(std::sqrt(squares) / stated, 1, 0.18);  // χ² with 400 degrees: five deviations of its root
}

}  // namespace
}  // namespace superpose::geometry
