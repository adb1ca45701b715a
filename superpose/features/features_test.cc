// SPDX-License-Identifier: Apache-2.0
#include "superpose/features/features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/base/files.h"

namespace superpose::features {
namespace {

ErrorKind kind_of(const std::function<void()>& action, std::string* text = nullptr) {
  try {
    action();
  } catch (const Error& e) {
    if (text) *text = e.what();
    return e.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::numeric;
}

std::string temporary(const std::string& text) {
  const std::string path = testing::TempDir() + "superpose_counts.tsv";
  write_file(path, text);
  return path;
}

TEST(Law, formulae_of_the_study) {
  const Law power = make_law("power:1.5", 100, 1);
  EXPECT_NEAR(power.probability[3] / power.probability[0], std::pow(4, -1.5), 1e-14);
  const Law exponential = make_law("exponential:400", 10240, 1);
  EXPECT_NEAR(exponential.probability[400] / exponential.probability[0], std::exp(-1), 1e-14);
  const Law linear = make_law("linear", 10, 1);
  EXPECT_NEAR(linear.probability[9] / linear.probability[0], 0.1, 1e-14);
  EXPECT_EQ(make_law("uniform", 7, 1).probability, make_law("power:0", 7, 1).probability);
  for (const Law& law : {power, exponential, linear}) {
    EXPECT_NEAR(std::accumulate(law.probability.begin(), law.probability.end(), 0.0), 1, 1e-12);
    EXPECT_EQ(law.density_realised, law.density_realised);
    EXPECT_TRUE(std::is_sorted(law.probability.rbegin(), law.probability.rend()));
  }
  EXPECT_EQ(make_law("power:1", 0, 1).probability.size(), 1000u);
  EXPECT_EQ(make_law("power:1.50", 10, 1).spec, "power:1.5");
  EXPECT_EQ(make_law("power:1e0", 10, 1).spec, "power:1");
}

TEST(Law, density_up_to_the_harmonic_number_is_exact_and_clipping_is_reported) {
  double harmonic = 0;
  for (int i = 1; i <= 1000; ++i) harmonic += 1.0 / i;
  const Law edge = make_law("power:1", 1000, harmonic);  // exp-15: p_1 just reaches 1
  EXPECT_NEAR(edge.probability[0], 1, 1e-12);
  EXPECT_NEAR(edge.density_realised, harmonic, 1e-9);
  const Law clipped = make_law("power:1", 1000, 2 * harmonic);
  EXPECT_EQ(clipped.probability[0], 1.0);
  EXPECT_EQ(clipped.probability[1], 1.0);
  EXPECT_NEAR(clipped.density_realised, 2 * harmonic - 1, 1e-9);  // p_1 would be 2 and loses 1; p_2 is exactly 1
  EXPECT_NEAR(make_law("uniform", 5, 5).density_realised, 5, 1e-12);
}

TEST(Law, file_takes_the_last_field_sorts_and_counts_zeros) {
  const std::string path = temporary("token,count\n7, 10\n8,0\n\"a,b\",40\n9,30\n\n");
  const Law law = make_law("file:" + path, 0, 1);
  ASSERT_EQ(law.probability.size(), 3u);
  EXPECT_NEAR(law.probability[0], 0.5, 1e-15);
  EXPECT_NEAR(law.probability[2], 0.125, 1e-15);
  EXPECT_EQ(law.zeros_dropped, 1u);
  EXPECT_NEAR(make_law("file:" + path, 2, 1).probability[1], 3.0 / 7, 1e-15);
  EXPECT_NE(law.data_fingerprint, make_law("file:" + path, 2, 1).data_fingerprint);
  EXPECT_EQ(make_law("file:" + temporary("1\r\n2\r\n"), 0, 1).probability.size(), 2u);
  EXPECT_EQ(kind_of([&] { make_law("file:" + temporary("1\n2\n"), 3, 1); }), ErrorKind::usage);
}

TEST(Law, refuses_what_cannot_be_with_the_right_kind) {
  std::string text;
  for (const char* spec : {"power", "power:", "power:x", "power:-1", "power:nan", "power:1e999", "uniform:2", "powr:1",
                           "", "exponential:0", "file:"}) {
    EXPECT_EQ(kind_of([&] { make_law(spec, 10, 1); }), ErrorKind::usage) << spec;
  }
  kind_of([&] { make_law("powr:1", 10, 1); }, &text);
  EXPECT_NE(text.find("did you mean power"), std::string::npos) << text;
  EXPECT_EQ(kind_of([&] { make_law("uniform", 10, 10.5); }), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { make_law("uniform", 10, 0); }), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { make_law("uniform", 10, std::nan("")); }), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { make_law("file:/no/such/file", 0, 1); }), ErrorKind::io);
  for (const char* bad : {"a\nb\n", "1\n-2\n", "1\nnan\n", "1\ninf\n", "0\n0\n", "", "1\n2x\n"}) {
    EXPECT_EQ(kind_of([&] { make_law("file:" + temporary(bad), 0, 1); }), ErrorKind::bad_file) << bad;
  }
  kind_of([&] { make_law("file:" + temporary("id n\n1 5\n2 -3\n"), 0, 1); }, &text);
  EXPECT_NE(text.find("line 3"), std::string::npos) << text;
}

