// SPDX-License-Identifier: Apache-2.0
#include "superpose/toy/cost.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cmath>

#include "superpose/base/error.h"

namespace superpose::toy {
namespace {

Config paper(double alpha, int64_t dim, double decay) {
  Config c;
  c.law = "power:" + std::to_string(alpha);
  c.dim = dim;
  c.decay = decay;
  return c;
}

double seconds_of(const Config& config) {
  const Resolved run = resolve(config);
  return predicted_seconds(run.config, run.law);
}
double bytes_of(const Config& config) {
  const Resolved run = resolve(config);
  return predicted_bytes(run.config, run.law);
}

TEST(FitNonNegative, recovers_costs_and_gives_no_negative_ones) {
  const Terms truth{1e-6, 0, 3e-9, 2e-10, 0, 1e-11, 5e-11, 0, 1e-9};
  std::vector<Terms> A;
  std::vector<double> y;
  for (int k = 0; k < 40; ++k) {
    Terms row{};
    double sum = 0;
    for (size_t t = 0; t < kTerms; ++t) {
      row[t] = std::exp(3 * std::sin(1.7 * k + 2.3 * static_cast<double>(t))) / (truth[t] > 0 ? truth[t] : 1e-9);
      sum += row[t] * truth[t];
    }
    A.push_back(row);
    y.push_back(sum);
  }
  const Terms found = fit_non_negative(A, y);
  for (size_t t = 0; t < kTerms; ++t) EXPECT_NEAR(found[t], truth[t], 1e-3 * std::max(truth[t], 1e-9)) << t;

  // y = x0 - x1 is best met by leaving x1 out.
  std::vector<Terms> B{{1, 1}, {2, 1}, {3, 1}};
  const Terms clipped = fit_non_negative(B, {0.5, 1.5, 2.5});
  EXPECT_EQ(clipped[1], 0);
  EXPECT_GT(clipped[0], 0);
}

TEST(PositiveShare, begins_at_half_and_falls_as_the_biases_travel) {
  for (const double decay : {-1.0, 0.0, 1.0}) {
    for (const double active : {0.01, 0.3, 1.0}) {
      // At the start z is symmetric about 0 for a single sample; a row of D takes the union over a few of them.
      EXPECT_GT(positive_share(0, decay, active, 1), 0.5);
      EXPECT_LT(positive_share(0, decay, active, 1), 0.65);
      double before = 1;
      for (double u = 0.5; u < 200; u *= 1.1) {
        const double q = positive_share(u, decay, active, 1);
        EXPECT_GT(q, 0);
        EXPECT_LE(q, before * 1.1) << u;  // weak superposition pauses on its way
        before = q;
        EXPECT_GE(positive_share(u, decay, active, 5), q);
        EXPECT_LE(positive_share(u, decay, active, 1000), 0.8);
      }
    }
  }
}

TEST(Workload, counts_are_those_of_batches_drawn) {
  const Resolved run = resolve(paper(1, 20, -1));
  const Workload load = workload(run.config, run.law);
  const features::Sampler sampler(run.law);
  features::Batch batch;
  double active = 0, entries = 0;
  constexpr int kDraws = 50;
  for (uint32_t k = 0; k < kDraws; ++k) {
    sampler.draw(1, RandomStream::training_data, k, 2048, batch);
    active += static_cast<double>(batch.active.size()) / kDraws;
    entries += static_cast<double>(batch.sample.size()) / kDraws;
  }
  EXPECT_NEAR(load.entries, 2048, 1e-6);
  EXPECT_NEAR(entries, load.entries, 5 * std::sqrt(2048.0 / kDraws));  // five standard errors, a false alarm in 10^6
  EXPECT_NEAR(active, load.active, 5 * std::sqrt(500.0 / kDraws));
  EXPECT_EQ(load.padded_dim, 32);
}

TEST(PredictedSeconds, grows_with_what_there_is_to_do) {
  Config c = paper(1, 39, -1);
  const double whole = seconds_of(c);
  EXPECT_GT(whole, 0);
  c.steps = 40000;
  EXPECT_GT(seconds_of(c), 1.5 * whole);
  EXPECT_LT(seconds_of(c), 2.2 * whole);
  c.steps = 1;
  EXPECT_LT(seconds_of(c), 0.1 * whole);
  EXPECT_GT(seconds_of(c), 0.01) << "100 batches of evaluation";
  EXPECT_GT(seconds_of(paper(1, 100, -1)), seconds_of(paper(1, 10, -1)));
  EXPECT_GT(seconds_of(paper(0, 39, -1)), 1.5 * seconds_of(paper(2, 39, -1)));
  c = paper(1, 39, -1);
  c.engine = "reference";
  EXPECT_GT(seconds_of(c), 5 * whole);
}

// In processor time, so that a busy machine matters less. A factor of two: that the terms are there, not the accuracy
// (bench/predicted_times.py measures that on an idle machine).
TEST(PredictedSeconds, is_about_what_short_runs_take) {
  for (Config c : {paper(1, 39, -1), paper(2, 100, 0.5), paper(0, 10, -1)}) {
    c.steps = 150;
    const Resolved run = resolve(c);
    const double predicted = predicted_seconds(run.config, run.law);
    timespec begin{}, end{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    train(run);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    const double measured =
        static_cast<double>(end.tv_sec - begin.tv_sec) + 1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
    EXPECT_LT(predicted, 2 * measured) << run.json;
    EXPECT_GT(predicted, measured / 2) << run.json;
  }
}

TEST(PredictedBytes, a_second_matrix_and_scaled_outputs_count) {
  Config c;
  c.features = 100000;
  c.dim = 64;
  const double one = least_bytes(c);
  c.decoder = "untied";
  EXPECT_DOUBLE_EQ(least_bytes(c) - one, one - 100.0 * 100000) << "all but what there is once per feature";
  c.decoder = "tied";
  c.importance = "geometric:0.9";
  EXPECT_DOUBLE_EQ(least_bytes(c) - one, 4.0 * 100000 * 64);
}

TEST(PredictedBytes, a_few_arrays_of_n_by_m_and_never_n_by_n) {
  Config c = paper(1, 64, -1);
  c.batch = 256;
  c.features = 100'000;
  const double small = bytes_of(c);
  c.features = 1'000'000;
  const double large = bytes_of(c);
  EXPECT_LT(large, 11 * small);
  EXPECT_GT(large, 16.0 * 1e6 * 64) << "W, its gradient and two moments in float";
  EXPECT_LT(large, 50.0 * 1e6 * 64);
  EXPECT_LE(least_bytes(c), large);
}

TEST(Resolve, refuses_what_does_not_fit_before_it_is_allocated) {
  Config c = paper(1, 65536, -1);
  c.features = 100'000'000;
  try {
    resolve(c, 16e9);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(e.what()).find("GB of memory, 16 GB are there"), std::string::npos) << e.what();
  }
  c.features = 1000;
  c.dim = 10;
  EXPECT_NO_THROW(resolve(c, 16e9));
  EXPECT_THROW(resolve(c, 1e6), Error);
  EXPECT_NO_THROW(resolve(c, 0)) << "not known: anything goes";
}

TEST(UsefulThreads, small_models_have_one) {
  Config c = paper(1, 10, -1);
  c.features = 1000;
  EXPECT_EQ(useful_threads(c), 1);
  c.features = 10240;
  EXPECT_GE(useful_threads(c), 8);
  c.engine = "reference";
  EXPECT_EQ(useful_threads(c), 1);
}

}  // namespace
}  // namespace superpose::toy
