// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/live.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "superpose/study/toy_run.h"

namespace superpose::study {
namespace {

class LiveTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::path(testing::TempDir()) / ("superpose_live_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
};

Json record(const store::Store& store) {
  const auto all = store.artifacts("live");
  return all.size() == 1 ? all[0].value : Json(nullptr);
}

TEST_F(LiveTest, what_runs_is_told_and_what_ended_too) {
  store::Store store(folder / "runs.sqlite");
  store.put_artifact("live", "elsewhere:1", Json{{"ended", true}});
  std::optional<Live> live(std::in_place, store, "test", 2);
  EXPECT_TRUE(store.artifacts("live").empty());  // of sweeps that ended
  const std::atomic<int> cores = 2;
  const sweep::JobContext context{nullptr, nullptr, &cores};
  const Json config{{"dim", 3}};
  const int64_t id = *store.claim("toy", config);
  {
    Live::Run first(*live, config, 1000, context), second(*live, Json{{"dim", 4}}, 1000, context);
    first.at(0, 2.0);
    first.at(100, 1.0);
    sweep::Progress progress;
    progress.total = 5, progress.done = 1, progress.eta_seconds = -1;
    live->progress(progress);
    const Json out = record(store);
    EXPECT_EQ(out["schema"], "superpose.live/1");
    EXPECT_FALSE(out["ended"].get<bool>());
    EXPECT_EQ(out["progress"]["total"], 5);
    EXPECT_TRUE(out["progress"]["eta_seconds"].is_null());
    ASSERT_EQ(out["running"].size(), 2u);
    EXPECT_EQ(out["running"][0]["run"], id);
    EXPECT_EQ(out["running"][0]["curve"], Json::parse("[[0,2.0],[100,1.0]]"));
    EXPECT_EQ(out["running"][0]["fraction"], 0.1);
    EXPECT_EQ(out["running"][0]["threads"], 2);
    EXPECT_EQ(out["running"][0]["core"], 0);
    EXPECT_EQ(out["running"][1]["core"], 1);
    EXPECT_TRUE(out["running"][1]["loss"].is_null());
  }
  live.reset();
  EXPECT_TRUE(record(store)["ended"].get<bool>());
  EXPECT_TRUE(record(store)["running"].empty());
}

TEST_F(LiveTest, a_long_curve_stays_short_and_even) {
  store::Store store(folder / "runs.sqlite");
  Live live(store, "test", 1);
  Live::Run run(live, Json{{"dim", 3}}, 1'000'000, {});
  for (int64_t step = 0; step < 1'000'000; step += 100) run.at(step, 1.0);
  live.progress({});
  const Json curve = record(store)["running"][0]["curve"];
  EXPECT_LE(curve.size(), 101u);
  EXPECT_GE(curve.size(), 40u);
  const int64_t every = curve[1][0].get<int64_t>() - curve[0][0].get<int64_t>();
  for (size_t k = 1; k < curve.size(); ++k)
    EXPECT_EQ(curve[k][0].get<int64_t>() - curve[k - 1][0].get<int64_t>(), every);
  EXPECT_GT(curve.back()[0].get<int64_t>(), 900'000);
}

TEST_F(LiveTest, a_sweep_of_toys_reports_while_it_runs) {
  store::Store store(folder / "runs.sqlite");
  std::optional<Live> live(std::in_place, store, "toys", 2);
  bool seen = false;
  sweep::Options options;
  options.workers = 2;
  std::atomic<bool> stop = false;
  options.stop = &stop;
  options.on_progress = [&](const sweep::Progress& now) {
    live->progress(now);
    const Json now_running = record(store)["running"];
    for (const Json& run : now_running) seen |= run["step"].get<int64_t>() > 0 && !run["curve"].empty();
    stop = seen || now.seconds > 60;
  };
  const auto jobs = resolve_jobs({Json{{"features", 100}, {"dim", 10}, {"steps", 100000}, {"batch", 64}}});
  sweep::run(store, jobs, toy_work({.live = &*live}), options);
  live.reset();
  EXPECT_TRUE(seen);
  EXPECT_TRUE(record(store)["ended"].get<bool>());
}

}  // namespace
}  // namespace superpose::study
