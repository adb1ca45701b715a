// SPDX-License-Identifier: Apache-2.0
// The rows on the end of the law, on longer training and on resolved features, over runs whose answer is known.
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/study/frontier_form.h"
#include "superpose/study/measure.h"
#include "superpose/toy/toy.h"

namespace superpose::study {
namespace {

store::Run run_of(toy::Config config, Json result) {
  store::Run run;
  run.kind = "toy", run.status = "ok";
  run.config = toy::resolve(config).json;
  run.result = std::move(result);
  return run;
}

toy::Config config_of(int64_t n, int64_t m, double gamma, int64_t seed = 0) {
  toy::Config c;
  c.features = n, c.dim = m, c.decay = gamma, c.seed = seed;
  return c;
}

// 1/m up to `end`, then a steep fall, to slightly below zero as float sums do.
std::vector<store::Run> ending_at(double end, int64_t seed = 0) {
  std::vector<store::Run> out;
  for (const int64_t m : {10, 15, 20, 30, 50, 100, 150, 200, 300, 400}) {
    const double width = static_cast<double>(m);
    const double loss = width <= end ? 3 / width : width < 350 ? 3 / width * 1e-3 : -1e-12;
    out.push_back(run_of(config_of(200, m, -5.0 / 9, seed), {{"loss", loss}}));
  }
  return out;
}

TEST(EndOfLaw, is_found_between_the_two_widths_it_lies_between) {
  Findings findings{ending_at(150), {}, {}, {}};
  const Measure end = law_ends(findings);
  ASSERT_TRUE(end.value);
  // From 1 at m = 150 to 1e-3 at 200, straight in the logarithms: one half after ln 2 / ln 1000 of the way.
  EXPECT_NEAR(*end.value, std::log2(150 * std::pow(200.0 / 150, std::log(2) / std::log(1000)) / 200), 1e-9);
  EXPECT_FALSE(end.ci95) << "one seed";
  EXPECT_LT(*loss_beyond_the_end(findings).value, 1e-6);
  for (const auto& run : ending_at(100, 1)) findings.toys.push_back(run);
  const Measure two = law_ends(findings);
  ASSERT_TRUE(two.ci95);
  EXPECT_NE(two.because.find("over 2 seeds"), std::string::npos);
}

TEST(EndOfLaw, a_law_that_never_ends_or_was_not_followed_far_enough_is_no_measurement) {
  EXPECT_FALSE(law_ends(Findings{ending_at(1000), {}, {}, {}}).value);
  EXPECT_NEAR(*loss_beyond_the_end(Findings{ending_at(1000), {}, {}, {}}).value, 1, 1e-6);
  Findings small{ending_at(150), {}, {}, {}};
  std::erase_if(small.toys, [](const store::Run& run) { return run.config["dim"] > 150; });
  EXPECT_FALSE(law_ends(small).value);
  Findings paper{ending_at(150), {}, {}, {}};
  for (auto& run : paper.toys) run.config["features"] = 1000;
  EXPECT_FALSE(law_ends(paper).value);
}

TEST(Ablation, compares_each_longer_run_with_its_partner_only) {
  Findings findings;
  for (const double gamma : {-5.0 / 9, 1.0 / 3}) {
    for (const int64_t m : {10, 39}) {
      toy::Config c = config_of(1000, m, gamma);
      findings.toys.push_back(run_of(c, {{"loss", 0.5}}));
      c.batch = 8192;
      findings.toys.push_back(run_of(c, {{"loss", 0.5 * 1.02}}));
      c.batch = 2048, c.steps = 80000;
      findings.toys.push_back(run_of(c, {{"loss", 0.5 * 0.9}}));
      c.seed = 5;  // has no partner
      findings.toys.push_back(run_of(c, {{"loss", 77.0}}));
    }
  }
  const Measure m = batch_and_steps(findings);
  ASSERT_TRUE(m.value);
  EXPECT_NEAR(*m.value, 0.06, 1e-9);  // the median of four .02 and four .1
  EXPECT_NE(m.because.find("8 runs"), std::string::npos) << m.because;
}

TEST(FrontierForms, the_form_that_made_the_counts_is_found) {
  const std::vector<double> m{10, 15, 25, 39, 63, 100};
  const auto best = [&](const std::function<double(double)>& curve) {
    std::vector<double> count;
    for (const double w : m) count.push_back(std::max(1.0, std::round(curve(w))));
    return compare_forms(m, count, 1000);
  };
  EXPECT_EQ(best([](double w) { return w; })[0].formula, "m");
  const auto scaled = best([](double w) { return 1.7 * w; });
  EXPECT_EQ(scaled[0].formula, "c·m");
  EXPECT_NEAR(*scaled[0].c, 1.7, 0.02);
  EXPECT_EQ(best([](double w) { return std::min(1000.0, w * w / 2); })[0].formula, "min(n, m²/2)");
  EXPECT_NEAR(*best([](double w) { return std::min(1000.0, 0.9 * w * w); })[0].c, 0.9, 0.02);
  EXPECT_EQ(best([](double) { return 1000.0; })[0].formula, "n");
  const auto power = best([](double w) { return 40 * std::pow(w, 0.6); });
  EXPECT_EQ(power[0].formula, "c·m^β");
  EXPECT_NEAR(*power[0].exponent, 0.6, 0.01);
  EXPECT_GT(power[1].delta, 2);
  // Three widths: AICc exists for no form with two parameters, and the text still says something.
  EXPECT_FALSE(forms_text(compare_forms(std::vector<double>{10, 20}, std::vector<double>{1, 2}, 9)).empty());
}

TEST(Emergence, rows_need_counts_and_read_them) {
  Findings findings;
  EXPECT_FALSE(weak_frontier(findings).value);
  for (const int64_t m : kPaperWidths) {
    findings.toys.push_back(run_of(config_of(1000, m, 1.0 / 3), {{"loss", 0.5}}));
    findings.toys.push_back(run_of(config_of(1000, m, -5.0 / 9), {{"loss", 0.5}}));
  }
  EXPECT_FALSE(weak_frontier(findings).value) << "runs of a version that did not count";
  for (auto& run : findings.toys) {
    const double m = run.config["dim"].get<double>();
    run.result["features_resolved"] = run.config["decay"] > 0 ? 2 * m : std::min(1000.0, std::round(m * m / 2));
  }
  EXPECT_NEAR(*weak_frontier(findings).value, 1, 1e-9);
  EXPECT_NEAR(*weak_frontier_level(findings).value, 1, 1e-9);
  EXPECT_NEAR(*strong_frontier(findings).value, 0, 0.01);
  EXPECT_NE(strong_frontier(findings).because.find("min(n, m²/2)"), std::string::npos);
}

TEST(Norms, a_gap_at_one_is_told_from_none) {
  Findings gap, flat;
  for (const int64_t m : kPaperWidths) {
    std::vector<int> counts(50, 0), same(50, 20);
    counts[28] = 300, counts[36] = 200;  // bins of .03: norms .84 and 1.08
    const auto result = [](const std::vector<int>& c) {
      return Json{{"loss", 1.0}, {"norm_histogram", {{"min", 0.0}, {"max", 1.5}, {"counts", c}}}};
    };
    gap.toys.push_back(run_of(config_of(1000, m, -5.0 / 9), result(counts)));
    flat.toys.push_back(run_of(config_of(1000, m, -5.0 / 9), result(same)));
  }
  EXPECT_EQ(*norms_dip_at_one(gap).value, 0);
  EXPECT_EQ(*norms_dip_at_one(flat).value, 1);
}

// Contract: with several seeds the interval is over seeds, with one it is the regression's, and the row says so.
TEST(Seeds, slopes_of_all_kinds_take_their_interval_from_the_seeds) {
  const double slopes[] = {0.9, 1.0, 1.1};
  Findings one, three;
  for (int64_t seed = 0; seed < 3; ++seed) {
    for (const int64_t m : kPaperWidths) {
      const double width = static_cast<double>(m), bend = m == 25 ? 1.1 : 1;
      const Json result{{"loss", 1.0}, {"overlap_mean_square_all", bend * std::pow(width, -slopes[seed])}};
      const auto run = run_of(config_of(1000, m, -1, seed), result);
      if (seed == 0) one.toys.push_back(run);
      three.toys.push_back(run);
    }
    for (const double density : {1.0, 2.0, 4.0, 7.0}) {
      toy::Config c = config_of(1000, 63, -5.0 / 9, seed);
      c.density = density;
      const auto run = run_of(c, {{"loss", (density == 2 ? 1.1 : 1) * std::pow(density, slopes[seed])}});
      if (seed == 0) one.toys.push_back(run);
      three.toys.push_back(run);
    }
  }
  const double half = 4.3027 * 0.1 / std::sqrt(3.0);  // t(2) at 0.975
  for (const auto measure : {all_rows_overlap_slope, density_and_loss}) {
    const Measure single = measure(one), several = measure(three);
    ASSERT_TRUE(single.ci95 && several.ci95);
    EXPECT_NE(single.because.find("regression"), std::string::npos) << single.because;
    EXPECT_NE(several.because.find("over 3 seeds"), std::string::npos) << several.because;
    EXPECT_NEAR((several.ci95->second - several.ci95->first) / 2, half, 1e-4);
  }
}

}  // namespace
}  // namespace superpose::study
