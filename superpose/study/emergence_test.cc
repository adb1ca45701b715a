// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/emergence.h"

#include <gtest/gtest.h>

#include <numeric>

namespace superpose::study {
namespace {

TEST(Frontier, is_the_edge_that_puts_the_fewest_on_the_wrong_side) {
  const auto edge = [](const std::vector<bool>& resolved) {
    const Frontier f = frontier(resolved);
    return std::pair{f.rank, f.misordered};
  };
  using Pair = std::pair<size_t, size_t>;
  EXPECT_EQ(edge({}), (Pair{0, 0}));
  EXPECT_EQ(edge({false, false}), (Pair{0, 0}));
  EXPECT_EQ(edge({true, true, true}), (Pair{3, 0}));
  EXPECT_EQ(edge({true, true, false, false}), (Pair{2, 0}));
  EXPECT_EQ(edge({true, true, false, true, false, false, true}), (Pair{2, 2}));
  EXPECT_EQ(edge({false, true, true, true}), (Pair{4, 1}));  // one early miss does not move it
}

TEST(KeptRanks, are_ascending_begin_with_the_first_end_with_the_last_and_are_few) {
  for (const size_t n : {1u, 2u, 299u, 300u, 301u, 1000u, 10240u, 1000000u}) {
    const auto ranks = kept_ranks(n);
    EXPECT_EQ(ranks.size(), std::min<size_t>(n, 300)) << n;
    EXPECT_EQ(ranks.front(), 0u);
    EXPECT_EQ(ranks.back(), n - 1) << n;
    for (size_t k = 1; k < ranks.size(); ++k) EXPECT_LT(ranks[k - 1], ranks[k]) << n;
    if (n >= 300) {
      EXPECT_EQ(ranks[20], 20u) << "the frequent ones are all there";
    }
  }
}

TEST(RunLengths, begin_with_true_and_add_up) {
  EXPECT_EQ(run_lengths({true, true, false, true}), (std::vector<size_t>{2, 1, 1}));
  EXPECT_EQ(run_lengths({false, true}), (std::vector<size_t>{0, 1, 1}));
  EXPECT_EQ(run_lengths({}), (std::vector<size_t>{0}));
}

TEST(Emergence, of_a_trained_model_is_small_and_consistent) {
  toy::Config c;
  c.features = 1000, c.dim = 20, c.steps = 300, c.batch = 256, c.decay = 0.5;
  const toy::Resolved run = toy::resolve(c);
  const toy::Result trained = toy::train(run);
  Json out;
  add_emergence(run, trained, out);
  const Json& e = out["emergence"];
  EXPECT_LT(out.dump().size(), 10'000u);
  EXPECT_EQ(e["ranks"].size(), e["loss"].size());
  EXPECT_EQ(e["ranks"].size(), e["norm"].size());
  const auto lengths = e["resolved"].get<std::vector<size_t>>();
  EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), size_t{0}), 1000u);
  size_t resolved = 0;
  for (size_t k = 0; k < lengths.size(); k += 2) resolved += lengths[k];
  EXPECT_EQ(resolved, out["features_resolved"]);

  toy::Result diverged;
  diverged.diverged = true;
  add_emergence(run, diverged, out);
  EXPECT_TRUE(out["emergence"].is_null() && out["features_resolved"].is_null());
}

}  // namespace
}  // namespace superpose::study
