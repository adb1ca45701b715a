// SPDX-License-Identifier: Apache-2.0
// The ledger against the paper's own published losses: fed with them, it must find the paper's own exponents. (A test
// only: published numbers never stand in for runs in a study.)
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/study/files.h"
#include "superpose/study/measure.h"
#include "superpose/toy/toy.h"

namespace superpose::study {
namespace {

store::Run toy_run(double alpha, double gamma, int64_t m, double loss, int64_t seed = 0, double density = 1) {
  toy::Config config;
  config.features = 1000;
  config.dim = m;
  config.law = "power:" + std::to_string(alpha);
  config.decay = gamma;
  config.density = density;
  config.seed = seed;
  store::Run run;
  run.kind = "toy";
  run.status = "ok";
  run.config = toy::resolve(config).json;
  run.result = {
      {"loss", loss}, {"loss_unlearned", loss * 1.01}, {"phi_half", gamma < 0 ? 1.0 : 1e-3 * static_cast<double>(m)}};
  return run;
}

Claim claim_of(const Findings& findings, const std::string& id) {
  for (Claim& c : judge_claims(findings)) {
    if (c.id == id) return std::move(c);
  }
  ADD_FAILURE() << "no claim " << id;
  return {};
}

// Losses C·m^-exponent with a fixed wiggle, so that the regression has an error.
void add_cell(Findings& findings, double alpha, double gamma, double exponent, int64_t seed = 0, double wiggle = 0.01) {
  int sign = 1;
  for (const int64_t m : kPaperWidths) {
    sign = -sign;
    findings.toys.push_back(
        toy_run(alpha, gamma, m, std::pow(static_cast<double>(m), -exponent) * (1 + wiggle * sign), seed));
  }
}

TEST(Exponents, of_the_published_losses_are_the_published_exponents) {
  const auto table = fit::read_table(study_file("published/fig5a_alpha0_losses.csv"), "fig5a");
  const auto gamma = table.numbers("gamma"), m = table.numbers("m"), loss = table.numbers("loss");
  Findings findings;
  for (size_t i = 0; i < table.rows(); ++i) {
    findings.toys.push_back(toy_run(0, gamma[i], static_cast<int64_t>(m[i]), loss[i]));
  }
  const auto map = fit::read_table(study_file("published/fig4b_alpha_m_heatmap.csv"), "fig4b");
  const auto map_alpha = map.numbers("alpha"), map_gamma = map.numbers("gamma"), map_value = map.numbers("alpha_m");
  int compared = 0;
  for (const Cell& cell : cells(paper_runs(findings.toys))) {
    const auto found = exponents(cell);
    ASSERT_EQ(found.size(), 1u);
    for (size_t i = 0; i < map.rows(); ++i) {
      if (map_alpha[i] != 0 || !near(map_gamma[i], cell.gamma)) continue;
      // Read off a colour map: ± .005, and levels .0095 apart.
      EXPECT_NEAR(found[0].value, map_value[i], 0.015) << cell.gamma;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 10);
  const Claim flat = claim_of(findings, "D13");  // .829, .829, .782 in Fig. 4b
  EXPECT_NEAR(*flat.measured, 0.81, 0.02);
  ASSERT_TRUE(flat.ci95.has_value());
  // Standard errors in Fig. 6e at α = 0.
  const auto errors = fit::read_table(study_file("published/fig6e_alpha_m.csv"), "fig6e");
  const auto e_gamma = errors.numbers("gamma"), e_alpha = errors.numbers("alpha");
  int with_error = 0;
  for (const Cell& cell : cells(paper_runs(findings.toys))) {
    for (size_t i = 0; i < errors.rows(); ++i) {
      if (e_alpha[i] != 0 || !near(e_gamma[i], cell.gamma)) continue;
      const double se = std::strtod(errors.strings("stderr")[i].c_str(), nullptr);
      if (!(se > 0)) continue;
      EXPECT_NEAR(exponents(cell)[0].se, se, 0.002);
      ++with_error;
    }
  }
  EXPECT_GE(with_error, 2);
}

TEST(Exponents, density_grid_has_the_slopes_recomputed_from_the_figure) {
  const auto table = fit::read_table(study_file("published/fig7b_loss_vs_m.csv"), "fig7b");
  const auto density = table.numbers("E"), m = table.numbers("m"), loss = table.numbers("loss"),
             slope = table.numbers("fit_slope");
  Findings findings;
  for (size_t i = 0; i < table.rows(); ++i) {
    findings.toys.push_back(toy_run(1, -5.0 / 9, static_cast<int64_t>(m[i]), loss[i], 0, density[i]));
  }
  EXPECT_EQ(cells(paper_runs(findings.toys)).size(), 5u);
  const Claim change = claim_of(findings, "D21");
  EXPECT_NEAR(*change.measured, 0.862 - 1.061, 0.003);
  EXPECT_NEAR(slope[0], -1.0606, 1e-9);
}

TEST(Exponents, the_loss_grows_faster_than_the_density) {
  const auto table = fit::read_table(study_file("published/fig7a_loss_vs_E.csv"), "fig7a");
  const auto gamma = table.numbers("gamma"), density = table.numbers("E"), loss = table.numbers("loss");
  Findings findings;
  for (size_t i = 0; i < table.rows(); ++i) findings.toys.push_back(toy_run(1, gamma[i], 63, loss[i], 0, density[i]));
  const Claim claim = claim_of(findings, "D22");  // slopes of 1.31 to 1.36 over the strong decays
  EXPECT_GT(*claim.measured, 1.305);
  EXPECT_LT(*claim.measured, 1.365);
  EXPECT_EQ(claim.verdict, "denied");
}

TEST(Protocol, shortened_or_other_runs_never_count) {
  Findings findings;
  add_cell(findings, 1, -5.0 / 9, 1.0);
  EXPECT_EQ(paper_runs(findings.toys).size(), 6u);
  findings.toys[0].config["steps"] = 4000;
  findings.toys[1].config["features"] = 500;
  findings.toys[2].status = "diverged";
  findings.toys[3].config["law"] = "linear";
  findings.toys[4].config["lr_bias"] = 0.05;
  EXPECT_EQ(paper_runs(findings.toys).size(), 1u);
  EXPECT_EQ(claim_of(findings, "D13b").verdict, "cannot_tell");
}

TEST(Verdict, follows_the_rule_of_the_tolerances_file) {
  const auto verdict_for = [](double exponent, double wiggle) {
    Findings findings;
    for (const double gamma : {-7.0 / 9, -5.0 / 9, -3.0 / 9}) add_cell(findings, 0, gamma, exponent, 0, wiggle);
    return claim_of(findings, "D13");
  };
  EXPECT_EQ(verdict_for(0.82, 0.01).verdict, "confirmed");    // inside [.79, .85] ± .05
  EXPECT_EQ(verdict_for(0.60, 0.01).verdict, "denied");       // clearly outside
  EXPECT_EQ(verdict_for(0.82, 0.30).verdict, "cannot_tell");  // inside, but wider than twice the tolerance
  EXPECT_EQ(verdict_for(0.10, 0.10).verdict, "denied");       // wide, yet disjoint: that is decisive
  EXPECT_EQ(claim_of({}, "D13").verdict, "cannot_tell");
  EXPECT_FALSE(claim_of({}, "D13").measured.has_value());
  EXPECT_NE(claim_of({}, "D13").because.find("studies/paper.yaml"), std::string::npos);
}

TEST(Verdict, with_several_seeds_the_interval_is_over_seeds) {
  Findings findings;
  const double exponents_by_seed[] = {0.80, 0.82, 0.84, 0.81};
  for (int64_t seed = 0; seed < 4; ++seed) add_cell(findings, 0, -5.0 / 9, exponents_by_seed[seed], seed, 0.2);
  const Claim claim = claim_of(findings, "D13");
  EXPECT_NE(claim.because.find("over 4 seeds"), std::string::npos) << claim.because;
  const double sd = std::sqrt((0.0175 * 0.0175 + 0.0025 * 0.0025 + 0.0225 * 0.0225 + 0.0075 * 0.0075) / 3);
  EXPECT_NEAR((claim.ci95->second - claim.ci95->first) / 2, 3.1824 * sd / 2, 1e-4);  // t(3) = 3.1824, √4 = 2
  // A seed that lacks one width is left out.
  findings.toys.pop_back();
  EXPECT_NE(claim_of(findings, "D13").because.find("over 3 seeds"), std::string::npos);
}

TEST(Ledger, flat_and_rising_exponents_are_told_apart) {
  Findings flat, rising;
  for (const double gamma : {-7.0 / 9, -5.0 / 9, -3.0 / 9}) {
    for (const double alpha : {0.0, 0.5, 1.0}) {
      add_cell(flat, alpha, gamma, 1.0);
      add_cell(rising, alpha, gamma, 0.8 + 0.4 * alpha);
    }
  }
  EXPECT_EQ(claim_of(flat, "D14b").verdict, "confirmed");
  EXPECT_EQ(claim_of(flat, "D14c").verdict, "confirmed");
  EXPECT_EQ(claim_of(flat, "D13").verdict, "denied");
  EXPECT_EQ(claim_of(rising, "D14c").verdict, "denied");
  EXPECT_NEAR(*claim_of(rising, "D14c").measured, 0.4, 0.01);
  EXPECT_EQ(claim_of(rising, "D13").verdict, "confirmed");
  // α = 1 alone says nothing about all α <= 1.
  Findings one;
  add_cell(one, 1, -5.0 / 9, 1.0);
  EXPECT_EQ(claim_of(one, "D14b").verdict, "cannot_tell");
}

TEST(Ledger, language_model_rows_say_what_the_recovered_numbers_say) {
  Findings findings;
  findings.llm_fit = fit_language_models();
  EXPECT_EQ(claim_of(findings, "D26").verdict, "confirmed");
  EXPECT_NEAR(*claim_of(findings, "D26").measured, 0.9087, 0.0005);
  EXPECT_NE(claim_of(findings, "D26").because.find("re-fit"), std::string::npos);
  EXPECT_EQ(claim_of(findings, "D26b").verdict, "confirmed");
  EXPECT_EQ(claim_of(findings, "D27").verdict, "denied");  // 0.15 over the models, against 0.036
  EXPECT_NEAR(*claim_of(findings, "D27").measured, 0.15, 0.03);
  const Claim one = claim_of(findings, "D27b");
  EXPECT_EQ(one.verdict, "cannot_tell");
  EXPECT_NEAR(one.ci95->first, 0.54, 0.05);
  EXPECT_NEAR(one.ci95->second, 1.08, 0.06);
  const Claim heads = claim_of(findings, "D24");
  EXPECT_NEAR(*heads.measured, 1.26, 0.01);  // 1.26 ± 0.19 (s.e.): the data cannot tell it from 1
  EXPECT_EQ(heads.verdict, "cannot_tell");
  EXPECT_EQ(claim_of(findings, "D24b").verdict, "denied");
}

TEST(Ledger, checkpoints_count_only_where_the_numbers_decide) {
  Findings findings;
  EXPECT_EQ(claim_of(findings, "D25").verdict, "cannot_tell");
  const auto head = [](const char* verdict) {
    return Json{{"matrices", {{{"role", "lm_head"}, {"verdict", verdict}}}}};
  };
  findings.inspections = {head("cannot_tell")};
  EXPECT_EQ(claim_of(findings, "D25").verdict, "cannot_tell");
  findings.inspections.push_back(head("strong"));
  EXPECT_EQ(claim_of(findings, "D25").verdict, "confirmed");
  findings.inspections.push_back(head("weak"));
  EXPECT_EQ(claim_of(findings, "D25").verdict, "denied");
}

TEST(Ledger, every_row_has_a_bound_a_command_and_no_nan) {
  for (const Findings& findings : {Findings{}, [] {
                                     Findings broken;
                                     for (const int64_t m : kPaperWidths) broken.toys.push_back(toy_run(1, -1, m, 0.1));
                                     for (auto& run : broken.toys) run.result = {{"loss", nullptr}};
                                     return broken;
                                   }()}) {
    for (const Claim& claim : judge_claims(findings)) {
      EXPECT_FALSE(claim.command.empty());
      EXPECT_FALSE(claim.because.empty());
      EXPECT_FALSE(claim.source.empty());
      EXPECT_EQ(to_json(claim).dump().find("nan"), std::string::npos);
      EXPECT_TRUE(claim.verdict == "confirmed" || claim.verdict == "denied" || claim.verdict == "cannot_tell");
    }
  }
}

// A finished run of studies/toy-models.yaml.
store::Run toy_models_run(int64_t n, int64_t m, double p, const Json& fields, const Json& result) {
  Json config{{"features", n},
              {"dim", m},
              {"law", "uniform"},
              {"values", "uniform:0:1"},
              {"density", p * static_cast<double>(n)},
              {"steps", 2000}};
  config.update(fields);
  store::Run run;
  run.kind = "toy";
  run.status = "ok";
  run.config = toy::resolve(toy::config_from_json(config)).identity;
  run.result = {{"eval_loss", 1.0}, {"eval_loss_se", 0.001}};
  run.result.update(result);
  return run;
}

Claim claim_named(const Findings& findings, const std::string& id) { return judge_claims(findings, {id}).at(0); }

// Fed with the two closed-form solutions, the exact losses must cross where the formula says: the last p with a pair
// lies within one step of the grid below it.
TEST(ToyModels, phase_boundary_of_the_closed_forms_is_the_formula) {
  for (const double r : {0.1, 0.25, 0.5, 2.0, 10.0}) {
    Findings findings;
    const double relative = std::min(r, 1 / r), expected = 4 * relative / (5 * relative + 2);
    constexpr double kStep = 0.01;
    for (int k = -5; k < 5; ++k) {
      const double p = expected + (k + 0.5) * kStep;
      const Json importance{{"importance", "geometric:" + Json(r).dump()}};
      const double first = r < 1;  // the feature that is kept when the lesser is ignored, with bias p/2
      findings.toys.push_back(
          toy_models_run(2, 1, p, importance, {{"weights", {{1.0}, {-1.0}}}, {"biases", {0.0, 0.0}}}));
      findings.toys.push_back(toy_models_run(
          2, 1, p, importance,
          {{"weights", {{first}, {1 - first}}}, {"biases", {first ? 0.0 : p / 2, first ? p / 2 : 0.0}}}));
    }
    const Claim claim = claim_named(findings, "TM3");
    ASSERT_TRUE(claim.measured.has_value()) << r;
    EXPECT_NEAR(*claim.measured, kStep / 2, 1e-6) << r << " " << claim.because;
    EXPECT_EQ(claim.verdict, "confirmed");
  }
}

TEST(ToyModels, pairs_are_judged_by_the_seed_with_the_lowest_loss) {
  const Json orthogonal{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}, antipodal{{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
  for (const bool exclusive : {false, true}) {
    Findings findings;
    const Json field{{"correlation", exclusive ? "exclusive:2" : "together:2"}};
    findings.toys.push_back(toy_models_run(4, 2, 0.1, field, {{"eval_loss", 0.1}, {"weights", orthogonal}}));
    findings.toys.push_back(toy_models_run(4, 2, 0.1, field, {{"eval_loss", 0.2}, {"weights", antipodal}}));
    const Claim claim = claim_named(findings, exclusive ? "TM5" : "TM4");
    EXPECT_NEAR(*claim.measured, 0, 1e-12);
    EXPECT_EQ(claim.verdict, exclusive ? "denied" : "confirmed");
    EXPECT_FALSE(claim_named(findings, exclusive ? "TM4" : "TM5").measured.has_value());
  }
}

TEST(ToyModels, other_models_and_shortened_runs_decide_nothing) {
  Findings findings;
  const Json result{{"frobenius_square", 20.0}};
  for (const Json& other : {Json{{"values", "uniform:0:2"}}, Json{{"steps", 500}}, Json{{"decoder", "untied"}},
                            Json{{"activation", "linear"}, {"engine", "reference"}}, Json{{"law", "power:1"}}}) {
    for (const double p : {0.9, 0.5}) findings.toys.push_back(toy_models_run(200, 20, p, other, result));
  }
  EXPECT_EQ(claim_named(findings, "TM1").verdict, "cannot_tell");
  for (const double p : {0.9, 1.0}) findings.toys.push_back(toy_models_run(200, 20, p, Json::object(), result));
  EXPECT_EQ(claim_named(findings, "TM1").verdict, "confirmed");
  EXPECT_NEAR(*claim_named(findings, "TM1").measured, 0, 1e-12);
  EXPECT_EQ(claim_named(findings, "TM2").verdict, "cannot_tell");
}

TEST(ToyModels, runs_of_a_relative_are_never_the_papers) {
  Findings findings;
  add_cell(findings, 1, -5.0 / 9, 1.0);
  findings.toys[0].config["values"] = "constant:1";
  findings.toys[1].config["bias"] = false;
  findings.toys[2].config["schedule"] = "cosine";  // at its default
  EXPECT_EQ(paper_runs(findings.toys).size(), 4u);
}

}  // namespace
}  // namespace superpose::study