TEST(Law, steep_laws_underflow_without_zero_or_nan) {
  const Law law = make_law("exponential:0.001", 5000, 1);
  EXPECT_GT(law.probability.back(), 0);
  EXPECT_NEAR(law.probability.front(), 1, 1e-12);
}

// 400 batches of 256 samples: N = 102,400 samples. Counts are Binomial(N, p), values U(0,2). Every bound is 5 standard
// deviations; with about 130 comparisons the chance of a false alarm is below 10^-4. The seed is fixed.
TEST(Sampler, has_the_moments_of_the_definition) {
  const Law law = make_law("power:1", 60, 2);
  const Sampler sampler(law);
  constexpr int kBatches = 400, kSamples = 256;
  std::vector<double> hits(60);
  double sum = 0, square = 0, entries = 0, both = 0;
  Batch batch;
  for (uint32_t step = 0; step < kBatches; ++step) {
    sampler.draw(11, RandomStream::training_data, step, kSamples, batch);
    std::vector<char> has0(kSamples), has1(kSamples);
    ASSERT_EQ(batch.begin.size(), batch.active.size() + 1);
    for (size_t a = 0; a < batch.active.size(); ++a) {
      ASSERT_LT(batch.begin[a], batch.begin[a + 1]);
      for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
        ASSERT_LT(batch.sample[e], static_cast<uint32_t>(kSamples));
        if (e > batch.begin[a]) {
          ASSERT_LT(batch.sample[e - 1], batch.sample[e]);
        }
        hits[batch.active[a]] += 1;
        sum += batch.value[e];
        square += batch.value[e] * batch.value[e];
        ++entries;
        if (batch.active[a] == 0) has0[batch.sample[e]] = 1;
        if (batch.active[a] == 1) has1[batch.sample[e]] = 1;
      }
    }
    for (int s = 0; s < kSamples; ++s) both += has0[s] && has1[s];
  }
  const double n = 1.0 * kBatches * kSamples;
  for (size_t j = 0; j < 60; ++j) {
    const double p = law.probability[j];
    EXPECT_NEAR(hits[j], n * p, 5 * std::sqrt(n * p * (1 - p))) << j;
  }
  EXPECT_NEAR(sum / entries, 1, 5 * std::sqrt(1 / 3.0 / entries));
  EXPECT_NEAR(square / entries, 4.0 / 3, 5 * std::sqrt((16.0 / 5 - 16.0 / 9) / entries));
  const double joint = law.probability[0] * law.probability[1];  // features are independent
  EXPECT_NEAR(both, n * joint, 5 * std::sqrt(n * joint));
}

