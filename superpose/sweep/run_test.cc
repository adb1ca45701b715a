// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <new>
#include <set>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/sweep/schedule.h"
#include "superpose/sweep/sweep.h"

namespace superpose::sweep {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path = fs::path(testing::TempDir()) / ("superpose_sweep_" + std::to_string(::getpid()) + "_" + info->name());
    remove();
  }
  void TearDown() override { remove(); }
  void remove() {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path.string() + suffix);
  }
  fs::path path;
};

std::vector<Job> numbered(int count) {
  std::vector<Job> jobs;
  for (int k = 0; k < count; ++k) jobs.push_back({{{"k", k}}, 1.0});
  return jobs;
}

// Waits in small steps as a training loop does.
void compute_for(milliseconds duration, const JobContext& context) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
    if (context.cancelled->load()) throw Cancelled{};
    std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST_F(SweepTest, runs_every_job_once_and_nothing_the_second_time) {
  store::Store store(path);
  std::atomic<int> calls = 0;
  const Work work = [&](const Json& config, const JobContext&) {
    ++calls;
    return Outcome{config["k"] == 3 ? "diverged" : "ok", {{"square", config["k"].get<int>() * config["k"].get<int>()}}};
  };
  auto jobs = numbered(10);
  jobs.push_back(jobs[4]);
  const Progress first = run(store, jobs, work, {.workers = 3});
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(first.total, 10u) << "a job asked for twice is one job";
  EXPECT_EQ(first.done, 10u);
  EXPECT_EQ(first.diverged, 1u);
  EXPECT_EQ(first.skipped + first.failed + first.running + first.waiting, 0u);
  for (const auto& run : store.runs()) {
    EXPECT_EQ(run.result["square"], run.config["k"].get<int>() * run.config["k"].get<int>());
  }
  const Progress second = run(store, numbered(12), work, {.workers = 3});
  EXPECT_EQ(calls, 12);
  EXPECT_EQ(second.skipped, 10u);
  EXPECT_EQ(second.done, 12u);
  EXPECT_EQ(second.diverged, 1u);
  EXPECT_EQ(run(store, {}, work, {}).total, 0u);
}

TEST_F(SweepTest, a_failing_job_is_recorded_and_the_others_go_on) {
  store::Store store(path);
  std::atomic<bool> broken = true;
  const Work work = [&](const Json& config, const JobContext&) -> Outcome {
    if (!broken) return {"ok", {}};
    switch (config["k"].get<int>()) {
      case 0:
        throw Error(ErrorKind::numeric, "no loss");
      case 1:
        throw std::runtime_error("other");
      case 2:
        throw std::bad_alloc();
      case 3:
        throw 7;
      case 4:
        throw Cancelled{};
      case 5:
        return {"fine", {}};
      default:
        return {"ok", {}};
    }
  };
  const Progress first = run(store, numbered(9), work, {.workers = 2});
  EXPECT_EQ(first.done, 9u);
  EXPECT_EQ(first.failed, 6u);
  EXPECT_EQ(store.find("toy", {{"k", 0}})->error, "no loss");
  EXPECT_EQ(store.find("toy", {{"k", 1}})->error, "other");
  EXPECT_EQ(store.find("toy", {{"k", 2}})->error, "out of memory");
  for (const auto& run : store.runs()) EXPECT_EQ(run.status == "failed", !run.error.empty());
  broken = false;
  std::this_thread::sleep_for(milliseconds(2));
  const Progress second = run(store, numbered(9), work, {.workers = 2});
  EXPECT_EQ(second.skipped, 3u) << "failed runs are tried again";
  EXPECT_EQ(second.failed, 0u);
  EXPECT_EQ(second.done, 9u);
}

TEST_F(SweepTest, the_longest_jobs_start_first) {
  store::Store store(path);
  std::vector<Job> jobs;
  for (const double cost : {1.0, 5.0, 3.0, std::nan(""), -1.0, 4.0}) jobs.push_back({{{"k", jobs.size()}}, cost});
  std::vector<int> order;
  run(store, jobs,
      [&](const Json& config, const JobContext&) {
        order.push_back(config["k"].get<int>());
        return Outcome{"ok", {}};
      },
      {.workers = 1});
  EXPECT_EQ(order, (std::vector<int>{1, 5, 2, 0, 3, 4}));
}

