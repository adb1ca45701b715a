// SPDX-License-Identifier: Apache-2.0
// What a page keeps of single runs, and pages of several stores.
#include "superpose/report/details.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "superpose/base/base.h"
#include "superpose/report/packed.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at + 4 <= text.size(); at += 4) {
    unsigned group = 0, digits = 0;
    for (size_t i = 0; i < 4; ++i) {
      const size_t digit = kDigits.find(text[at + i]);
      digits += digit != std::string_view::npos;
      group = group << 6 | static_cast<unsigned>(digit == std::string_view::npos ? 0 : digit);
    }
    for (size_t i = 0; i + 1 < digits; ++i) out += static_cast<char>(group >> (16 - 8 * i) & 255);
  }
  return out;
}

std::string gunzipped(std::string bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(size_t{64} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

Json unpacked(const Details& details) { return parse_json(gunzipped(from_base64(details.packed)), "details"); }

store::Run run_of(int64_t id, double decay, double m, int seed) {
  store::Run run;
  run.id = id, run.kind = "toy", run.status = "ok", run.version = "0.1.0", run.seconds = 2;
  run.key = fmt::format("{:016x}", static_cast<uint64_t>(id) * 2654435761u);
  run.config = {{"features", 1000}, {"dim", m},       {"law", "power:1.0"}, {"density", 1.0},
                {"decay", decay},   {"steps", 20000}, {"seed", seed}};
  std::mt19937_64 random(static_cast<uint64_t>(id));
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  Json curve = Json::array(), coordinates = Json::array(), gram = Json::array(), counts = Json::array();
  for (int step = 1; step <= 20000; step = step < 100 ? step + 1 : step * 11 / 10)
    curve.push_back(Json::array({step, 30 * uniform(random) / step}));
  std::vector<int> ranks;
  std::vector<double> norms;
  for (int i = 1; i <= 120; ++i) {
    ranks.push_back(i), norms.push_back(uniform(random));
    coordinates.push_back(Json::array({uniform(random), -uniform(random), 0.123456789}));
  }
  for (int i = 0; i < 24 * 24; ++i) gram.push_back(uniform(random));
  for (int i = 0; i < 50; ++i) counts.push_back(static_cast<int>(100 * uniform(random)));
  run.result = {
      {"loss", 0.123456789},
      {"curve", curve},
      {"norm_histogram", {{"min", 0}, {"max", 2}, {"counts", counts}}},
      {"picture",
       {{"vectors",
         {{"ranks", ranks}, {"coordinates", coordinates}, {"norms", norms}, {"kept", 0.5}, {"method", "W itself"}}},
        {"overlap_histogram", {{"min", 0}, {"max", 1}, {"counts", counts}}},
        {"gram", {{"size", 24}, {"values", gram}}}}}};
  return run;
}

std::vector<const store::Run*> pointers(const std::vector<store::Run>& runs) {
  std::vector<const store::Run*> out;
  for (const store::Run& run : runs) out.push_back(&run);
  return out;
}

std::vector<store::Run> some_runs(int settings, int seeds) {
  std::vector<store::Run> out;
  for (int seed = 0; seed < seeds; ++seed) {
    for (int i = 0; i < settings; ++i)
      out.push_back(run_of(static_cast<int64_t>(out.size()) + 1, i % 2 ? -1 : 0.5, 10 + i, seed));
  }
  return out;
}

TEST(Packed, base64_is_that_of_rfc_4648) {
  const std::pair<const char*, const char*> known[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, digits] : known) EXPECT_EQ(base64(text), digits);
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(Packed, comes_back_whole_and_has_no_time_in_it) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += fmt::format("{} ", i * i);
  EXPECT_EQ(gunzipped(from_base64(packed(text))), text);
  EXPECT_EQ(packed(text), packed(text));
  EXPECT_EQ(gzip(text).substr(4, 4), std::string(4, '\0'));
}

TEST(Details, a_run_comes_back_with_its_configuration_and_four_digits) {
  const std::vector<store::Run> runs = some_runs(3, 1);
  const Details details = make_details(pointers(runs), 1 << 20);
  const Json all = unpacked(details);
  ASSERT_EQ(all["runs"].size(), 3u);
  EXPECT_EQ(details.with_curve, 3u);
  EXPECT_EQ(details.with_picture, 3u);
  EXPECT_TRUE(details.left_out.empty());
  for (const Json& run : all["runs"]) {
    Json config = all["base"];
    for (const auto& [key, value] : run["config"].items()) config[key] = value;
    const auto id = static_cast<size_t>(std::stoi(run["id"].get<std::string>()));
    EXPECT_EQ(nlohmann::json(config), nlohmann::json(runs[id - 1].config));  // in any order
    EXPECT_EQ(run["at"][0], 1);                                              // power:1.0
    EXPECT_EQ(run["at"][2], runs[id - 1].config["dim"]);
    EXPECT_EQ(run["numbers"][0], 0.1235);
    EXPECT_EQ(run["picture"]["vectors"]["coordinates"][0][2], 0.123);
    EXPECT_EQ(run["picture"]["gram"]["values"].size(), 24u * 24u);
  }
}

TEST(Details, a_curve_has_sixty_points_evenly_in_log_step_and_both_ends) {
  const store::Run run = run_of(1, -1, 10, 0);
  const std::vector<double> curve = thinned_curve(run.result, 60);
  const size_t points = curve.size() / 2;
  EXPECT_GE(points, 45u);  // the first steps lie further apart than the grid
  EXPECT_LE(points, 62u);
  EXPECT_EQ(curve.front(), 1);
  EXPECT_EQ(curve[curve.size() - 2], run.result["curve"].back()[0].get<double>());
  for (size_t i = 1; i < points; ++i) EXPECT_GT(curve[2 * i], curve[2 * i - 2]);
  const double gap = std::log(20000.0) / 59;
  for (size_t i = 1; i + 1 < points; ++i) EXPECT_GT(std::log(curve[2 * i] / curve[2 * i - 2]), 0.2 * gap);
  EXPECT_TRUE(thinned_curve({{"curve", "none"}}, 60).empty());
  EXPECT_TRUE(thinned_curve(nullptr, 60).empty());
}

TEST(Details, a_short_budget_costs_pictures_of_later_seeds_first_then_pictures_then_curves) {
  const std::vector<store::Run> runs = some_runs(20, 3);
  const auto list = pointers(runs);
  const size_t whole = make_details(list, 1 << 24).packed.size();
  size_t last_pictures = 60, last_curves = 60;
  for (const double share : {0.9, 0.6, 0.45, 0.2, 0.1, 0.0}) {
    const auto budget = static_cast<size_t>(share * static_cast<double>(whole));
    const Details details = make_details(list, budget);
    const Json all = unpacked(details);
    EXPECT_EQ(all["runs"].size(), 60u) << "the numbers of all runs stay";
    size_t pictures = 0, curves = 0, last_seed = 0, lost_of_first = 0;
    for (const Json& run : all["runs"]) {
      curves += run.contains("curve"), pictures += run.contains("picture");
      if (run.contains("picture")) last_seed = std::max(last_seed, run["seed"].get<size_t>());
      lost_of_first += run["seed"] == 0 && !run.contains("picture");
    }
    EXPECT_EQ(pictures, details.with_picture);
    EXPECT_EQ(curves, details.with_curve);
    EXPECT_LE(pictures, last_pictures);
    EXPECT_LE(curves, last_curves);
    EXPECT_TRUE(lost_of_first == 0 || last_seed == 0) << "a later seed kept its picture and a first one lost it";
    EXPECT_TRUE(curves == 60 || pictures == 0) << "curves go last";
    EXPECT_EQ(details.left_out.size(), size_t{pictures < 60} + size_t{curves < 60});
    EXPECT_EQ(all["left_out"].size(), details.left_out.size());
    if (curves > 0) {
      EXPECT_LE(details.packed.size(), budget);
    }
    last_pictures = pictures, last_curves = curves;
  }
}

TEST(Details, malformed_results_cost_only_what_is_malformed) {
  store::Run run = run_of(1, -1, 10, 0);
  run.result["picture"]["gram"]["size"] = 1e9;
  run.result["curve"] = {{"not", "a curve"}};
  run.result["norm_histogram"]["counts"] = "many";
  store::Run odd = run_of(2, -1, 10, 1);
  odd.config = "text", odd.result = nullptr;
  const std::vector<store::Run> runs{run, odd};
  const Details details = make_details(pointers(runs), 1 << 20);
  EXPECT_EQ(details.runs, 1u);
  EXPECT_EQ(details.with_curve + details.with_picture, 0u);
  EXPECT_EQ(unpacked(details)["runs"][0]["numbers"][0], 0.1235);
}

TEST(Merge, a_configuration_of_two_stores_is_one_run_and_ids_name_their_store) {
  std::vector<store::Run> first = some_runs(4, 1), second = some_runs(6, 1);
  first[1].status = "interrupted", first[1].result = nullptr;  // finished in the second store only
  Inputs inputs;
  merge_stores({{"one.sqlite", first, {{"claims", "quick", {{"study", "old"}}, "2030-01-01"}}},
                {"two.sqlite", second, {{"claims", "quick", {{"study", "new"}}, "2030-01-02"}}}},
               inputs);
  ASSERT_EQ(inputs.runs.size(), 6u);
  std::map<std::string, std::string> by_key;
  for (const store::Run& run : inputs.runs) {
    EXPECT_EQ(run.status, "ok");
    EXPECT_TRUE(by_key.emplace(run.key, id_text(run.id)).second);
  }
  EXPECT_EQ(by_key[first[0].key], "a:1");
  EXPECT_EQ(by_key[second[1].key], "b:2") << "the finished one";
  EXPECT_EQ(by_key[second[5].key], "b:6");
  ASSERT_EQ(inputs.artifacts.size(), 1u);
  EXPECT_EQ(inputs.artifacts[0].value["study"], "new");
  EXPECT_EQ(inputs.sources[1].repeated, 4u);
  EXPECT_EQ(id_ranges({merged_id(0, 1), merged_id(0, 2), merged_id(0, 3), merged_id(1, 1), merged_id(1, 5)}),
            "a:1–3, b:1, b:5");
  Inputs alone;
  merge_stores({{"one.sqlite", first, {}}}, alone);
  EXPECT_EQ(id_text(alone.runs[0].id), "1") << "one store keeps its own ids";
}

TEST(Ledger, is_drawn_in_units_of_the_tolerance) {
  const Json value{{"id", "D1"},        {"claim", "a slope"}, {"published", 1.0},       {"tolerance", 0.1},
                   {"measured", 1.05},  {"ci95", {0.9, 1.2}}, {"verdict", "confirmed"}, {"because", ""},
                   {"command", "study"}};
  Claim near{"D1", "a slope", "slope", "1", "1.05", "", "", "0.1", "confirmed", value};
  Claim far = near;
  far.value["measured"] = 9.0, far.value["ci95"] = {8.0, 10.0};
  Claim range = near;
  range.value["published"] = {0.8, 1.2}, range.value["measured"] = 1.3, range.value["ci95"] = nullptr;
  Claim without = near;
  without.value["measured"] = nullptr;
  const auto drawn = ledger_figure({near, far, range, without});
  ASSERT_TRUE(drawn);
  const auto& series = drawn->panels[0].series;
  ASSERT_EQ(series.size(), 3u);
  EXPECT_NEAR(series[0].points[0].x, 0.5, 1e-9);
  EXPECT_NEAR(series[0].points[0].interval->first, -1, 1e-9);
  EXPECT_EQ(series[1].points[0].x, 4) << "beyond the edge";
  EXPECT_NEAR(series[2].points[0].x, 1, 1e-9) << "a range of 0.8 to 1.2 with a tolerance of 0.1 ends at 1.3";
  EXPECT_EQ(drawn->notes.size(), 1u);
  EXPECT_FALSE(ledger_figure({without}));
}

TEST(Coverage, is_read_from_the_documentation) {
  const auto drawn = coverage_figure();
  ASSERT_TRUE(drawn);
  std::set<std::string> designs;
  for (const Series& series : drawn->panels[0].series) {
    designs.insert(series.key);
    EXPECT_GE(series.points[0].x, 50) << series.key;
    EXPECT_LE(series.points[0].x, 100) << series.key;
  }
  EXPECT_GE(designs.size(), 10u);
  EXPECT_TRUE(designs.contains("power, 6 widths"));
}

}  // namespace
}  // namespace superpose::report
