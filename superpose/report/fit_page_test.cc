// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/fit_page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "superpose/base/files.h"
#include "superpose/report/fit_page_data.h"

namespace superpose::report {
namespace {

// loss = floor + 30/m for m = 32 .. 1024 with small errors, as `superpose fit --json` writes it, with every field.
Json parameter(double value, double low, double high, bool identified = true) {
  const Json interval = Json::array({low, high});
  return {{"value", value},
          {"se", (high - low) / 4},
          {"ci95", interval},
          {"intervals", {{"profile", interval}, {"bootstrap", interval}, {"asymptotic", interval}}},
          {"identified", identified},
          {"held", false},
          {"at_bound", false}};
}

void add_rows(Json& fit, const std::vector<std::string>& groups) {
  Json m = Json::array(), y = m, group = m, cluster = m, predicted = m, residuals = m, curves = m;
  for (size_t g = 0; g < groups.size(); ++g) {
    const double floor = 1.5 + static_cast<double>(g);
    Json curve{{"group", groups[g]},
               {"x", Json::array()},
               {"y", Json::array()},
               {"low", Json::array()},
               {"high", Json::array()}};
    for (int k = 5; k <= 12; ++k) {
      const double width = std::pow(2, k), loss = floor + 30 / width;
      curve["x"].push_back(width), curve["y"].push_back(loss);
      curve["low"].push_back(loss - 0.01), curve["high"].push_back(loss + 0.01);
      if (k > 10) continue;
      const double error = k % 2 ? 0.003 : -0.003;
      m.push_back(width), y.push_back(loss + error), predicted.push_back(loss), residuals.push_back(error);
      group.push_back(groups[g]), cluster.push_back("run " + std::to_string(k));
    }
    curves.push_back(curve);
    fit["parameters"]["L0" + (groups[g].empty() ? "" : "." + groups[g])] = parameter(floor, floor - 0.01, floor + 0.01);
  }
  const bool grouped = groups.size() > 1 || !groups[0].empty();
  fit["curves"] = curves, fit["predicted"] = predicted, fit["residuals"] = residuals;
  fit["data"] = {{"inputs", {{"m", m}}}, {"y", y}, {"group", grouped ? group : Json::array()}, {"cluster", cluster}};
  fit["rows"] = y.size();
}

Json sample(const std::vector<std::string>& groups = {"a", "b"}) {
  Json fit = Json::parse(R"json({
    "schema": "superpose.fit/1", "version": "0.1.0", "law": "width", "formula": "L = C/m^alpha + L0[group]",
    "config": {"table": "my table.csv", "law": "width", "columns": {"m": "d_model"}, "y": "loss", "group": ["g"],
               "cluster": "run", "units": {"D": 1e6}, "where": ["name=='it's'"], "min_x": 16, "drop_highest": 0, "fix": {"b": 1},
               "objective": "ls", "delta": 0.001, "interval": "auto", "bootstrap": 300, "seed": 7},
    "status": "converged", "objective": 0.001, "objective_is": "½Σr², r = observed - predicted", "r2": 0.99,
    "identified": true, "interval_method": "profile", "window": [32, 1024], "aicc": -50.5, "bic": -40.5, "rows_read": 14,
    "warnings": ["a warning"], "notes": ["m is column d_model"],
    "bootstrap": {"unit": "clusters (run)", "units": 6, "resamples": 300, "failed": 1, "at_bound": 2},
    "compared_to": [{"law": "power", "formula": "y = C/x^alpha", "parameters": 2, "aicc": 1, "bic": 2, "delta_aicc": 51.5,
                     "backtest_rms_error": 0.5, "yardstick": false},
                    {"law": "constant", "formula": "y = a", "parameters": 1, "aicc": null, "bic": null,
                     "delta_aicc": null, "backtest_rms_error": null, "yardstick": true}],
    "backtest": {"held_out_x": 1024, "largest_x_used": 512, "extrapolation_factor": 2, "rows_used": 10, "rms_error": 0.02,
      "covered": 2, "points": [
        {"group": "a", "x": 1024, "observed": 1.53, "predicted": 1.54, "interval95": [1.5, 1.6], "covered": true},
        {"group": "a", "x": 1024, "observed": 1.59, "predicted": 1.54, "interval95": [1.5, 1.58], "covered": false},
        {"group": "b", "x": 1024, "observed": 2.53, "predicted": 2.52, "interval95": [2.5, null], "covered": true}]},
    "diagnostics": {"runs": 12, "runs_p": 0.001, "largest_leverage": 0.25, "leverage_row": 3, "influence_of": "alpha",
      "influential": [{"row": 2, "unit": "run 7", "shift_in_se": -1.5, "value": 0.93}]},
    "profiles": [{"parameter": "alpha", "value": [0.8, 0.9, 0.95, 1.0, 1.1, 1.2], "excess": [3, 1, 0.2, 0, 1, 9]}],
    "inverse_width": {
  "parameter" : "alpha", "verdict" : "confirmed", "because" : "alpha = 1, 95 % interval [0.9, 1.1] contains 1"
}
})json");
  fit["parameters"] = {{"C", parameter(30, 20, 45)}, {"alpha", parameter(1, 0.9, 1.1)}};
  add_rows(fit, groups);
  Json draws = Json::object();
  for (int i = 0; i < 200; ++i) {
    const double t = std::sin(i * 1.7);
    draws["C"].push_back(30 * std::exp(0.2 * t)), draws["alpha"].push_back(1 + 0.05 * t);
    draws["L0.a"].push_back(1.5 + 0.004 * std::cos(i * 0.9));
  }
  fit["bootstrap"]["draws"] = draws;
  return fit;
}

Json two_inputs() {
  Json fit = sample({""});
  fit["law"] = "chinchilla", fit["formula"] = "L = E + A/N^alpha + B/D^beta";
  fit["parameters"] = {{"E", parameter(1.5, 1.4, 1.6)},
                       {"A", parameter(30, 20, 45)},
                       {"alpha", parameter(1, 0.9, 1.1)},
                       {"B", parameter(1, 0.01, 1e6, false)},
                       {"beta", parameter(0.3, 0.01, 3, false)}};
  Json& inputs = fit["data"]["inputs"];
  inputs["N"] = inputs["m"], inputs["D"] = inputs["m"];
  inputs.erase("m");
  return fit;
}

const Json* find_figure(const Json& data, std::string_view id) {
  for (const Json& one : data["figures"]) {
    if (one["id"] == id) return &one;
  }
  return nullptr;
}

const Json& series(const Json& figure, size_t panel, std::string_view key, std::string_view role = "") {
  for (const Json& one : figure["panels"][panel]["series"]) {
    if (one["key"] == key && (role.empty() || one["role"] == role) && one["points"].size() > 1) return one;
  }
  throw std::runtime_error("no series " + std::string(key));
}

bool has(const std::string& page, std::string_view text) { return page.find(text) != std::string::npos; }

TEST(FitData, law_of_few_groups_has_one_colour_each_and_shows_where_it_extrapolates) {
  const Json data = fit_data(sample());
  const Json& law = *find_figure(data, "law");
  EXPECT_EQ(series(law, 0, "a")["points"].size(), 6u);
  EXPECT_NE(series(law, 0, "a")["hue"], series(law, 0, "b")["hue"]);
  const Json &inside = series(law, 0, "the law"), &all = series(law, 0, "the law, extrapolated");
  EXPECT_EQ(inside["points"].back()["x"], 1024);
  EXPECT_EQ(inside["role"], "fit");
  EXPECT_EQ(all["points"].back()["x"], 4096);
  EXPECT_EQ(all["role"], "theory");  // dashed
  const Json& shade = law["panels"][0]["series"][2];
  EXPECT_EQ(shade["symbol"], "shade");
  EXPECT_EQ(shade["points"][0]["x"], 32);
  EXPECT_EQ(shade["points"][0]["x2"], 1024);
}

TEST(FitData, law_between_two_points_of_its_curve_ends_with_the_rows) {
  Json fit = sample({""});
  fit["window"] = {32, 768};
  const Json data = fit_data(fit);
  const Json& inside = series(*find_figure(data, "law"), 0, "the law");
  EXPECT_EQ(inside["points"].back()["x"], 768);
  EXPECT_NEAR(inside["points"].back()["y"].get<double>(), 1.5 + (30.0 / 512 + 30.0 / 1024) / 2, 1e-4);
}

TEST(FitData, many_groups_lie_on_one_law_less_their_floors) {
  std::vector<std::string> groups;
  for (int g = 0; g < 12; ++g) groups.push_back("group " + std::to_string(g));
  Json fit = sample(groups);
  const Json data = fit_data(fit);
  const Json& law = *find_figure(data, "law");
  EXPECT_EQ(law["panels"].size(), 13u);
  EXPECT_TRUE(law["panels"][0]["shown"]);
  EXPECT_FALSE(law["panels"][1]["shown"]);
  for (const Json& point : series(law, 0, "rows of the table, less the floor of their group")["points"]) {
    EXPECT_NEAR(point["y"].get<double>(), 30 / point["x"].get<double>(), 0.0031);
  }
  const Json& first = series(law, 0, "the law")["points"][0];
  EXPECT_NEAR(first["y"].get<double>(), 30.0 / 32, 1e-4);
  EXPECT_LT(first["ci"][0], first["y"]);  // from the draws
  EXPECT_TRUE(has(law["caption"].get<std::string>(), "the fitted floor L0[group] of its group is taken off"));
  fit["parameters"]["L0.group 3"]["identified"] = false, fit["identified"] = false;
  EXPECT_TRUE(has((*find_figure(fit_data(fit), "law"))["caption"].get<std::string>(), "the 12 groups have one colour"));
}

TEST(FitData, what_the_rows_do_not_identify_is_no_value_and_no_forecast) {
  Json fit = sample({""});
  fit["identified"] = false, fit["status"] = "flat";
  for (const char* name : {"C", "alpha", "L0"}) fit["parameters"][name]["identified"] = false;
  fit["parameters"]["C"]["value"] = 31.4159;
  fit["parameters"]["L0"]["ci95"] = {nullptr, 2.25};
  fit["inverse_width"]["verdict"] = "cannot_tell";
  const Json data = fit_data(fit);
  const Json& law = *find_figure(data, "law");
  EXPECT_EQ(series(law, 0, "one of many laws that fit")["points"].back()["x"], 1024);
  EXPECT_THROW(series(law, 0, "the law, extrapolated"), std::runtime_error);
  for (const Json& one : (*find_figure(data, "pairs"))["panels"][0]["series"]) EXPECT_NE(one["key"], "fit to all rows");
  const std::string body = fit_body(make_fit_page(fit));
  EXPECT_FALSE(has(body, "31.4"));
  EXPECT_TRUE(has(body, "<b>not identified</b><small>95 %: at most 2.25</small>"));
  EXPECT_TRUE(has(body, "do not identify the law: all of its 3 parameters"));
  EXPECT_TRUE(has(body, "cannot tell"));
}

TEST(FitData, several_inputs_have_a_panel_for_each_known_term) {
  const Json fit = two_inputs(), data = fit_data(fit);
  EXPECT_EQ((*find_figure(data, "law"))["panels"][0]["title"], "observed against predicted");
  const Json& terms = *find_figure(data, "terms");
  ASSERT_EQ(terms["panels"].size(), 1u);
  EXPECT_EQ(terms["panels"][0]["title"], "A/N^alpha");
  EXPECT_EQ(terms["notes"][0], "B/D^beta is not drawn: the rows do not identify it.");
  EXPECT_NEAR(series(terms, 0, "term + residual of each row")["points"][0]["y"].get<double>(), 30.0 / 32 + 0.003, 1e-4);
  EXPECT_EQ((*find_figure(data, "residuals"))["panels"].size(), 3u);
}

TEST(FitData, profiles_pairs_and_backtest) {
  const Json data = fit_data(sample());
  const Json& profiles = *find_figure(data, "profiles");
  EXPECT_EQ(series(profiles, 0, "profile")["points"].size(), 5u);  // 9 is far off the picture
  EXPECT_EQ(series(profiles, 0, "1: end of the 95 % interval")["points"][0]["y"], 1);
  const Json& pairs = *find_figure(data, "pairs");
  EXPECT_EQ(pairs["panels"][0]["title"], "alpha and L0.a");
  EXPECT_EQ(pairs["panels"][1]["title"], "alpha and C");
  EXPECT_EQ(pairs["panels"][0]["series"][0]["points"].size(), 200u);
  const Json& backtest = *find_figure(data, "backtest");
  EXPECT_EQ(series(backtest, 0, "predicted, 95 % interval")["points"].size(), 3u);
  EXPECT_FALSE(series(backtest, 0, "predicted, 95 % interval")["points"][2].contains("ci"));  // an open end
  EXPECT_NE(backtest["panels"][0]["series"][0]["points"][0]["x"], backtest["panels"][0]["series"][0]["points"][1]["x"]);
}

TEST(FitData, many_rows_are_thinned_and_the_page_says_so) {
  Json fit = sample({""});
  Json &m = fit["data"]["inputs"]["m"], &y = fit["data"]["y"];
  m = Json::array(), y = Json::array();
  for (int i = 0; i < 20000; ++i) m.push_back(32 << (i % 6)), y.push_back(1.5 + 30.0 / (32 << (i % 6)));
  fit["predicted"] = y, fit["residuals"] = Json(std::vector<double>(20000, 0.0)),
  fit["data"]["cluster"] = Json::array();
  const Json data = fit_data(fit);
  const Json& law = *find_figure(data, "law");
  EXPECT_NEAR(static_cast<double>(series(law, 0, "rows of the table")["points"].size()), 1200, 5);
  EXPECT_TRUE(has(law["notes"][0].get<std::string>(), "of the 20\u202f000 rows"));
  EXPECT_LT(render_fit(fit).size(), 2'000'000u);
}

TEST(FormulaOfAFit, terms_and_floor) {
  Json fit = two_inputs();
  for (const char* formula :
       {"L = E + A/N^alpha + B/D^beta", "E+A*N^-alpha + B*D^-beta", "-E + A/(N·D)^alpha - B*log(D)"}) {
    fit["formula"] = formula;
    const FitPage page = make_fit_page(fit);
    EXPECT_EQ(page.offset, "E") << formula;
    ASSERT_EQ(page.terms.size(), 2u) << formula;
    EXPECT_EQ(page.terms[0].exponent, "alpha");
    EXPECT_TRUE(page.unread.empty());
  }
  fit["formula"] = "E + A*exp(N) + ^^ / + (";
  EXPECT_TRUE(make_fit_page(fit).terms.empty());
  EXPECT_EQ(make_fit_page(fit).unread.size(), 3u);
}

TEST(RenderFit, tells_the_verdict_and_how_it_was_made) {
  const std::string page = render_fit(sample());
  for (const char* text :
       {"12 rows identify all 4 parameters", "yes, as far as these rows tell", "a warning", "<b>1.00 [0.90, 1.10]</b>",
        "exponent of m", "this fit", "+51.5", "(yardstick)", "which chance gives with p = 0.001",
        "Row 4 has the largest leverage", "without run 7 it moves by −1.5 standard errors to 0.93",
        "300 resamples of 6 clusters (run); 1 had no fit", "m is column d_model"}) {
    EXPECT_TRUE(has(page, text)) << text;
  }
  EXPECT_EQ(
      fit_command(make_fit_page(sample())),
      "superpose fit 'my table.csv' --law width --m d_model --y loss --group g --where 'name=='\\''it'\\''s'\\''' "
      "--unit D=1000000 --fix b=1 --cluster run --min-x 16 --objective ls --interval profile --bootstrap 300 --seed 7 "
      "-o fit.html");
  EXPECT_EQ(page, render_fit(sample()));
  EXPECT_FALSE(has(page, "<link"));
  EXPECT_FALSE(has(page, "src=\"http"));
  EXPECT_FALSE(has(fit_body(make_fit_page(sample())), "http"));
}

void poison(Json& value, const std::string& text) {
  if (value.is_string()) value = text;
  if (value.is_structured()) {
    for (Json& one : value) poison(one, text);
  }
}

TEST(RenderFit, hostile_text_cannot_break_out) {
  const std::string hostile = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"\xff\x01 {{JS}} <!--";
  Json names = sample({hostile, "b"});
  names["parameters"][hostile] = parameter(1, 0, 2);
  names["profiles"][0]["parameter"] = hostile, names["data"]["inputs"][hostile] = names["data"]["inputs"]["m"];
  Json all = sample();
  poison(all, hostile);
  for (const Json& fit : {all, names}) {
    const std::string page = render_fit(fit);
    EXPECT_FALSE(has(page, "<script>alert"));
    EXPECT_FALSE(has(page, "<img"));
    EXPECT_FALSE(has(page, "\xff"));
    EXPECT_FALSE(has(page, "<!--"));
    EXPECT_TRUE(has(page, "{{JS}}"));
    EXPECT_TRUE(has(page, "&lt;img src=x"));
  }
}

void expect_page(const Json& fit) {
  std::string body;
  EXPECT_NO_THROW(fit_data(fit));
  EXPECT_NO_THROW(body = fit_body(make_fit_page(fit)));  // without the bundle, which makes this slow
  for (const char* text : {"nan", "inf ", "[inf", "-inf", "null"}) EXPECT_FALSE(has(body, text)) << text;
}

// Replaces every value in turn.
size_t mutate(Json& root, Json& value, const Json& with) {
  const Json kept = value;
  value = with;
  expect_page(root);
  value = kept;
  size_t count = 1;
  if (value.is_structured()) {
    for (Json& one : value) count += mutate(root, one, with);
  }
  return count;
}

// Removes every member in turn.
size_t remove_each(Json& root, Json& value) {
  size_t count = 0;
  if (!value.is_structured()) return 0;
  std::vector<std::string> names;
  if (value.is_object()) {
    for (const auto& [name, one] : value.items()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const Json kept = value;
    value.erase(name);
    expect_page(root);
    value = kept;
    ++count;
  }
  for (Json& one : value) count += remove_each(root, one);
  return count;
}

// Few rows and draws: every number of them is replaced.
Json small() {
  Json out = sample();
  for (Json& column : out["bootstrap"]["draws"]) column = Json(std::vector<double>{1, 2, 3});
  for (Json& curve : out["curves"]) {
    for (const char* name : {"x", "y", "low", "high"}) curve[name] = Json(std::vector<double>{16, 64, 4096});
  }
  return out;
}

TEST(RenderFit, absent_and_wrong_fields_are_tolerated) {
  EXPECT_NO_THROW(render_fit(Json()));
  EXPECT_NO_THROW(render_fit(Json::array({1, 2})));
  EXPECT_TRUE(has(render_fit(Json::object()), "nothing to say about the law"));
  for (Json fit : {small(), two_inputs()}) {
    fit["bootstrap"]["draws"].erase("L0.a");
    EXPECT_GT(remove_each(fit, fit), 80u);
  }
  Json fit = small();
  size_t count = 0;
  for (const Json& with :
       {Json(), Json(-1e308), Json(0), Json("x"), Json(true), Json::array({1, "x"}), Json{{"a", 1}}}) {
    count += mutate(fit, fit, with);
  }
  EXPECT_GT(count, 1500u);
}

TEST(RenderFit, extreme_numbers_are_tolerated) {
  for (const double value : {0.0, -1.0, 1e-320, 1e308, -1e308}) {
    Json fit = small();
    for (Json* list :
         {&fit["data"]["y"], &fit["data"]["inputs"]["m"], &fit["predicted"], &fit["residuals"], &fit["window"]}) {
      const Json kept = *list;
      for (Json& one : *list) one = value;
      expect_page(fit);
      *list = kept;
    }
    fit["parameters"]["alpha"] = parameter(value, value, value);
    expect_page(fit);
  }
}

// SUPERPOSE_FIT=in.json,out.html: writes the page of a real fit, for a look at it.
TEST(RenderFit, page_of_a_given_fit) {
  const char* paths = std::getenv("SUPERPOSE_FIT");
  if (!paths) GTEST_SKIP() << "SUPERPOSE_FIT is not set";
  const std::string both = paths;
  const size_t comma = both.find(',');
  write_file(both.substr(comma + 1), render_fit(parse_json(read_text(both.substr(0, comma)), "fit")));
}

}  // namespace
}  // namespace superpose::report
