// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "superpose/toy/toy.h"

namespace superpose::toy {
namespace {

Resolved model(int64_t n, int64_t m, double density, const char* law = "power:1") {
  Config c;
  c.features = n, c.dim = m, c.density = density, c.law = law, c.seed = 3;
  return resolve(c);
}

TEST(FeatureLosses, of_a_model_that_answers_a_constant_are_known) {
  const Resolved run = model(40, 3, 2.0);
  const Matrix<float> W(40, 3);
  std::vector<float> b;
  for (const double p : run.law.probability) b.push_back(static_cast<float>(p));  // the best constant, p<v>
  const FeatureLosses best = feature_losses(run, W.view(), b);
  for (size_t i = 0; i < 40; ++i) {
    const double p = run.law.probability[i];
    EXPECT_NEAR(best.ignored[i], 4.0 / 3 * p - p * p, 1e-12);
    EXPECT_NEAR(best.loss[i], best.ignored[i], 2e-3 * p);  // only v is random, and it is stratified
    EXPECT_FALSE(best.resolved(i));
  }
  std::fill(b.begin(), b.end(), -1.0f);
  const FeatureLosses silent = feature_losses(run, W.view(), b);
  EXPECT_NEAR(silent.total, 4.0 / 3 * 2, 5e-3);
  EXPECT_EQ(silent.resolved_count(), 0u);
  EXPECT_EQ(silent.ratio[0], 0);
}

TEST(FeatureLosses, vanish_for_an_orthonormal_model) {
  const Resolved run = model(8, 8, 4.0);
  Matrix<float> W(8, 8);
  for (size_t i = 0; i < 8; ++i) W(i, i) = 1;
  const FeatureLosses f = feature_losses(run, W.view(), std::vector<float>(8));
  EXPECT_LT(f.total, 1e-9);
  EXPECT_EQ(f.resolved_count(), 8u);
  EXPECT_TRUE(std::isinf(f.ratio[0]));
}

// Two features on one direction: each output is v_1 + v_2, so each loses exactly the other's power. A feature that was
// not taken out of its own background would show.
TEST(FeatureLosses, of_two_features_that_share_a_direction_are_each_others_power) {
  const Resolved run = model(2, 1, 0.9);
  Matrix<float> W(2, 1);
  W(0, 0) = W(1, 0) = 1;
  const FeatureLosses f = feature_losses(run, W.view(), std::vector<float>(2));
  const double p1 = run.law.probability[0], p2 = run.law.probability[1];  // .6, .3
  // 4096 backgrounds; 5 standard errors: a false alarm in 10^6, and the seed is fixed.
  EXPECT_NEAR(f.loss[0], 4.0 / 3 * p2, 5 * f.se[0]);
  EXPECT_NEAR(f.loss[1], 4.0 / 3 * p1, 5 * f.se[1]);
  EXPECT_LT(f.se[0], 0.03);
  EXPECT_FALSE(f.resolved(1));
  // On: <(v_1 + x_2)²> = 4/3 + 2 p2 + 4/3 p2; off: <x_2²>.
  EXPECT_NEAR(f.ratio[0], p1 * (4.0 / 3 + 2 * p2 + 4.0 / 3 * p2) / ((1 - p1) * 4.0 / 3 * p2), 0.3);
}

// Σ L_i against the loss over 100 fresh batches, from trained models in both regimes; and each L_i of a frequent
// feature against a plain simulation.
TEST(FeatureLosses, add_up_to_the_loss_and_agree_with_plain_simulation) {
  for (const double decay : {-1.0, 0.5}) {
    for (const double density : {1.0, 5.0}) {
      Config c;
      c.features = 120, c.dim = 12, c.density = density, c.decay = decay, c.steps = 1500, c.batch = 256, c.seed = 11;
      const Resolved run = resolve(c);
      const Result trained = train(run);
      const FeatureLosses f = feature_losses(run, trained.W.view(), trained.b);
      // 5 standard errors of both: a false alarm in 10^6 for each of the four, and the seeds are fixed.
      EXPECT_NEAR(f.total, *trained.eval_loss, 5 * std::hypot(f.total_se, *trained.eval_loss_se)) << decay << density;
      EXPECT_LT(f.total_se, 0.03 * f.total);
      double sum = 0;
      for (const double x : f.loss) sum += x;
      EXPECT_NEAR(sum, f.total, 1e-9 * sum);

      constexpr uint32_t kSamples = 20000;
      features::Batch batch;
      features::Sampler(run.law).draw(77, RandomStream::fresh_data, 5, kSamples, batch);
      Matrix<double> x(kSamples, 120);
      for (size_t a = 0; a < batch.active.size(); ++a) {
        for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e)
          x(batch.sample[e], batch.active[a]) = batch.value[e];
      }
      for (const size_t i : {0u, 3u, 20u}) {
        double mean = 0, square = 0;
        for (uint32_t s = 0; s < kSamples; ++s) {
          double z = trained.b[i];
          for (size_t k = 0; k < 12; ++k) {
            double h = 0;
            for (size_t j = 0; j < 120; ++j) h += x(s, j) * trained.W(j, k);
            z += h * trained.W(i, k);
          }
          const double error = std::max(0.0, z) - x(s, i);
          mean += error * error / kSamples, square += error * error * error * error / kSamples;
        }
        const double se = std::sqrt((square - mean * mean) / kSamples);
        EXPECT_NEAR(f.loss[i], mean, 5 * std::hypot(se, f.se[i])) << i << " " << decay << " " << density;
      }
    }
  }
}

TEST(FeatureLosses, of_rare_features_are_as_well_known_as_those_of_frequent_ones) {
  const Resolved run = model(1000, 2, 1.0, "power:2");
  Matrix<float> W(1000, 2);
  for (size_t i = 0; i < 1000; ++i) W(i, i % 2) = 0.5f;
  const FeatureLosses f = feature_losses(run, W.view(), std::vector<float>(1000, -0.2f));
  EXPECT_LT(run.law.probability[999], 1e-6);
  EXPECT_LT(f.se[999], 0.1 * f.loss[999]);
}

TEST(FeatureLosses, do_not_depend_on_how_many_features_fill_a_block_and_are_reproducible) {
  const Resolved run = model(300, 4, 3.0);  // 256 and 44
  const auto W64 = initial_weights(run.config);
  Matrix<float> W(300, 4);
  std::transform(W64.data(), W64.data() + 1200, W.data(), [](double x) { return static_cast<float>(x); });
  const std::vector<float> b(300, -0.1f);
  const FeatureLosses one = feature_losses(run, W.view(), b, 500), two = feature_losses(run, W.view(), b, 500);
  EXPECT_EQ(one.loss, two.loss);
  EXPECT_EQ(one.samples, 500u);
  const FeatureLosses more = feature_losses(run, W.view(), b, 4000);
  // Features on both sides of the block's edge.
  for (const size_t i : {255u, 256u, 299u})
    EXPECT_NEAR(one.loss[i], more.loss[i], 5 * std::hypot(one.se[i], more.se[i]));
}

}  // namespace
}  // namespace superpose::toy
