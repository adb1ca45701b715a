// SPDX-License-Identifier: Apache-2.0
#include "superpose/optimizer/optimizer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "superpose/base/aligned.h"

namespace superpose::optimizer {
namespace {

TEST(Schedule, warms_up_to_the_peak_and_ends_exactly_at_the_floor) {
  const Schedule s{0.01, 20000, 0.1, 0.05};
  EXPECT_DOUBLE_EQ(learning_rate(s, 0), 0.01 / 2000);
  EXPECT_DOUBLE_EQ(learning_rate(s, 999), 0.005);
  EXPECT_DOUBLE_EQ(learning_rate(s, 1999), 0.01);             // t = w: the top of the cosine
  EXPECT_NEAR(learning_rate(s, 10999), 0.01 * 0.525, 1e-15);  // half way: the mean of peak and floor
  EXPECT_NEAR(learning_rate(s, 19999), 0.0005, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate({1, 1, 0, 1}, 0), 1);
  EXPECT_TRUE(std::isfinite(learning_rate({1, 1, 1, 0}, 0)));  // warm-up as long as the run
}

TEST(Dial, factors_of_both_signs) {
  EXPECT_DOUBLE_EQ(decay_factor(0.5, 0.01, 3), 0.995);
  EXPECT_NEAR(decay_factor(-1, 0.01, 1), 1, 1e-9);        // a unit row stays (the 1e-8 in r is why it is not exact)
  EXPECT_NEAR(decay_factor(-1, 0.01, 2), 0.995, 1e-9);    // a long row shrinks
  EXPECT_NEAR(decay_factor(-1, 0.01, 0.5), 1.01, 1e-9);   // a short row grows
  EXPECT_TRUE(std::isfinite(decay_factor(-1, 0.01, 0)));  // a zero row
}

// W = (3, 4), g = (0.1, -0.2), γ = -1, η = 0.01, first step: by hand
//   r = 5: factor 1 - 0.01·(1 - 1/5) = 0.992 -> (2.976, 3.968)
//   m̂ = g and v̂ = g², so the Adam step is η·sign(g) up to ε: (2.966, 3.978)
// second step, g = (0.1, 0.2):
//   r = |(2.966, 3.978)| = 4.96209...; m = 0.9·0.1g + 0.1g; m̂ = (0.1, 0.2·(0.1 - 0.09)/0.19); v̂ = (0.01, 0.04)
void check_two_steps_with_growth(const std::function<void(double*, const double*, int)>& step) {
  double W[2] = {3, 4};
  const double g1[2] = {0.1, -0.2}, g2[2] = {0.1, 0.2};
  step(W, g1, 0);
  EXPECT_NEAR(W[0], 2.976 - 0.01, 1e-6);
  EXPECT_NEAR(W[1], 3.968 + 0.01, 1e-6);
  const double r = std::hypot(2.966, 3.978);
  const double factor = 1 - 0.01 * (1 - 1 / r);
  step(W, g2, 1);
  EXPECT_NEAR(W[0], 2.966 * factor - 0.01, 1e-6);
  EXPECT_NEAR(W[1], 3.978 * factor - 0.01 * (0.01 / 0.19), 1e-6);
}

TEST(AdamW, reference_reproduces_hand_computed_steps_with_growth) {
  double m[2] = {}, v[2] = {};
  check_two_steps_with_growth([&](double* W, const double* g, int t) {
    adamw_reference({W, 1, 2}, {g, 1, 2}, {m, 1, 2}, {v, 1, 2}, -1, adam_step(0.01, t), 0.01);
  });
}

TEST(AdamW, fast_reproduces_hand_computed_steps_with_growth) {
  AlignedVector<float> W(16), g(16), m(16), v(16);
  check_two_steps_with_growth([&](double* w, const double* gradient, int t) {
    for (int k = 0; k < 2; ++k) W[k] = static_cast<float>(w[k]), g[k] = static_cast<float>(gradient[k]);
    adamw_fast({W.data(), g.data(), m.data(), v.data(), 16}, 0, 1, -1, adam_step(0.01, t), 0.01);
    for (int k = 0; k < 2; ++k) w[k] = W[k];
    for (int k = 2; k < 16; ++k) EXPECT_EQ(W[k], 0.0f) << "padding must stay zero";
  });
}

TEST(AdamW, decay_is_decoupled_and_uses_the_weight_before_the_step) {
  double W[1] = {2}, g[1] = {0.5}, m[1] = {}, v[1] = {};
  adamw_reference({W, 1, 1}, {g, 1, 1}, {m, 1, 1}, {v, 1, 1}, 0.5, adam_step(0.01, 0), 0.01);
  EXPECT_NEAR(W[0], 2 * (1 - 0.5 * 0.01) - 0.01, 1e-8);  // not 2 - 0.01·sign(g + decay·W)
  double still[1] = {2}, zero[1] = {0}, m0[1] = {}, v0[1] = {};
  adamw_reference({still, 1, 1}, {zero, 1, 1}, {m0, 1, 1}, {v0, 1, 1}, 0, adam_step(0.01, 0), 0.01);
  EXPECT_EQ(still[0], 2.0);  // no gradient, no decay: no move, and no 0/0
}

TEST(Schedule, shapes_at_their_corners) {
  // T = 100, warm-up 20: t = 20 is the peak, 80 steps remain.
  const auto rate = [](const char* name, int64_t step) {
    return learning_rate({2, 100, 0.2, 0.1, schedule_shape(name)}, step);
  };
  for (const auto& name : schedule_names()) {
    EXPECT_DOUBLE_EQ(rate(name.c_str(), 0), 0.1) << name;   // 2·1/20
    EXPECT_DOUBLE_EQ(rate(name.c_str(), 19), 2.0) << name;  // the peak
    EXPECT_TRUE(std::isfinite(learning_rate({1, 1, 1, 0, schedule_shape(name)}, 0))) << name;
  }
  EXPECT_DOUBLE_EQ(rate("constant", 99), 2);
  EXPECT_NEAR(rate("linear", 59), 2 * 0.55, 1e-14);  // half way between 1 and 0.1
  EXPECT_NEAR(rate("linear", 99), 0.2, 1e-14);
  EXPECT_DOUBLE_EQ(rate("wsd", 83), 2);           // t = 84: 80 % of the 80 steps are done
  EXPECT_NEAR(rate("wsd", 91), 2 * 0.55, 1e-14);  // half of the decay
  EXPECT_NEAR(rate("wsd", 99), 0.2, 1e-14);
  EXPECT_NEAR(rate("cosine", 99), 0.2, 1e-14);
}

// Two steps of a rule from W = 2, 0 under the dial, in double and in float: {W after step 1, W after step 2}.
std::array<double, 4> two_steps(const char* name, bool in_float, double gamma, double momentum = 0.9) {
  const Rule& rule = find_rule(name);
  const double gradients[2][2] = {{0.5, -1}, {-0.25, 2}};
  std::array<double, 4> out{};
  double W[2] = {2, 0}, s1[2] = {}, s2[2] = {};
  AlignedVector<float> w(16), g(16), f1(16), f2(16);
  w[0] = 2;
  for (int step = 0; step < 2; ++step) {
    const Update update{gamma, 0.1, step, momentum};
    if (in_float) {
      for (int k = 0; k < 2; ++k) g[k] = static_cast<float>(gradients[step][k]);
      rule.fast(update, {w.data(), g.data(), f1.data(), f2.data(), 16}, 0, 1);
      for (int k = 2; k < 16; ++k) EXPECT_EQ(w[k], 0.0f) << "padding must stay zero";
    } else {
      rule.reference(update, {W, 1, 2}, {gradients[step], 1, 2}, {s1, 1, 2}, {s2, 1, 2});
    }
    for (int k = 0; k < 2; ++k) out[2 * step + k] = in_float ? w[k] : W[k];
  }
  return out;
}

TEST(Sgd, reproduces_hand_computed_steps) {
  for (const bool in_float : {false, true}) {
    // s = g; W = 2 - .05, 0.1.  s = .9·(.5, -1) + (-.25, 2) = (.2, 1.1); W = 1.95 - .02, .1 - .11
    const auto plain = two_steps("sgd", in_float, 0);
    const double expected[4] = {1.95, 0.1, 1.93, -0.01};
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(plain[k], expected[k], 1e-6) << k;
    // γ = 1: each step first times 1 - .1.
    const auto decayed = two_steps("sgd", in_float, 1, 0);
    EXPECT_NEAR(decayed[0], 1.8 - 0.05, 1e-6);
    EXPECT_NEAR(decayed[2], 1.75 * 0.9 + 0.025, 1e-6);
  }
}

TEST(Lion, reproduces_hand_computed_steps) {
  for (const bool in_float : {false, true}) {
    // signs of .1 g, then of .9·.01·(.5, -1) + .1·(-.25, 2) = (-.0205, .191)
    const auto plain = two_steps("lion", in_float, 0);
    const double expected[4] = {1.9, 0.1, 2.0, 0.0};
    for (int k = 0; k < 4; ++k) EXPECT_NEAR(plain[k], expected[k], 1e-6) << k;
    // γ = -1 on a row of norm 2: 2·(1 - .1·(1 - 1/2)) = 1.9, then the step.
    EXPECT_NEAR(two_steps("lion", in_float, -1)[0], 1.8, 1e-6);
  }
}

TEST(Rules, leave_a_row_without_gradient_alone_and_adamw_is_the_first) {
  EXPECT_EQ(rule_names().front(), "adamw");
  for (const auto& name : rule_names()) {
    double W[1] = {2}, g[1] = {0}, s1[1] = {}, s2[1] = {};
    find_rule(name).reference({0, 0.1, 0}, {W, 1, 1}, {g, 1, 1}, {s1, 1, 1}, {s2, 1, 1});
    EXPECT_EQ(W[0], 2.0) << name;
  }
}

}  // namespace
}  // namespace superpose::optimizer
