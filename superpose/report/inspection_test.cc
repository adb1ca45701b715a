// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/inspection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>

#include "superpose/base/files.h"
#include "superpose/report/figures_inspection.h"
#include "superpose/report/inspection_page.h"

namespace superpose::report {
namespace {

// A small inspection with every field.
Json matrix() {
  return Json::parse(R"({
    "tensor": "lm_head.weight", "role": "lm_head", "tied": false, "evidence": "by name", "n": 4000, "m": 64, "dtype": "F32",
    "norm": {"mean": 1.1, "std": 0.2, "min": 0.1, "max": 2, "histogram": {"edges": [0, 1, 2], "counts": [1500, 2500]},
             "modes": {"bimodality_coefficient": 0.61, "separation": 2.5, "two_modes": true}},
    "overlap": {"mean_square": 0.475, "pairs": "sampled", "mean_abs": 0.3, "mean_abs_se": 0.001, "std_abs": 0.2, "max_abs": 0.99,
                "rows": 4000, "histogram": {"edges": [0, 0.5, 1], "counts": [900, 100]}, "max_pair": [5, 9], "mean_cosine": 0.6},
    "overlap_centered": {"mean_square": 0.04},
    "welch_bound_mean_square": 0.0154, "zero_rows": 110, "phi_half": 0.97,
    "spectrum": {"singular_values": [9, 3, 1, 0], "ranks": [1, 2, 32, 64], "effective_rank": 40.5, "eigenvalue_effective_rank": 30.5,
                 "participation_ratio": 3.5, "stable_rank": 1.25},
    "baselines": {"rows": 4000, "sampled": true, "list": [
      {"name": "random directions", "mean_square": 0.015625, "se": null, "times_m": 1, "meaning": "independent random rows"},
      {"name": "Welch bound", "mean_square": 0.0154, "se": null, "times_m": 0.9856, "meaning": "the least possible"},
      {"name": "columns shuffled", "mean_square": 0.0475, "se": 0.001, "times_m": 3.04, "meaning": "keeps marginals"},
      {"name": "mean row removed", "mean_square": 0.04, "se": null, "times_m": 2.56, "meaning": "shared direction gone"}]},
    "frequency": {"counts_file": "c.tsv", "seen_rows": 220, "unseen_rows": 3780, "norm_spearman": -0.4,
      "seen": {"mean_square": 0.027, "mean_square_centered": 0.02}, "unseen": {"mean_square": 0.9, "mean_square_centered": 0.5},
      "top": [{"k": 10, "mean_square": 0.02, "mean_square_centered": 0.02}, {"k": 100, "mean_square": 0.03, "mean_square_centered": 0.02}]},
    "crowding": {"most_crowded": [{"id": 262, "token": "\" the\"", "mean_square": 0.5,
        "nearest": [{"id": 290, "token": "\" and\"", "cosine": -0.8125}]}],
      "duplicates": [{"ids": [5, 9], "tokens": ["\"five\"", "\"nine\""]}], "duplicate_rows": 2,
      "unused": {"rows": 12, "examples": [{"id": 77, "token": null}], "because": "one norm for all"}},
    "hash": "0123abcd", "decided_by": [{"name": "share represented", "value": 0.97, "threshold": "0.9", "meaning": "nearly all"}],
    "verdict": "strong", "because": "all rows are represented"})");
}

Json inspection() {
  return {{"path", "/m/model.gguf"}, {"format", "gguf"}, {"matrices", {matrix()}}, {"warnings", {"a warning"}}};
}

Json comparison(bool steps) {
  Json models = Json::array();
  for (int k = 0; k < 4; ++k) {
    models.push_back({{"path", "/m/" + std::to_string(k)},
                      {"label", ""},
                      {"family", k < 2 ? "a" : "b"},
                      {"step", 1000 * k},
                      {"m", 100 << k},
                      {"n", 5000},
                      {"mean_square", 2.0 / (100 << k)},
                      {"mean_square_centered", 0.001},
                      {"norm_mean", 1 + k},
                      {"norm_median", 1},
                      {"verdict", "strong"}});
  }
  return {{"files", {inspection(), inspection()}},
          {"compare",
           {{"models", models},
            {"steps", steps},
            {"fit", {{"exponent", 1.0}, {"ci95", {0.8, 1.2}}, {"points", 4}, {"because", "only roughly"}}},
            {"alarms", {{{"kind", "discontinuity"}, {"paths", {"/m/2"}}, {"because", "it jumps"}}}}}}};
}

const Json& figure(const Json& data, std::string_view id) {
  for (const Json& one : data["figures"]) {
    if (one["id"] == id) return one;
  }
  throw std::runtime_error("no figure " + std::string(id));
}

const Json& series(const Json& figure, size_t panel, std::string_view key) {
  for (const Json& one : figure["panels"][panel]["series"]) {
    if (one["key"] == key) return one;
  }
  throw std::runtime_error("no series " + std::string(key));
}

bool has(const std::string& page, std::string_view text) { return page.find(text) != std::string::npos; }

TEST(RandomOverlap, densities_in_three_dimensions_and_in_many_are_known) {
  EXPECT_NEAR(random_overlap_density(0.3, 3), 1, 1e-12);  // Archimedes: uniform
  EXPECT_NEAR(random_overlap_density(0, 2), 2 / M_PI, 1e-12);
  for (const double m : {2.5, 4.0, 64.0, 2048.0}) {  // integrates to 1, and c² to 1/m
    double total = 0, square = 0;
    constexpr int kSteps = 200'000;
    for (int k = 0; k < kSteps; ++k) {
      const double c = (k + 0.5) / kSteps, density = random_overlap_density(c, m) / kSteps;
      total += density, square += c * c * density;
    }
    EXPECT_NEAR(total, 1, m < 3 ? 2e-3 : 1e-6) << m;
    EXPECT_NEAR(square * m, 1, m < 3 ? 1e-2 : 1e-6) << m;
  }
  EXPECT_EQ(random_overlap_density(1, 64), 0);
}

TEST(InspectionData, figures_hold_the_numbers_of_the_inspection) {
  const Json data = inspection_data(inspection());
  const Json& baselines = figure(data, "m1-baselines");
  EXPECT_EQ(series(baselines, 0, "all rows")["points"][0]["x"], 30.4);
  EXPECT_EQ(series(baselines, 0, "mean row removed")["points"][0]["x"], 2.56);
  EXPECT_EQ(series(baselines, 0, "rows of unseen tokens")["points"][0]["x"], 57.6);
  const Json& shuffled = series(baselines, 0, "columns shuffled")["points"][0];
  EXPECT_NEAR(shuffled["ci"][1].get<double>(), 3.04 + 1.96 * 0.064, 1e-3);
  EXPECT_EQ(shuffled["note"], "keeps marginals");
  EXPECT_EQ(baselines["panels"][0]["series"].size(), 9u);  // each once: 1 + 2 + 4 of frequency + 2 references

  const Json& norms = figure(data, "m1-norms");
  const Json& bars = series(norms, 0, "rows of this matrix");
  EXPECT_EQ(bars["points"][1]["x"], 1);
  EXPECT_EQ(bars["points"][1]["x2"], 2);
  EXPECT_EQ(bars["points"][1]["y"], 2500);
  EXPECT_TRUE(has(norms["caption"].get<std::string>(), "two heaps (bimodality coefficient 0.61"));

  const Json& overlaps = figure(data, "m1-overlaps");
  EXPECT_NEAR(series(overlaps, 0, "pairs of rows of this matrix")["points"][0]["y"].get<double>(), 1.8,
              1e-9);  // 0.9 / 0.5
  EXPECT_NEAR(series(overlaps, 0, "random directions")["points"][0]["y"].get<double>(), random_overlap_density(0, 64),
              1e-3);

  const Json& spectrum = figure(data, "m1-spectrum");
  EXPECT_EQ(series(spectrum, 0, "singular values")["points"].size(), 3u);  // the zero is not on a log scale, and said
  EXPECT_EQ(spectrum["notes"].size(), 1u);
  EXPECT_EQ(series(spectrum, 0, "effective rank 40.5")["points"][0]["x"], 40.5);
  EXPECT_EQ(series(figure(data, "m1-frequency"), 0, "as they are")["points"][1]["y"], 1.92);
}

TEST(InspectionData, comparison_over_models_and_over_steps) {
  const Json models = inspection_data(comparison(false));
  const Json& width = figure(models, "compare-width");
  EXPECT_EQ(series(width, 0, "a")["points"].size(), 2u);
  EXPECT_EQ(series(width, 0, "1/m, random directions")["role"], "theory");
  const Json& fit = series(width, 0, "fit, ∝ 1/m^1")["points"];
  for (const Json& point : fit) {  // the points lie on 2/m exactly
    EXPECT_NEAR(point["y"].get<double>() * point["x"].get<double>(), 2, 1e-3);
    EXPECT_LE(point["ci"][0].get<double>(), point["y"].get<double>());
  }
  EXPECT_THROW(figure(inspection_data(comparison(true)), "compare-width"), std::runtime_error);
  const Json steps = inspection_data(comparison(true));
  const Json& change = figure(steps, "compare-steps");
  EXPECT_EQ(series(change, 0, "mean norm")["points"].size(), 4u);
  EXPECT_EQ(series(change, 0, "alarm")["points"][0]["x"], 2000);
  EXPECT_NEAR(series(change, 1, "overlap")["points"][0]["y"].get<double>(), 2, 1e-9);
}

TEST(RenderInspection, tells_the_story_and_explains_each_number) {
  const std::string page = render_inspection(inspection());
  EXPECT_TRUE(has(page, "Mean-square overlap of two rows: 30.4/m"));
  EXPECT_TRUE(
      has(page, "With the mean row removed: 2.56/m. About 95 % of the excess is a direction that all rows share"));
  EXPECT_TRUE(has(page, "Rows of tokens seen in the counts have 1.73/m, rows of unseen ones 57.6/m"));
  for (const char* text :
       {"0123abcd", "a warning", "&quot; the&quot;", "&quot; and&quot;", "−0.812", "share represented",
        "one norm for all", "id 77", "0.99 (rows 5 and 9)", "keeps marginals", "0.3 ± 0.001"}) {
    EXPECT_TRUE(has(page, text)) << text;
  }
  Json split = inspection();
  split["matrices"][0]["excess"] = {{"total", 29.4}, {"unseen", nullptr}, {"anisotropy", 27.84}, {"structure", 1.56}};
  EXPECT_TRUE(has(render_inspection(split), "Of the excess over 1/m, 95 % goes with the mean row"));
  EXPECT_TRUE(has(render_inspection(split), "and 5 % is left"));
  // Nothing is loaded from anywhere: no address in the page's own markup.
  EXPECT_FALSE(has(page, "<link"));
  EXPECT_FALSE(has(page, "src=\"http"));
  EXPECT_TRUE(has(render_inspection(comparison(true)), "it jumps"));
  EXPECT_TRUE(has(render_inspection(comparison(false)), "a = <b>1.00 [0.80, 1.20]</b>"));
}

// Every text of the inspection replaced by one that tries to break out.
void poison(Json& value, const std::string& text) {
  if (value.is_string()) value = text;
  if (value.is_structured()) {
    for (Json& one : value) poison(one, text);
  }
}

TEST(RenderInspection, hostile_text_cannot_break_out) {
  const std::string hostile = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"\xff\x01 {{JS}} <!--";
  for (const bool steps : {false, true}) {
    Json all = comparison(steps);
    poison(all, hostile);
    const std::string page = render_inspection(all);
    EXPECT_FALSE(has(page, "<script>alert"));
    EXPECT_FALSE(has(page, "<img"));
    EXPECT_FALSE(has(page, "\xff"));
    EXPECT_FALSE(has(page, "<!--"));
    EXPECT_TRUE(has(page, "{{JS}}"));  // as text: markers are looked for in the template only
    EXPECT_TRUE(has(page, "&lt;img src=x"));
  }
}

// Visits every value of the inspection, replaces it, and renders: nothing may throw.
size_t mutate(Json& root, Json& value, const Json& with) {
  size_t count = 0;
  const Json kept = value;
  value = with;
  EXPECT_NO_THROW(inspection_data(root));
  EXPECT_NO_THROW(inspection_body(make_inspection_page(root)));  // without the bundle, which makes this slow
  value = kept;
  ++count;
  if (value.is_structured()) {
    for (Json& one : value) count += mutate(root, one, with);
  }
  return count;
}

TEST(RenderInspection, absent_and_wrong_fields_are_tolerated) {
  EXPECT_NO_THROW(render_inspection(Json()));
  EXPECT_NO_THROW(render_inspection(Json::array({1, 2})));
  EXPECT_TRUE(has(render_inspection(Json::object()), "No matrix was inspected"));
  const Json bare{{"path", "w.npy"}, {"matrices", {{{"tensor", "w"}, {"n", 5}, {"m", 2}}}}};
  EXPECT_TRUE(has(render_inspection(bare), "<code>w</code>"));
  EXPECT_FALSE(has(inspection_body(make_inspection_page(bare)), "nan"));
  Json all = comparison(true);
  all["files"].erase(1);
  all["compare"]["models"].erase(3);
  size_t count = 0;
  for (const Json& with : {Json(), Json(-1e308), Json::array({1, "x"})}) count += mutate(all, all, with);
  EXPECT_GT(count, 300u);
}

TEST(RenderInspection, many_matrices_have_a_line_each) {
  Json many = inspection();
  for (int k = 0; k < 40; ++k) many["matrices"].push_back(matrix());
  const std::string page = render_inspection(many);
  EXPECT_TRUE(has(page, "id=\"matrix-24\""));
  EXPECT_FALSE(has(page, "id=\"matrix-25\""));
  EXPECT_LT(page.size(), 3'000'000u);
}

// SUPERPOSE_INSPECTION=in.json,out.html: writes the page of a real inspection, for a look at it.
TEST(RenderInspection, page_of_a_given_inspection) {
  const char* paths = std::getenv("SUPERPOSE_INSPECTION");
  if (!paths) GTEST_SKIP() << "SUPERPOSE_INSPECTION is not set";
  const std::string both = paths;
  const size_t comma = both.find(',');
  write_file(both.substr(comma + 1), render_inspection(parse_json(read_text(both.substr(0, comma)), "inspection")));
}

}  // namespace
}  // namespace superpose::report
