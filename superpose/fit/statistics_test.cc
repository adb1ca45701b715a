// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/statistics.h"
#include "superpose/fit/fit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace superpose::fit {
namespace {

// Printed tables of Student's t, two-sided 95 %.
TEST(StudentT, agrees_with_printed_tables) {
  EXPECT_NEAR(student_t_95(1), 12.7062047, 1e-6);
  EXPECT_NEAR(student_t_95(2), 4.30265273, 1e-7);
  EXPECT_NEAR(student_t_95(4), 2.77644511, 1e-7);
  EXPECT_NEAR(student_t_95(10), 2.22813885, 1e-7);
  EXPECT_NEAR(student_t_95(90), 1.98667454, 1e-7);
  EXPECT_NEAR(student_t_95(1e5), 1.95998770, 1e-7);
  EXPECT_NEAR(student_t_95(1e9), 1.95996398, 1e-7);
}

// One degree of freedom is Cauchy: P(|T| <= t) = 2·atan(t)/π. Two: t/sqrt(2 + t²).
TEST(StudentT, has_its_closed_forms) {
  for (const double t : {0.0, 0.1, 1.0, 3.0, 40.0}) {
    EXPECT_NEAR(student_t_central(t, 1), 2 * std::atan(t) / M_PI, 1e-14);
    EXPECT_NEAR(student_t_central(t, 2), t / std::sqrt(2 + t * t), 1e-14);
  }
}

TEST(Quantile, interpolates_between_order_statistics) {
  std::vector<double> v{4, 1, 3, 2};
  EXPECT_EQ(quantile(v, 0), 1);
  EXPECT_EQ(quantile(v, 1), 4);
  EXPECT_EQ(quantile(v, 0.5), 2.5);
  EXPECT_NEAR(quantile(v, 0.1), 1.3, 1e-15);
}

TEST(Aicc, is_absent_when_it_has_no_meaning) {
  EXPECT_FALSE(aicc(1, 4, 2));  // n - k - 1 = 0
  EXPECT_FALSE(aicc(0, 10, 2));
  EXPECT_FALSE(aicc(INFINITY, 10, 2));
  // n = 10, rss = 10/(2π): n·ln 1 + n + 2·3 + 24/6
  EXPECT_NEAR(*aicc(10 / (2 * M_PI), 10, 2), 10 + 6 + 4, 1e-12);
}

}  // namespace
}  // namespace superpose::fit
