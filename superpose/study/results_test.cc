// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/results.h"

#include <gtest/gtest.h>

#include "superpose/base/base.h"
#include "superpose/study/claims.h"
#include "superpose/study/measure.h"
#include "superpose/toy/toy.h"

namespace superpose::study {
namespace {

store::Run finished(double alpha, double gamma, int64_t m, int64_t seed = 0) {
  toy::Config config;
  config.features = 1000, config.dim = m, config.decay = gamma, config.seed = seed;
  config.law = "power:" + std::to_string(alpha);
  store::Run run;
  run.id = 7, run.kind = "toy", run.status = "ok", run.version = "0.1.0", run.seconds = 12.5;
  run.config = toy::resolve(config).json;
  run.key = store::run_key("toy", run.config);
  run.result = {{"loss", 1.0 / static_cast<double>(m)},
                {"phi_half", 1.0},
                {"overlap_mean_square", nullptr},
                {"features_resolved", 3},
                {"instruction_set", "AVX2"},
                {"emergence", {{"frontier", 4}}}};
  return run;
}

std::vector<store::Run> grid() {
  std::vector<store::Run> out;
  for (const double gamma : {-7.0 / 9, -5.0 / 9, -3.0 / 9}) {
    for (const int64_t m : {100, 10, 15, 25, 39, 63}) out.push_back(finished(0, gamma, m));
  }
  return out;
}

TEST(Results, a_table_read_back_has_the_same_keys_and_numbers) {
  const auto runs = grid();
  const std::string table = results_table(runs, "superpose ls x --csv");
  EXPECT_EQ(table.find("nan"), std::string::npos);
  const auto back = read_results(table, "t");
  ASSERT_EQ(back.size(), runs.size());
  for (const auto& run : back) {
    EXPECT_TRUE(run.recorded);
    const auto same = std::find_if(runs.begin(), runs.end(), [&](const auto& other) { return other.key == run.key; });
    ASSERT_NE(same, runs.end()) << run.config;
    EXPECT_EQ(nlohmann::json(run.config), nlohmann::json(same->config)) << "the order of fields is not kept";
    EXPECT_NEAR(run.result["loss"].get<double>(), same->result["loss"].get<double>(), 1e-6);
    EXPECT_TRUE(run.result["overlap_mean_square"].is_null());
    EXPECT_EQ(run.result["features_resolved"], 3);
    EXPECT_EQ(run.result["emergence"]["frontier"], 4);
    EXPECT_EQ(run.version, "0.1.0");
    EXPECT_EQ(run.seconds, 12.5);
  }
  EXPECT_EQ(back[0].config["dim"], 10) << "ordered by number, not by text";
  EXPECT_EQ(results_table(back, "superpose ls x --csv"), table);
  std::string older = table;
  older.replace(older.find("numerics "), 10, "numerics 0");
  EXPECT_EQ(read_results(older, "t")[0].version, "0.1.0 (numerics 0)");
}

TEST(Results, only_finished_toy_runs_are_kept_and_odd_texts_survive) {
  auto runs = grid();
  runs.resize(3);
  runs[0].status = "running";
  runs[1].kind = "other";
  runs[2].config["law"] = "file:a,\"b\".csv";
  runs.push_back(runs[2]);
  runs[3].config["law"] = "power:1", runs[3].config["law_data"] = "0000000000000012", runs[3].status = "diverged";
  runs[3].result = {{"loss", nullptr}};
  const auto back = read_results(results_table(runs, "c"), "t");
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].config["law"], "file:a,\"b\".csv");
  EXPECT_FALSE(back[0].config.contains("law_data"));
  EXPECT_EQ(back[1].config["law_data"], "0000000000000012") << "a text, although it looks like a number";
  EXPECT_EQ(back[1].status, "diverged");
  EXPECT_TRUE(read_results(results_table({}, "c") + "ok,1,,,,,,,,,,,,,,,1,AVX2,0.1.0\n", "t").size() == 1);
}

TEST(Results, what_is_no_table_is_refused_with_its_name_and_line) {
  const std::string table = results_table(grid(), "c");
  const auto fails = [](std::string text, const std::string& part, ErrorKind kind = ErrorKind::bad_file) {
    try {
      read_results(text, "x.csv");
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), kind) << e.what();
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("x.csv"), std::string::npos) << e.what();
    }
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string out = table;
    return out.replace(out.find(from), from.size(), to);
  };
  fails("", "line 1");
  fails("dim,loss\n1,2\n", "line 1");
  fails(changed("format 1", "format 2"), "line 1", ErrorKind::unsupported);
  fails(changed("# config: {", "# config: ["), "x.csv");
  fails(changed("# config:", "# other:"), "config");
  fails(changed(",status,", ",state,"), "status");
  fails(changed(",ok,", ",running,"), "running");
  fails(table + "1,2\n", "x.csv");
  fails(changed("-0.777", "zz"), "x.csv");
}

TEST(Results, runs_of_the_store_win_over_recorded_ones) {
  const auto recorded = read_results(results_table(grid(), "c"), "t");
  std::vector<store::Run> own;
  own.push_back(finished(0, -7.0 / 9, 10));
  own.push_back(finished(0, -7.0 / 9, 15));
  own[1].status = "running";
  EXPECT_EQ(beside(own, recorded).size(), recorded.size() - 1) << "an unfinished run replaces nothing";
  auto twice = recorded;
  twice.insert(twice.end(), recorded.begin(), recorded.end());
  EXPECT_EQ(beside({}, twice).size(), recorded.size());
  EXPECT_EQ(makers(recorded), "superpose 0.1.0");
}

TEST(Results, rows_of_the_ledger_that_need_recorded_runs_say_so) {
  Findings findings;
  findings.recorded = read_results(results_table(grid(), "c"), "t");
  const auto row = [](const Findings& f, const char* id) {
    const auto claims = judge_claims(f);
    return *std::find_if(claims.begin(), claims.end(), [&](const Claim& c) { return c.id == id; });
  };
  const Claim from_table = row(findings, "D13");
  EXPECT_NEAR(*from_table.measured, 1, 1e-5);
  EXPECT_TRUE(from_table.recorded);
  EXPECT_NE(from_table.because.find("recorded runs of superpose 0.1.0"), std::string::npos);
  EXPECT_FALSE(row(findings, "D15").recorded) << "they say nothing about steep data";

  findings.toys = grid();
  for (auto& run : findings.toys) run.result["loss"] = 2 / std::sqrt(run.config["dim"].get<double>());
  const Claim own = row(findings, "D13");
  EXPECT_NEAR(*own.measured, 0.5, 1e-6) << "the store's runs decide alone where they can";
  EXPECT_FALSE(own.recorded);
}

}  // namespace
}  // namespace superpose::study