TEST(Sampler, is_a_pure_function_of_its_arguments_and_covers_the_edges) {
  const Sampler all(make_law("uniform", 4, 4));  // p = 1: every feature in every sample
  Batch a, b;
  all.draw(1, RandomStream::training_data, 5, 3, a);
  EXPECT_EQ(a.active, (std::vector<uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(a.sample, (std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}));
  all.draw(1, RandomStream::training_data, 5, 3, b);
  EXPECT_EQ(a.value, b.value);
  all.draw(2, RandomStream::training_data, 5, 3, b);
  EXPECT_NE(a.value, b.value);
  all.draw(1, RandomStream::training_data, 6, 3, b);
  EXPECT_NE(a.value, b.value);
  all.draw(1, RandomStream::fresh_data, 5, 3, b);
  EXPECT_NE(a.value, b.value);
  all.draw(1, RandomStream::training_data, 5, 0, b);
  EXPECT_TRUE(b.active.empty());
  // A longer batch begins with the shorter one: the gaps of a feature do not know where the batch ends.
  const Sampler some(make_law("power:1", 50, 1));
  some.draw(3, RandomStream::training_data, 0, 100, a);
  some.draw(3, RandomStream::training_data, 0, 1000, b);
  for (size_t k = 0; k < a.active.size(); ++k) {
    const size_t other =
        static_cast<size_t>(std::find(b.active.begin(), b.active.end(), a.active[k]) - b.active.begin());
    ASSERT_LT(other, b.active.size());
    EXPECT_EQ(a.value[a.begin[k]], b.value[b.begin[other]]);
  }
}

TEST(Values, specs_are_canonical_and_wrong_ones_are_named) {
  EXPECT_EQ(make_values().spec, "uniform:0:2");
  EXPECT_EQ(make_values("uniform:-0:2.0").spec, "uniform:0:2");
  EXPECT_EQ(make_values("constant").spec, "constant:1");
  EXPECT_EQ(make_values("exponential:0.50").spec, "exponential:0.5");
  std::string text;
  for (const char* spec : {"uniform:2:0", "uniform:1", "uniform:0:1:2", "uniform:0:inf", "constant:0", "constant:x",
                           "constant:", "exponential:-1", "halfnormal:0", "halfnormal:1e7", "gauss", ""}) {
    EXPECT_EQ(kind_of([&] { make_values(spec); }, &text), ErrorKind::usage) << spec;
    EXPECT_NE(text.find("values = "), std::string::npos) << text;
  }
  kind_of([&] { make_values("expnential"); }, &text);
  EXPECT_NE(text.find("did you mean exponential"), std::string::npos) << text;
}

// 10^5 values each; first, second and fourth moments in closed form give the bounds: 5 standard errors for two moments
// of 7 distributions, a false alarm in 10^5. The seed is fixed.
TEST(Values, draws_have_the_moments_they_state) {
  struct Case {
    const char* spec;
    double mean, square, fourth, least, most;
  };
  const double inf = INFINITY, half = std::sqrt(2 / 3.14159265358979323846);
  for (const Case& c : {Case{"uniform:0:2", 1, 4.0 / 3, 16.0 / 5, 0, 2}, Case{"uniform:0:1", 0.5, 1.0 / 3, 0.2, 0, 1},
                        Case{"uniform:-1:1", 0, 1.0 / 3, 0.2, -1, 1}, Case{"uniform:2:3", 2.5, 19.0 / 3, 42.2, 2, 3},
                        Case{"constant:-3", -3, 9, 81, -3, -3}, Case{"exponential:2", 2, 8, 384, 0, inf},
                        Case{"halfnormal:3", 3 * half, 9, 243, 0, inf}}) {
    const Values values = make_values(c.spec);
    EXPECT_NEAR(values.mean, c.mean, 1e-14) << c.spec;
    EXPECT_NEAR(values.mean_square, c.square, 1e-13) << c.spec;
    RandomBlocks blocks(3, RandomStream::training_data);
    constexpr int kDraws = 100'000;
    double sum = 0, square = 0;
    for (int k = 0; k < kDraws; ++k) {
      const PhiloxBlock block = blocks.next();
      const double v = values.draw(values.parameters.data(), block[2], block[3]);
      ASSERT_TRUE(v >= c.least && v <= c.most && std::isfinite(v)) << c.spec;
      sum += v;
      square += v * v;
    }
    EXPECT_NEAR(sum / kDraws, c.mean, 5 * std::sqrt((c.square - c.mean * c.mean) / kDraws) + 1e-12) << c.spec;
    EXPECT_NEAR(square / kDraws, c.square, 5 * std::sqrt((c.fourth - c.square * c.square) / kDraws) + 1e-12) << c.spec;
  }
}

TEST(Values, extreme_random_words_give_finite_values) {
  for (const char* spec : {"uniform:0:2", "constant", "exponential", "halfnormal"}) {
    const Values values = make_values(spec);
    for (const uint32_t word : {0u, ~0u}) {
      for (const uint32_t other : {0u, ~0u}) {
        EXPECT_TRUE(std::isfinite(values.draw(values.parameters.data(), word, other))) << spec;
      }
    }
  }
}

// What samples look like, densely: [samples, n].
std::vector<std::vector<float>> dense(const Batch& batch, size_t n) {
  std::vector<std::vector<float>> out(batch.samples, std::vector<float>(n));
  for (size_t a = 0; a < batch.active.size(); ++a) {
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
      EXPECT_TRUE(e == batch.begin[a] || batch.sample[e - 1] < batch.sample[e]);
      out[batch.sample[e]][batch.active[a]] = batch.value[e];
    }
  }
  return out;
}

Sampler group_sampler(const char* correlation, const char* law_spec, uint64_t n, double density, Law* out = nullptr) {
  Law law = make_law(law_spec, n, density);
  const Correlation c = make_correlation(correlation);
  share_frequencies(c, law);
  if (out) *out = law;
  return Sampler(law, make_values("uniform:0:1"), c);
}

