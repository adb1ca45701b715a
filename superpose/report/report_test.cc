// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/report.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <set>

#include "superpose/base/base.h"
#include "superpose/report/cells.h"
#include "superpose/report/page.h"
#include "superpose/report/theory.h"

namespace superpose::report {
namespace {

constexpr double kWidths[] = {10, 15, 25, 39, 63, 100};

store::Run toy(int64_t id, double alpha, double decay, double m, double loss, int seed = 0) {
  store::Run run;
  run.id = id, run.kind = "toy", run.status = "ok", run.version = "0.1.0", run.seconds = 2;
  run.config = {{"features", 1000}, {"dim", m},       {"law", fmt::format("power:{}", alpha)},
                {"density", 1},     {"decay", decay}, {"steps", 20000},
                {"seed", seed},     {"lr", 0.01}};
  run.result = {{"loss", loss},
                {"loss_std", 0.05 * loss},
                {"phi_half", decay < 0 ? 1.0 : m / 1000},
                {"phi_one", 0.5},
                {"overlap_mean_square_strong", 1 / m},
                {"overlap_mean_square_all", 2 / m},
                {"loss_unlearned", decay < 0 ? 0.0 : loss}};
  return run;
}

// loss = C·m^-slope exactly, one run per width.
std::vector<store::Run> power_cell(double alpha, double decay, double slope, int seed = 0, int64_t first_id = 1) {
  std::vector<store::Run> out;
  for (const double m : kWidths) out.push_back(toy(first_id++, alpha, decay, m, 3 * std::pow(m, -slope), seed));
  return out;
}

void append(std::vector<store::Run>& to, const std::vector<store::Run>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

const Json& figure(const Json& page, std::string_view id) {
  for (const Json& one : page["figures"]) {
    if (one["id"] == id) return one;
  }
  throw std::runtime_error("no such figure");
}

// All points of a role in a figure.
std::vector<Json> points(const Json& figure, std::string_view role) {
  std::vector<Json> out;
  for (const Json& panel : figure["panels"]) {
    for (const Json& series : panel["series"]) {
      if (series["role"] != role) continue;
      for (const Json& point : series["points"]) out.push_back(point);
    }
  }
  return out;
}

size_t occurrences(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++count;
  return count;
}

// The page's data as a browser would read it.
Json embedded_data(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"page-data\">";
  const size_t begin = page.find(open) + open.size();
  return parse_json(page.substr(begin, page.find("</script>", begin) - begin), "page data");
}

store::Artifact claims(const Json& rows) { return {"claims", "quick", {{"study", "quick"}, {"claims", rows}}, "t"}; }

Json claim(const std::string& id, const std::string& verdict) {
  return {{"id", id},
          {"claim", "a claim"},
          {"published", 1},
          {"measured", 1.31},
          {"ci95", {1.22, 1.40}},
          {"verdict", verdict},
          {"because", "reason"},
          {"command", "superpose study quick"}};
}

class PublishedTables {
 public:
  PublishedTables() {
    for (const auto& entry : std::filesystem::directory_iterator(SUPERPOSE_SOURCE_DIR "/studies/published")) {
      if (entry.path().extension() != ".csv") continue;
      const std::string& text = texts_.emplace_back(read_text(entry.path()));
      const std::string& path = texts_.emplace_back("published/" + entry.path().filename().string());
      files_.push_back({path, text});
    }
  }
  std::span<const EmbeddedFile> files() const { return files_; }

 private:
  std::list<std::string> texts_;
  std::vector<EmbeddedFile> files_;
};

// study.md C1: the slope of the exact sum over the paper's six widths at n = 1000, computed independently.
TEST(Theory, exact_sum_has_the_known_exponents_at_n_1000) {
  const std::pair<double, double> known[] = {{0, .039},     {0.5, .116},  {1, .294},     {1.25, .434}, {1.5, .606},
                                             {1.625, .702}, {1.75, .804}, {1.875, .910}, {2, 1.020}};
  for (const auto& [alpha, slope] : known)
    EXPECT_NEAR(ideal_weak_exponent(alpha, 1, 1000, kWidths), slope, 6e-4) << alpha;
  EXPECT_NEAR(ideal_weak_loss(0, 1, 1000, 0), 4.0 / 3 - 1e-3, 1e-12);  // 4/3·E - Σp² at W = 0
  EXPECT_EQ(ideal_weak_loss(1, 1, 1000, 1000), 0);
}

TEST(Cells, an_exact_power_law_gives_its_slope_and_a_zero_interval) {
  const auto runs = power_cell(1, -0.5556, 1.06);
  const Cells cells = make_cells(runs);
  ASSERT_EQ(cells.cells.size(), 1u);
  const auto power = exponent(cells.cells[0]);
  ASSERT_TRUE(power);
  EXPECT_NEAR(power->alpha, 1.06, 1e-9);
  EXPECT_NEAR(power->C, 3, 1e-8);
}

TEST(Cells, with_seeds_the_interval_is_students_over_their_slopes) {
  std::vector<store::Run> runs;
  append(runs, power_cell(1, -0.5556, 0.9, 0, 1));
  append(runs, power_cell(1, -0.5556, 1.0, 1, 7));
  append(runs, power_cell(1, -0.5556, 1.1, 2, 13));
  const Cells cells = make_cells(runs);
  ASSERT_EQ(cells.cells.size(), 1u);
  const auto power = exponent(cells.cells[0]);
  ASSERT_TRUE(power && power->ci95);
  EXPECT_NEAR(power->alpha, 1.0, 1e-9);
  const double half = 4.303 * 0.1 / std::sqrt(3.0);  // t at 0.975 with 2 degrees of freedom, s = 0.1
  EXPECT_NEAR(power->ci95->first, 1.0 - half, 1e-4);
  EXPECT_NEAR(power->ci95->second, 1.0 + half, 1e-4);
  EXPECT_EQ(power->seeds, 3u);
}

TEST(Cells, diverged_runs_stay_out_of_the_fit_and_are_named) {
  auto runs = power_cell(1, -0.5556, 1.0);
  store::Run bad = toy(99, 1, -0.5556, 200, 1e9);
  bad.status = "diverged";
  runs.push_back(bad);
  const Json page = page_data({"", runs, {}, {}});
  EXPECT_NEAR(page["slopes"][0]["alpha_m"].get<double>(), 1.0, 1e-9);
  const auto ours = points(figure(page, "loss-vs-m"), "ours");
  ASSERT_EQ(ours.size(), 7u);
  EXPECT_EQ(
      std::count_if(ours.begin(), ours.end(), [](const Json& p) { return p["y"].is_null() && p["runs"] == "99"; }), 1);
  EXPECT_NE(page["notes"].dump().find("99"), std::string::npos);
  EXPECT_EQ(page["summary"]["runs"]["diverged"], 1);
}

TEST(Cells, an_exponent_stops_where_the_widths_reach_the_number_of_features) {
  auto runs = power_cell(1, -0.5556, 1.0);
  for (const double m : {400.0, 1000.0, 2000.0}) runs.push_back(toy(50 + static_cast<int64_t>(m), 1, -0.5556, m, 1e-7));
  runs.back().result["loss"] = -1e-10;  // 0 to the rounding of float sums
  const Json page = page_data({"", runs, {}, {}});
  EXPECT_NEAR(page["slopes"][0]["alpha_m"].get<double>(), 1.0, 1e-9);
  EXPECT_EQ(figure(page, "end-of-law")["empty"], "");
  const auto ours = points(figure(page, "end-of-law"), "ours");
  ASSERT_EQ(ours.size(), 9u);
  EXPECT_EQ(ours.back()["x"], 2.0);
  EXPECT_EQ(ours.back()["y"], 1e-8);
  EXPECT_NE(figure(page_data({"", power_cell(1, -0.5556, 1.0), {}, {}}), "end-of-law")["empty"], "");
}

TEST(Recorded, runs_are_drawn_beside_those_of_the_store_and_say_so) {
  auto recorded = power_cell(1, -0.5556, 1.0);
  for (auto& run : recorded) run.recorded = true, run.id = 0, run.version = "0.0.9";
  std::vector<store::Run> own{recorded.back()};
  recorded.pop_back();
  own[0].recorded = false, own[0].id = 77;
  own[0].config["steps"] = 20000.0;  // a table may write 20000: the same recipe
  Inputs inputs{"", own, {}, {}};
  inputs.recorded = recorded;
  const Json page = page_data(inputs);
  EXPECT_NE(page["summary"]["sentences"].dump().find("5 recorded runs, made by superpose 0.0.9"), std::string::npos);
  EXPECT_EQ(page["summary"]["runs"]["total"], 1) << "they are not runs of this store";
  const Json& loss = figure(page, "loss-vs-m");
  EXPECT_EQ(loss["recorded"], 5);
  EXPECT_EQ(loss["how"]["runs"], "77");
  size_t noted = 0;
  for (const Json& point : points(loss, "ours"))
    noted += point.value("note", "").find("recorded by superpose 0.0.9") != std::string::npos;
  EXPECT_EQ(noted, 5u);
  const Json& map = figure(page, "alpha-map");
  EXPECT_EQ(map["panels"][0]["title"], "measured here, and recorded runs");
  EXPECT_NE(points(map, "ours")[0]["note"].get<std::string>().find("5 of 6 runs recorded by superpose 0.0.9"),
            std::string::npos);
  EXPECT_NE(render(inputs).find("<b>5 runs</b> behind it are recorded"), std::string::npos);
  inputs.runs.clear();
  EXPECT_EQ(figure(page_data(inputs), "alpha-map")["panels"][0]["title"], "recorded runs");
}

TEST(Emergence, counts_are_drawn_against_width_with_the_lines_to_compare_with) {
  auto runs = power_cell(1, 0.3333, 0.3);
  const Json none = page_data({"", runs, {}, {}});
  EXPECT_NE(figure(none, "emergence")["empty"], "") << "runs of a version that did not count";
  for (auto& run : runs) {
    run.result["features_resolved"] = 2 * run.config["dim"].get<double>();
    run.result["emergence"] = {{"ranks", {1, 2, 3, 1000}}, {"loss", {1e-3, 1e-12, 0.0, 2e-4}}};
  }
  const Json page = page_data({"", runs, {}, {}});
  const auto ours = points(figure(page, "emergence"), "ours");
  ASSERT_EQ(ours.size(), 6u);
  EXPECT_EQ(ours[0]["y"], 20.0);
  double highest = 0;
  for (const Json& point : points(figure(page, "emergence"), "theory"))
    highest = std::max(highest, point["y"].get<double>());
  EXPECT_EQ(highest, 1000) << "m²/2 stops at n";
  const auto ranks = points(figure(page, "loss-by-rank"), "ours");
  ASSERT_EQ(ranks.size(), 18u) << "a loss of exactly 0 has no place on the axis";
  EXPECT_EQ(ranks[1]["y"], 1e-8);
}

// Other steps, features or batch would put two experiments on one line.
TEST(Cells, runs_of_another_recipe_are_never_mixed) {
  auto runs = power_cell(1, -0.5556, 1.0);
  for (auto& run : power_cell(1, -0.5556, 0.2, 0, 50)) {
    run.config["steps"] = 100;
    runs.push_back(run);
  }
  runs.pop_back();  // the first recipe has more runs
  const Json page = page_data({"", runs, {}, {}});
  const auto map = points(figure(page, "alpha-map"), "ours");
  ASSERT_EQ(map.size(), 1u);
  EXPECT_NEAR(map[0]["z"].get<double>(), 1.0, 1e-4);
  EXPECT_EQ(page["slopes"].size(), 2u);
}

TEST(Cells, the_papers_recipe_is_drawn_beside_published_values_however_many_others_there_are) {
  auto runs = power_cell(1, -0.5556, 1.0);
  for (auto& run : runs) run.config["features"] = 1000, run.config["steps"] = 20000, run.config["batch"] = 2048;
  for (int copy = 0; copy < 3; ++copy) {
    for (auto& run : power_cell(1, -0.5556, 0.2, copy, 50 + 50 * copy)) {
      run.config["features"] = 200, run.config["steps"] = 20000, run.config["batch"] = 2048;
      runs.push_back(run);
    }
  }
  const auto map = points(figure(page_data({"", runs, {}, {}}), "alpha-map"), "ours");
  ASSERT_EQ(map.size(), 1u);
  EXPECT_NEAR(map[0]["z"].get<double>(), 1.0, 1e-4);
}

TEST(Cells, a_learning_rate_that_depends_on_m_is_one_recipe_and_two_at_one_m_are_two) {
  auto runs = power_cell(1, -1, 1.0);
  for (auto& run : runs) run.config["lr"] = 0.02 / std::sqrt(run.config["dim"].get<double>());
  EXPECT_EQ(make_cells(runs).cells.size(), 1u);
  append(runs, power_cell(1, -1, 0.5, 0, 20));
  EXPECT_EQ(make_cells(runs).cells.size() > 1, true);
}

TEST(PageData, two_widths_are_no_exponent) {
  auto runs = power_cell(1, -1, 1.0);
  runs.resize(2);
  const Json page = page_data({"", runs, {}, {}});
  EXPECT_TRUE(page["slopes"].empty());
  EXPECT_TRUE(points(figure(page, "alpha-map"), "ours").empty());
  EXPECT_NE(figure(page, "alpha-map")["empty"], "");
  EXPECT_TRUE(points(figure(page, "loss-vs-m"), "fit").empty());
}

TEST(PageData, ranges_are_those_of_the_data) {
  const Json page = page_data({"", power_cell(1, -1, 1.0), {}, {}});
  const Json& ranges = figure(page, "loss-vs-m")["ranges"]["ours"];
  EXPECT_EQ(ranges["points"], 6);
  EXPECT_EQ(ranges["x"], Json::parse("[10.0, 100.0]"));
  EXPECT_NEAR(ranges["y"][0].get<double>(), 0.03, 1e-9);
  EXPECT_NEAR(ranges["y"][1].get<double>(), 0.3, 1e-9);
}

TEST(PageData, summary_counts_runs_time_and_verdicts) {
  auto runs = power_cell(1, -1, 1.0);
  runs[0].status = "failed";
  const Json page = page_data(
      {"t",
       runs,
       {claims({claim("D1", "confirmed"), claim("D2", "denied"), claim("D3", "cannot_tell"), claim("D4", "denied")})},
       {}});
  EXPECT_EQ(page["summary"]["claims"], Json::parse(R"({"total":4,"confirmed":1,"denied":2,"cannot_tell":1})"));
  EXPECT_EQ(page["summary"]["seconds"], 10.0);
  EXPECT_EQ(page["summary"]["sentences"].size(), 2u);
  const std::string text = page["summary"]["sentences"].dump();
  EXPECT_NE(text.find("5 toy models were trained here in 10 s"), std::string::npos) << text;
  EXPECT_NE(text.find("1 is confirmed, 2 are denied"), std::string::npos) << text;
}

TEST(PageData, an_empty_store_says_so_in_every_toy_figure) {
  const Json page = page_data({"", {}, {}, {}});
  for (const Json& one : page["figures"]) {
    if (one["id"] == "coverage") continue;  // of the program, not of a store
    EXPECT_NE(one["empty"], "") << one["id"];
    EXPECT_EQ(one["ranges"]["ours"]["points"], 0) << one["id"];
    EXPECT_NE(one["caption"], "") << one["id"];
  }
  const std::string html = render({"", {}, {}, {}});
  EXPECT_NE(html.find("superpose study quick"), std::string::npos);
  EXPECT_NE(html.find("superpose inspect PATH"), std::string::npos);
  EXPECT_NE(html.find("./run samples"), std::string::npos);
}

TEST(PageData, published_values_are_a_series_of_their_own_and_never_ours) {
  const PublishedTables tables;
  const Json page = page_data({"", {}, {}, tables.files()});
  for (const Json& one : page["figures"]) {
    EXPECT_TRUE(points(one, "ours").empty() || one["id"] == "coverage") << one["id"];
  }
  EXPECT_EQ(points(figure(page, "alpha-map"), "published").size(), 170u);  // 17 α × 10 γ
  EXPECT_EQ(points(figure(page, "phi-vs-gamma"), "published").size(), 60u);
  EXPECT_EQ(points(figure(page, "llm-overlap"), "published").size(), 25u);
  EXPECT_TRUE(points(figure(page, "llm-loss"), "published").empty()) << "without a fit there is no floor to subtract";
}

// One run of ours fills one cell of the map; the other 169 stay empty although the paper has values there.
TEST(PageData, a_cell_without_a_run_of_ours_stays_empty) {
  const PublishedTables tables;
  const Json page = page_data({"", power_cell(1, -0.5556, 1.1), {}, tables.files()});
  const Json& map = figure(page, "alpha-map");
  const auto ours = points(map, "ours");
  ASSERT_EQ(ours.size(), 1u);
  EXPECT_NEAR(ours[0]["x"].get<double>(), -0.55556, 1e-5) << "snapped to the paper's grid";
  EXPECT_EQ(map["panels"][0]["x"]["ticks"].size(), 10u);
  EXPECT_EQ(map["panels"][0]["y"]["ticks"].size(), 17u);
}

TEST(PageData, llm_figure_subtracts_the_fitted_floor_and_names_points_below_it) {
  const PublishedTables tables;
  Json parameters{{"C", {{"value", 476.0763}}}, {"alpha", {{"value", 0.9098}, {"ci95", {0.54, 1.08}}}}};
  for (const char* family : {"opt", "Qwen", "gpt2", "pythia"}) {
    for (const char* corpus : {"wikitext", "c4", "pile", "bookcorpus"}) {
      parameters[fmt::format("L0.{}/{}", family, corpus)] = {{"value", 1.6079}};
    }
  }
  const Json page = page_data({"", {}, {{"fit", "llm", {{"parameters", parameters}}, ""}}, tables.files()});
  const Json& llm = figure(page, "llm-loss");
  EXPECT_EQ(llm["empty"], "");
  EXPECT_EQ(llm["panels"].size(), 4u);
  // Qwen2.5-72B on wikitext is published at 1.6079 - 0.0945.
  ASSERT_GE(llm["notes"].size(), 1u);
  EXPECT_NE(llm["notes"].dump().find("Qwen2.5-72B on wikitext: 0.09"), std::string::npos) << llm["notes"];
  // The band closes at the geometric mean width, where α and C trade off.
  double narrowest = 1e9;
  for (const Json& point : points(llm, "fit"))
    narrowest = std::min(narrowest, point["ci"][1].get<double>() / point["ci"][0].get<double>());
  EXPECT_LT(narrowest, 1.05);
}

TEST(Render, is_one_file_that_loads_nothing) {
  const std::string page =
      render({"superpose: quick study", power_cell(1, -1, 1), {claims(Json::array({claim("D14", "denied")}))}, {}});
  for (const char* loader :
       {"<link", "src=", "@import", "url(http", "fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon"}) {
    EXPECT_EQ(page.find(loader), std::string::npos) << loader;
  }
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_LT(page.size(), 1'000'000u);
  EXPECT_EQ(
      page,
      render({"superpose: quick study", power_cell(1, -1, 1), {claims(Json::array({claim("D14", "denied")}))}, {}}));
}

TEST(Render, a_denied_claim_is_a_finding_with_word_icon_and_colour) {
  const std::string page = render({"t", {}, {claims({claim("D14", "denied"), claim("D7", "confirmed")})}, {}});
  EXPECT_NE(page.find("Findings against the paper"), std::string::npos);
  EXPECT_NE(page.find("<span class=\"badge denied\"><span class=\"icon\" aria-hidden=\"true\">✗</span>denied</span>"),
            std::string::npos);
  EXPECT_NE(page.find("✓</span>confirmed"), std::string::npos);
  EXPECT_NE(page.find("1.31 [1.22, 1.40]"), std::string::npos);
  Json row = claim("D14", "denied");
  row["tolerance"] = 0.15;
  EXPECT_NE(render({"t", {}, {claims(Json::array({row}))}, {}}).find("1 <small>tolerance 0.15</small>"),
            std::string::npos);
  EXPECT_EQ(render({"t", {}, {claims(Json::array({claim("D7", "confirmed")}))}, {}}).find("Findings against"),
            std::string::npos);
}

// Whatever a store holds, the page keeps its three elements of script and data, and no element of the store's making.
TEST(Render, hostile_text_cannot_break_out) {
  const std::string evil =
      "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&\u2028\u2029{{JS}}{{DATA}}\xff\xfe<!--";
  auto runs = power_cell(1, -1, 1);
  for (auto& run : runs) run.config["law"] = evil, run.version = evil, run.finished_at = evil, run.config[evil] = evil;
  Json row = claim(evil, evil);
  for (const char* key : {"claim", "published", "because", "command", "quantity"}) row[key] = evil;
  row["measured"] = evil;
  const Json matrix{{"tensor", evil},
                    {"role", evil},
                    {"verdict", evil},
                    {"because", evil},
                    {"n", 10},
                    {"m", 3},
                    {"norm", {{"histogram", {{"edges", {0, 1, 2}}, {"counts", {1, 2}}}}}}};
  const std::string page = render(
      {evil,
       runs,
       {claims(Json::array({row})), {"inspect", evil, {{"path", evil}, {"matrices", Json::array({matrix})}}, evil}},
       {}});
  EXPECT_EQ(occurrences(page, "<script"), 4u);
  EXPECT_EQ(occurrences(page, "</script"), 4u);
  EXPECT_EQ(occurrences(page, "<img"), 0u);
  EXPECT_EQ(occurrences(page, "alert(1)</script>"), 0u);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_GT(occurrences(page, "&lt;/script&gt;&lt;script&gt;alert(1)"), 8u)
      << "title, claim and matrix are shown, as text";
  const std::string data = script_json({{"k", evil}});
  for (const char* raw : {"<", ">", "&", "\u2028", "\u2029"}) EXPECT_EQ(data.find(raw), std::string::npos);
  EXPECT_NE(embedded_data(page)["title"].get<std::string>().find("</script>"), std::string::npos)
      << "the data still says it";
}

// A store written by another version, or by hand: every value is of some wrong type, and the page is still made.
TEST(Render, malformed_stores_still_make_a_page) {
  const Json wrong[] = {nullptr,
                        true,
                        -1,
                        1e300,
                        "text",
                        Json::array(),
                        Json::array({1, "a", nullptr}),
                        Json::object(),
                        {{"x", {{"y", 1}}}}};
  const PublishedTables tables;
  const Json fields = toy(1, 1, -1, 10, 1).result;
  for (const Json& value : wrong) {
    std::vector<store::Run> runs = power_cell(1, -1, 1);
    for (const char* key : {"dim", "features", "law", "density", "decay", "lr", "seed"}) {
      runs.push_back(toy(50, 1, -1, 10, 1));
      runs.back().config[key] = value;
    }
    for (const auto& [key, old] : fields.items()) {
      runs.push_back(toy(60, 1, -1, 15, 1));
      runs.back().result[key] = value;
    }
    runs.push_back(toy(70, 1, -1, 10, 1)), runs.back().config = value;
    runs.push_back(toy(71, 1, -1, 10, 1)), runs.back().result = value;
    std::vector<store::Artifact> artifacts;
    for (const char* kind : {"claims", "fit", "inspect", "study"}) artifacts.push_back({kind, "llm", value, ""});
    artifacts.push_back(claims(value));
    artifacts.push_back(claims(Json::array({value})));
    artifacts.push_back({"fit", "llm", {{"parameters", value}}, ""});
    artifacts.push_back({"fit", "llm", {{"parameters", {{"C", value}, {"alpha", value}}}}, ""});
    artifacts.push_back({"inspect", "x", {{"matrices", Json::array({value})}}, ""});
    artifacts.push_back(
        {"inspect",
         "y",
         {{"matrices",
           {{{"m", value}, {"n", value}, {"overlap", value}, {"norm", {{"histogram", value}, {"quantiles", value}}}}}}},
         ""});
    for (const char* key :
         {"id", "claim", "published", "measured", "ci95", "verdict", "because", "command", "quantity"}) {
      Json row = claim("D1", "confirmed");
      row[key] = value;
      artifacts.push_back(claims(Json::array({row})));
    }
    ASSERT_NO_THROW(render({"t", runs, artifacts, tables.files()})) << value;
    for (const store::Artifact& artifact : artifacts) {
      std::string page;
      ASSERT_NO_THROW(page = render({"t", {}, {artifact}, tables.files()})) << artifact.kind << " " << artifact.value;
      EXPECT_FALSE(embedded_data(page).empty());
    }
  }
}

TEST(Text, numbers_show_their_interval_with_matching_decimals) {
  EXPECT_EQ(with_interval(1.0612, Interval{0.881, 1.2489}), "1.06 [0.88, 1.25]");
  EXPECT_EQ(with_interval(-0.98, Interval{-1.41, -0.55}), "−0.98 [−1.41, −0.55]");
  EXPECT_EQ(with_interval(2.05, Interval{1.6, 2.5}), "2.05 [1.60, 2.50]");
  EXPECT_EQ(with_interval(2.0, std::nullopt), "2");
  EXPECT_EQ(number(std::nullopt), "—");
  EXPECT_EQ(number(std::nan("")), "—");
  EXPECT_EQ(number(-0.0), "0");
  EXPECT_EQ(id_ranges({1, 2, 3, 7, 9, 10}), "1–3, 7, 9–10");
  EXPECT_EQ(id_ranges({}), "");
}

}  // namespace
}  // namespace superpose::report