TEST_F(SweepTest, stopping_keeps_what_is_finished_and_frees_the_rest) {
  store::Store store(path);
  std::atomic<bool> stop = false;
  std::atomic<int> finished = 0;
  const Work work = [&](const Json&, const JobContext& context) {
    if (finished >= 3) {
      stop = true;
      compute_for(std::chrono::seconds(60), context);
    }
    ++finished;
    return Outcome{"ok", {}};
  };
  const auto begin = std::chrono::steady_clock::now();
  const Progress progress = run(store, numbered(50), work, {.workers = 2, .stop = &stop});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(progress.done, static_cast<size_t>(finished));
  EXPECT_LT(progress.done, progress.total);
  EXPECT_EQ(progress.running, 0u);
  for (const auto& run : store.runs()) EXPECT_TRUE(run.status == "ok" || run.status == "interrupted") << run.status;
  finished = -1000;
  const Progress rest = run(store, numbered(50), work, {.workers = 2});
  EXPECT_EQ(rest.skipped, progress.done);
  EXPECT_EQ(rest.done, 50u);
}

TEST_F(SweepTest, two_sweeps_share_the_jobs_and_count_each_others) {
  std::mutex mutex;
  std::multiset<int> computed;
  const Work work = [&](const Json& config, const JobContext& context) -> Outcome {
    compute_for(milliseconds(5), context);
    const std::lock_guard lock(mutex);
    computed.insert(config["k"].get<int>());
    if (config["k"] == 7) throw Error(ErrorKind::numeric, "seven");
    return {"ok", {}};
  };
  Progress ends[2];
  std::thread threads[2];
  for (int t = 0; t < 2; ++t) {
    threads[t] = std::thread([&, t] {
      store::Store store(path);
      std::this_thread::sleep_for(milliseconds(20));  // both begin before the failing job fails
      ends[t] = run(store, numbered(40), work, {.workers = 2});
    });
  }
  for (auto& thread : threads) thread.join();
  for (const Progress& end : ends) {
    EXPECT_EQ(end.done, 40u);
    EXPECT_EQ(end.failed, 1u);
    EXPECT_EQ(end.waiting, 0u);
  }
  EXPECT_EQ(computed.size(), 40u);
  EXPECT_EQ(std::set<int>(computed.begin(), computed.end()).size(), 40u);
}

TEST_F(SweepTest, waits_for_a_run_that_somebody_holds_and_takes_it_over_when_it_is_given_back) {
  store::Store other(path);
  const auto kept = *other.claim("toy", {{"k", 0}});
  const auto dropped = *other.claim("toy", {{"k", 1}});
  std::thread owner([&] {
    std::this_thread::sleep_for(milliseconds(300));
    other.finish(kept, "ok", {{"by", "other"}}, 1);
    other.release(dropped);
  });
  store::Store store(path);
  size_t most_waiting = 0;
  const Options options{.workers = 2,
                        .on_progress = [&](const Progress& p) { most_waiting = std::max(most_waiting, p.waiting); }};
  const auto work = [](const Json&, const JobContext&) { return Outcome{"ok", {{"by", "us"}}}; };
  const Progress end = run(store, numbered(4), work, options);
  owner.join();
  EXPECT_EQ(end.done, 4u);
  EXPECT_EQ(most_waiting, 2u);
  EXPECT_EQ(store.find("toy", {{"k", 0}})->result["by"], "other");
  EXPECT_EQ(store.find("toy", {{"k", 1}})->result["by"], "us");
}

TEST_F(SweepTest, progress_is_reported_and_the_eta_follows_the_fractions) {
  store::Store store(path);
  std::vector<Progress> seen;
  const Work work = [](const Json&, const JobContext& context) {
    for (int i = 1; i <= 20; ++i) {
      compute_for(milliseconds(100), context);
      context.fraction_done(i / 20.0);
    }
    return Outcome{"ok", {}};
  };
  const auto done = run(store, numbered(2), work, {.workers = 2, .on_progress = [&](auto& p) { seen.push_back(p); }});
  ASSERT_GE(seen.size(), 4u);
  EXPECT_LT(seen.front().eta_seconds, 0) << "not known before anything was computed";
  EXPECT_EQ(done.eta_seconds, 0);
  for (const auto& p : seen) {
    // Two jobs of two seconds at once; a machine that is busy with other tests may take three times as long.
    if (p.running == 2 && p.eta_seconds >= 0) {
      EXPECT_GT(p.eta_seconds + p.seconds, 1.5);
      EXPECT_LT(p.eta_seconds + p.seconds, 6.5);
    }
  }
}

TEST_F(SweepTest, an_exception_of_the_callback_ends_the_sweep_in_order) {
  store::Store store(path);
  int calls = 0;
  const Options options{.workers = 2, .on_progress = [&](const Progress&) {
                          if (++calls == 2) throw std::runtime_error("callback");
                        }};
  const Work work = [](const Json&, const JobContext& context) {
    compute_for(std::chrono::seconds(60), context);
    return Outcome{"ok", {}};
  };
  EXPECT_THROW(run(store, numbered(5), work, options), std::runtime_error);
  for (const auto& run : store.runs()) EXPECT_EQ(run.status, "interrupted");
}

