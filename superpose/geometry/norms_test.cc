// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/shapes_test.h"

namespace superpose::geometry {
namespace {

TEST(RowNorms, are_right_at_every_magnitude) {
  for (const double scale : {1e-320, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e307}) {
    const Matrix<double> W = from_rows({{3 * scale, 4 * scale}, {0, 0}, {-scale, 0}});
    const auto norms = row_norms(view(W));
    EXPECT_NEAR(norms[0] / (5 * scale), 1, scale < 1e-300 ? 1e-3 : 1e-15);
    EXPECT_EQ(norms[1], 0);
    EXPECT_EQ(norms[2], scale);
  }
  const Matrix<float> F = to_float(from_rows({{3e30, 4e30}, {3e-30, 4e-30}, {3e-42, 4e-42}}));
  EXPECT_NEAR(row_norms(view(F))[0], 5e30, 5e23);
  EXPECT_NEAR(row_norms(view(F))[1], 5e-30, 5e-37);
  EXPECT_NEAR(row_norms(view(F))[2], 5e-42, 5e-45);
  for (size_t m = 0; m < 9; ++m) {  // every remainder of the unrolled loop
    Matrix<double> ones(1, m);
    for (auto& x : ones.row(0)) x = 1;
    EXPECT_DOUBLE_EQ(row_norms(view(ones))[0], std::sqrt(static_cast<double>(m)));
  }
}

TEST(NormSummary, uses_population_deviation_and_interpolated_quantiles) {
  std::vector<double> norms;
  for (int i = 100; i >= 0; --i) norms.push_back(i);
  const NormSummary s = summarize_norms(norms);
  EXPECT_DOUBLE_EQ(s.mean, 50);
  EXPECT_DOUBLE_EQ(s.std, std::sqrt((101.0 * 101 - 1) / 12));  // of 0..100
  EXPECT_EQ(s.min, 0);
  EXPECT_EQ(s.max, 100);
  ASSERT_EQ(s.quantiles.size(), std::size(kQuantiles));
  for (size_t k = 0; k < s.quantiles.size(); ++k) EXPECT_NEAR(s.quantiles[k], 100 * kQuantiles[k], 1e-12);
  EXPECT_DOUBLE_EQ(summarize_norms(std::vector<double>{1, 2}).quantiles[3], 1.5);
  EXPECT_DOUBLE_EQ(summarize_norms(std::vector<double>{1, 2}).quantiles[0], 1.01);
}

TEST(NormSummary, of_nothing_one_and_extremes) {
  EXPECT_TRUE(summarize_norms({}).quantiles.empty());
  const NormSummary one = summarize_norms(std::vector<double>{7});
  EXPECT_EQ(one.mean, 7);
  EXPECT_EQ(one.std, 0);
  EXPECT_EQ(one.quantiles, std::vector<double>(std::size(kQuantiles), 7));
  const NormSummary huge = summarize_norms(std::vector<double>{1e300, 3e300});
  EXPECT_DOUBLE_EQ(huge.mean, 2e300);
  EXPECT_DOUBLE_EQ(huge.std, 1e300);
  EXPECT_EQ(summarize_norms(std::vector<double>(1000, 0.1)).std, 0) << "equal norms have no spread, to the last bit";
}

TEST(RepresentedFraction, is_strictly_above_the_threshold) {
  const std::vector<double> norms{0.5, 0.500001, 1, 1.2, 0};
  EXPECT_DOUBLE_EQ(represented_fraction(norms, 0.5), 0.6);
  EXPECT_DOUBLE_EQ(represented_fraction(norms, 1), 0.2);
  EXPECT_EQ(represented_fraction({}, 0.5), 0);
}

TEST(UnlearnedLoss, sums_the_frequency_of_what_is_not_represented) {
  // Two of four features are left out: 4/3 · (0.2 + 0.1).
  EXPECT_NEAR(unlearned_loss(std::vector<double>{1, 0.9, 0.5, 0}, std::vector<double>{0.4, 0.3, 0.2, 0.1}), 0.4, 1e-15);
  EXPECT_EQ(unlearned_loss({}, {}), 0);
}

}  // namespace
}  // namespace superpose::geometry
