// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/compare.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/study/files.h"

namespace superpose::study {
namespace {

Inspection inspection(const std::string& path, size_t n, size_t m, double mean_square, double norm, std::string hash) {
  Inspection out;
  out.path = path;
  MatrixReport r;
  r.tensor = "lm_head.weight", r.hash = std::move(hash), r.n = n, r.m = m;
  r.overlap.mean_square = mean_square, r.overlap_centered.mean_square = mean_square / 2;
  r.norm.mean = norm;
  r.norm.quantiles.assign(std::size(geometry::kQuantiles), norm);
  out.matrices.push_back(std::move(r));
  return out;
}

std::vector<Inspection> run_of(const std::vector<double>& norms, size_t first_step = 0) {
  std::vector<Inspection> out;
  for (size_t k = 0; k < norms.size(); ++k) {
    const std::string step = std::to_string(first_step + 1000 * k);
    out.push_back(inspection("run/step" + step, 100, 10, 0.1, norms[k], "hash" + step));
  }
  return out;
}

TEST(TrainingStep, is_read_off_the_usual_names) {
  EXPECT_EQ(training_step("runs/step1000"), 1000);
  EXPECT_EQ(training_step("runs/checkpoint-500"), 500);
  EXPECT_EQ(training_step("hf:EleutherAI/pythia-70m@step512"), 512);
  EXPECT_EQ(training_step("global_step20/model.pt"), 20);
  EXPECT_EQ(training_step("ckpt_0007.pt"), 7);
  EXPECT_EQ(training_step("step-experiments/checkpoint-12"), 12) << "the last one that has a number";
  EXPECT_EQ(training_step("step0"), 0);
  EXPECT_EQ(training_step("gpt2-medium/model.safetensors"), std::nullopt);
  EXPECT_EQ(training_step("footstep9"), std::nullopt) << "part of a longer word";
}

TEST(Discontinuities, the_two_steps_of_pythia_12b_that_hold_other_weights) {
  // Median norms of the input embedding of EleutherAI/pythia-12b (github.com/EleutherAI/pythia issue 206).
  const auto found = discontinuities({1.5169, 1.3056, 1.5132, 1.5003, 1.3056, 1.4952});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, 1u);
  EXPECT_EQ(found[0].last, 1u);
  EXPECT_EQ(found[1].first, 4u);
  EXPECT_TRUE(found[0].undone && found[1].undone);
}

TEST(Discontinuities, runs_of_wrong_steps_and_jumps_that_stay) {
  const auto several = discontinuities({1.0, 1.01, 1.02, 1.4, 1.41, 1.05, 1.06, 1.07, 1.08, 1.09});
  ASSERT_EQ(several.size(), 1u);
  EXPECT_EQ(several[0].first, 3u);
  EXPECT_EQ(several[0].last, 4u);
  const auto stays = discontinuities({1.0, 1.01, 1.02, 1.03, 1.5, 1.51, 1.52, 1.53});
  ASSERT_EQ(stays.size(), 1u);
  EXPECT_EQ(stays[0].first, 4u);
  EXPECT_FALSE(stays[0].undone);
}

TEST(Discontinuities, training_itself_is_none) {
  EXPECT_TRUE(discontinuities({1, 1, 1, 1, 1}).empty());
  EXPECT_TRUE(discontinuities({1, 2}).empty());
  std::vector<double> growth, noise;
  for (int k = 0; k < 60; ++k) growth.push_back(1 + std::log2(1 + k));  // fast at first, then ever slower
  EXPECT_TRUE(discontinuities(growth).empty());
  // Independent noise of 5 %: 1000 series, seed 0, none may raise an alarm (5 times the 90 % quantile of a change is
  // 8 of its standard deviations; leaving ranges out makes the quantile smaller, hence the simulation).
  RandomBlocks random(0, RandomStream::init_weights);
  for (int series = 0; series < 1000; ++series) {
    noise.clear();
    for (int k = 0; k < 40; ++k) noise.push_back(1 + 0.05 * normal_pair(random.next())[0]);
    EXPECT_TRUE(discontinuities(noise).empty()) << series;
  }
}

TEST(Compare, a_training_run_raises_the_alarms_that_it_should) {
  auto run = run_of({1.50, 1.51, 1.30, 1.52, 1.53, 1.54});
  run[5].matrices[0].hash = run[0].matrices[0].hash;
  std::reverse(run.begin(), run.end());
  const Comparison c = compare(run);
  EXPECT_TRUE(c.steps);
  EXPECT_EQ(c.models.front().step, 0);
  EXPECT_TRUE(c.fits.empty()) << "one width";
  ASSERT_EQ(c.alarms.size(), 2u);
  EXPECT_EQ(c.alarms[0].kind, "duplicate");
  EXPECT_EQ(c.alarms[0].paths.size(), 2u);
  EXPECT_EQ(c.alarms[1].kind, "discontinuity");
  EXPECT_EQ(c.alarms[1].paths, std::vector<std::string>{"run/step2000"});
  EXPECT_TRUE(compare(run_of({1.50, 1.51, 1.515, 1.52, 1.53, 1.54})).alarms.empty());
}

TEST(Compare, models_on_the_line_support_the_law_and_others_deny_it) {
  std::vector<Inspection> one, two;
  for (const size_t m : {64u, 128u, 256u, 512u, 1024u}) {
    const double width = static_cast<double>(m), wiggle = 1 + 0.02 * (m % 3 ? 1 : -1);
    one.push_back(inspection("m" + std::to_string(m), 10000, m, 3 * wiggle / width, 1, "a" + std::to_string(m)));
    two.push_back(inspection("m" + std::to_string(m), 10000, m, wiggle / std::sqrt(width), 1, "b" + std::to_string(m)));
  }
  const Comparison supports = compare(one), denies = compare(two);
  ASSERT_EQ(supports.fits.size(), 1u);
  EXPECT_EQ(supports.fits[0].verdict, "supported") << supports.fits[0].because;
  EXPECT_NEAR(supports.fits[0].exponent, 1, 0.02);
  EXPECT_NEAR(std::exp(supports.fits[0].intercept), 3, 0.2);
  EXPECT_EQ(denies.fits[0].verdict, "denied");
  EXPECT_TRUE(compare({one[0], one[1]}).fits.empty()) << "two models are no regression";
}

TEST(CompareTable, published_heads_follow_one_over_m_only_roughly) {
  const std::string text(study_file("published/fig8a_llm_mean_sq_overlap.csv"));

  const Comparison c = compare_table(fit::read_table(text, "fig8a"));
  ASSERT_EQ(c.models.size(), 25u);
  const WidthExponent& pooled = c.fits.at(0);
  // The note in that file: 1.26 ± 0.19, R² 0.65; opt 1.31 ± .24, Qwen .94 ± .41, gpt2 3.48 ± 1.49, pythia 1.49 ± .37.
  EXPECT_NEAR(pooled.exponent, 1.26, 0.005);
  EXPECT_NEAR(pooled.se.value(), 0.19, 0.005);
  EXPECT_NEAR(pooled.r2.value(), 0.65, 0.005);
  EXPECT_EQ(pooled.verdict, "roughly supported");
  ASSERT_EQ(c.fits.size(), 5u);
  EXPECT_NEAR(c.fits[1].exponent, 0.94, 0.01);
  EXPECT_EQ(c.fits[1].family, "Qwen");
}

TEST(CompareTable, says_which_column_or_line_is_wrong) {
  const auto kind = [](const char* text) {
    try {
      compare_table(fit::read_table(text, "t"));
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::io;
  };
  EXPECT_EQ(kind("model,width\na,3\n"), ErrorKind::usage);
  EXPECT_EQ(kind("m,mean_square\n3,-1\n"), ErrorKind::bad_file);
  EXPECT_EQ(kind("m,mean_square\n3,x\n"), ErrorKind::bad_file);
}

TEST(CheckpointsOfRun, are_sorted_by_step) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("superpose_run." + std::to_string(::getpid()));
  for (const char* name : {"step2000", "step100", "step10", ".cache"}) {
    std::filesystem::create_directories(folder / name);
    std::ofstream(folder / name / "model.safetensors") << "x";
  }
  std::filesystem::create_directories(folder / "logs");
  std::ofstream(folder / "notes.txt") << "x";
  const auto found = checkpoints_of_run(folder);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].filename(), "step10");
  EXPECT_EQ(found[2].filename(), "step2000");
  EXPECT_TRUE(checkpoints_of_run(folder / "step10").empty()) << "that is a model";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace superpose::study