TEST_F(SweepTest, a_store_that_fails_ends_the_sweep_with_its_error) {
  { store::Store{path}; }
  store::Store reader(path, store::Mode::read_only);
  const auto work = [](const Json&, const JobContext&) { return Outcome{"ok", {}}; };
  try {
    run(reader, numbered(3), work, {.workers = 2});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::io);
  }
}

std::vector<Job> costing(std::initializer_list<double> costs, int threads = 1) {
  std::vector<Job> jobs;
  for (const double cost : costs) jobs.push_back({{}, cost, threads});
  return jobs;
}

TEST(PredictedSeconds, is_the_longest_first_schedule) {
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({1, 2, 3, 4}), 1), 10);
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({1, 2, 3, 4}), 2), 5);
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({1, 2, 3, 4}), 100), 4) << "never below the longest job";
  EXPECT_EQ(predicted_seconds({}, 3), 0);
}

TEST(PredictedSeconds, spare_cores_go_to_the_jobs_that_can_use_them) {
  const double two = 1 + kSpareCoreYield, four = 1 + 3 * kSpareCoreYield;
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({12}, 4), 8), 12 / four) << "no more than it can use";
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({12}, 4), 2), 12 / two) << "no more than there are";
  EXPECT_DOUBLE_EQ(predicted_seconds(costing({3, 3, 3}, 4), 1), 9);
  // Both cores are busy until 4; then the longer one, with 6 left, has both.
  EXPECT_NEAR(predicted_seconds(costing({10, 4}, 4), 2), 4 + 6 / two, 1e-9);
}

TEST(LendCores, never_more_than_there_are_or_can_be_used) {
  EXPECT_EQ(lend_cores(std::vector{4, 4}, 2), (std::vector{1, 1}));
  EXPECT_EQ(lend_cores(std::vector{4, 4}, 7), (std::vector{4, 3}));
  EXPECT_EQ(lend_cores(std::vector{1, 3}, 9), (std::vector{1, 3}));
  EXPECT_EQ(lend_cores(std::vector{5, 5, 5}, 0), (std::vector{1, 1, 1})) << "a job that runs has a core";
  EXPECT_TRUE(lend_cores({}, 4).empty());
}

TEST_F(SweepTest, cores_are_lent_when_fewer_jobs_than_cores_are_left) {
  store::Store store(path);
  auto jobs = numbered(9);
  jobs[0].cost = 100;
  jobs[0].threads = 3;
  std::atomic<int> small_running = 0, most_with_small = 0, most_alone = 0;
  const Work work = [&](const Json& config, const JobContext& context) {
    if (config["k"] != 0) {
      ++small_running;
      compute_for(milliseconds(5), context);
      --small_running;
      return Outcome{"ok", {}};
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (store.statuses("toy").size() < 9 || most_alone < 3) {  // until alone, and then until lent more
      const int cores = context.cores->load();
      (small_running > 0 ? most_with_small : most_alone) = cores;
      if (std::chrono::steady_clock::now() > end) break;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return Outcome{"ok", {}};
  };
  run(store, jobs, work, {.workers = 4});
  EXPECT_EQ(most_alone, 3) << "all it can use, once nothing is left to start";
  EXPECT_LE(most_with_small, 3);
}

TEST_F(SweepTest, jobs_at_once_stay_within_the_memory) {
  store::Store store(path);
  auto jobs = numbered(12);
  for (size_t k = 0; k < jobs.size(); ++k) jobs[k].bytes = k == 0 ? 1000 : 40;  // the first needs more than there is
  std::atomic<int> bytes = 0, most = 0;
  std::atomic<bool> alone = true;
  const Work work = [&](const Json& config, const JobContext& context) {
    const int mine = config["k"] == 0 ? 1000 : 40;
    const int now = bytes += mine;
    if (now != mine && (mine == 1000 || now > 1000)) alone = false;
    if (mine == 40) most = std::max(most.load(), now);
    compute_for(milliseconds(10), context);
    bytes -= mine;
    return Outcome{"ok", {}};
  };
  EXPECT_EQ(run(store, jobs, work, {.workers = 4, .memory_bytes = 100}).done, 12u);
  EXPECT_TRUE(alone);
  EXPECT_LE(most, 80) << "two of 40 fit in 100, three do not";
}

TEST_F(SweepTest, what_a_job_leaves_for_after_its_record_is_called_then) {
  store::Store store(path);
  std::atomic<int> called = 0;
  const Work work = [&](const Json& config, const JobContext&) -> Outcome {
    return {"ok", {}, [&store, &called, config] { called += store.find("toy", config)->status == "ok"; }};
  };
  run(store, numbered(3), work, {.workers = 2});
  EXPECT_EQ(called, 3);
}

}  // namespace
}  // namespace superpose::sweep