// 50,000 samples of 7 features in groups of 3, 3 and 1 under a power law. Counts against Binomial(N, p), the
// correlation of values against 0, 5 standard deviations; about 20 comparisons, a false alarm in 10^5. Fixed seed.
TEST(Sampler, groups_share_one_presence_or_exclude_each_other) {
  constexpr uint32_t kSamples = 50'000;
  for (const bool exclusive : {false, true}) {
    Law law;
    const Sampler sampler =
        group_sampler(exclusive ? "exclusive:3" : "together:3", "power:0.5", 7, exclusive ? 1.2 : 3.0, &law);
    EXPECT_DOUBLE_EQ(law.probability[0], law.probability[2]);
    EXPECT_GT(law.probability[2], law.probability[3]);
    EXPECT_NEAR(std::accumulate(law.probability.begin(), law.probability.end(), 0.0), exclusive ? 1.2 : 3.0, 1e-12);
    Batch batch;
    sampler.draw(5, RandomStream::training_data, 2, kSamples, batch);
    std::vector<double> hits(7);
    double both = 0, product = 0;
    for (const auto& x : dense(batch, 7)) {
      for (size_t j = 0; j < 7; ++j) hits[j] += x[j] != 0;
      for (const size_t first : {0u, 3u}) {
        const int present = (x[first] != 0) + (x[first + 1] != 0) + (x[first + 2] != 0);
        ASSERT_TRUE(exclusive ? present <= 1 : present == 0 || present == 3);
      }
      both += x[0] != 0 && x[3] != 0;
      if (x[0] != 0) product += (x[0] - 0.5) * (x[1] - 0.5);
    }
    for (size_t j = 0; j < 7; ++j) {
      const double p = law.probability[j];
      EXPECT_NEAR(hits[j], kSamples * p, 5 * std::sqrt(kSamples * p * (1 - p))) << j;
    }
    const double joint = law.probability[0] * law.probability[3];  // groups are independent of each other
    EXPECT_NEAR(both, kSamples * joint, 5 * std::sqrt(kSamples * joint));
    if (!exclusive) {  // values are independent within
      EXPECT_NEAR(product, 0, 5 * std::sqrt(hits[0]) / 12);
    }
  }
}

TEST(Sampler, groups_are_a_pure_function_and_cover_the_edges) {
  Batch a, b;
  const Sampler pairs = group_sampler("exclusive:2", "uniform", 4, 2);  // each pair always present
  pairs.draw(1, RandomStream::training_data, 0, 50, a);
  for (const auto& x : dense(a, 4)) EXPECT_TRUE((x[0] != 0) != (x[1] != 0) && (x[2] != 0) != (x[3] != 0));
  pairs.draw(1, RandomStream::training_data, 0, 50, b);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.sample, b.sample);
  pairs.draw(1, RandomStream::training_data, 1, 50, b);
  EXPECT_NE(a.value, b.value);
  const Sampler all = group_sampler("together:4", "uniform", 4, 4);
  all.draw(1, RandomStream::training_data, 0, 3, a);
  EXPECT_EQ(a.sample.size(), 12u);
  // A group of one is a feature; a size above n is one group.
  group_sampler("together:9", "uniform", 4, 1).draw(1, RandomStream::training_data, 0, 200, a);
  for (const auto& x : dense(a, 4)) EXPECT_EQ(x[0] != 0, x[3] != 0);

  std::string text;
  EXPECT_EQ(kind_of([&] { group_sampler("exclusive:2", "uniform", 4, 2.5); }, &text), ErrorKind::usage);
  EXPECT_NE(text.find("features 1 to 2"), std::string::npos) << text;
  for (const char* bad : {"together", "together:0", "together:1.5", "exclusive:-1", "apart:2"}) {
    EXPECT_EQ(kind_of([&] { make_correlation(bad); }), ErrorKind::usage) << bad;
  }
}

TEST(Sampler, knowing_the_size_of_batches_changes_nothing_that_is_drawn) {
  for (const char* spec : {"power:0", "power:1", "power:2", "exponential:3"}) {
    for (const double density : {0.01, 1.0, 7.4854, 40.0}) {  // from nearly empty batches to p = 1
      const Law law = make_law(spec, 77, density);
      const Sampler plain(law), prepared(law, make_values(), {}, 300);
      Batch a, b;
      for (uint32_t step = 0; step < 50; ++step) {
        plain.draw(3, RandomStream::training_data, step, 300, a);
        prepared.draw(3, RandomStream::training_data, step, 300, b);
        ASSERT_TRUE(a.active == b.active && a.begin == b.begin && a.sample == b.sample && a.value == b.value)
            << spec << " " << density << " " << step;
      }
    }
  }
}

}  // namespace
}  // namespace superpose::features
