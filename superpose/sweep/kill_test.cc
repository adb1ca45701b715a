// SPDX-License-Identifier: Apache-2.0
// kill -9 at random times: real processes, real signals.
//
// What must hold: every job ends in the store exactly as in a sweep that nobody disturbed; a run that the store held as
// finished is never started again; two live processes never compute one run. A process that dies between the end of a
// computation and its record loses that computation, so a run may be *computed* more than once, but only after the
// death of the one who computed it before.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "superpose/base/files.h"
#include "superpose/sweep/kill_jobs.h"

namespace superpose::sweep {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int kJobs = 800;
constexpr int kKills = 60;

struct Event {
  std::string what;  // "start", "done"
  int k = 0;
  pid_t pid = 0;
};

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("superpose_kill_" + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override {
    for (const pid_t pid : alive) ::kill(pid, SIGKILL), ::waitpid(pid, nullptr, 0);
    fs::remove_all(folder);
  }

  pid_t start_worker() {
    std::string words[] = {SUPERPOSE_KILL_WORKER, store_path(), (folder / "diary").string(), std::to_string(kJobs),
                           "3"};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), words[4].data(), nullptr};
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments, environ), 0);
    alive.insert(pid);
    return pid;
  }

  // True when the signal ended it; false when it had ended already.
  bool kill_worker(pid_t pid) {
    ::kill(pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    alive.erase(pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  // Until the diary has that many lines more, then up to 5 ms; for 0 lines, up to 40 ms: in the middle of a start.
  // Lines and not only time, so that a slow build is killed at work, too, and a fast one does not run out of jobs.
  void wait_a_while(int lines) {
    constexpr size_t kLineBytes = 15;  // "start 123 12345"
    const auto patience = std::chrono::steady_clock::now() + milliseconds(500);
    const size_t enough = diary_bytes() + static_cast<size_t>(lines) * kLineBytes;
    while (lines > 0 && diary_bytes() < enough && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    const int most_us = lines > 0 ? 5000 : 40000;
    std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, most_us)(random)));
  }

  size_t diary_bytes() const {
    std::error_code error;
    const auto bytes = fs::file_size(folder / "diary", error);
    return error ? 0 : bytes;
  }

  std::string store_path() const { return (folder / "runs.sqlite").string(); }

  // Keys k that the store holds finished now.
  std::set<int> finished() const {
    std::set<int> out;
    if (!fs::exists(store_path())) return out;
    try {
      for (const auto& run : store::Store(store_path(), store::Mode::read_only).runs()) {
        if (run.status == "ok" || run.status == "diverged") out.insert(run.config["k"].get<int>());
      }
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("is empty"), std::string::npos) << e.what();  // killed at birth
    }
    return out;
  }

  std::vector<Event> diary() const {
    std::vector<Event> out;
    std::ifstream file(folder / "diary");
    Event event;
    while (file >> event.what >> event.k >> event.pid) out.push_back(event);
    return out;
  }

  fs::path folder;
  std::set<pid_t> alive;
  std::mt19937 random{20240229};
};

std::map<std::string, Json> contents(const store::Store& store) {
  std::map<std::string, Json> out;
  for (const auto& run : store.runs()) {
    const bool is_new =
        out.emplace(run.key,
                    Json{{"config", run.config}, {"status", run.status}, {"result", run.result}, {"error", run.error}})
            .second;
    EXPECT_TRUE(is_new) << "two rows for " << run.config;
  }
  return out;
}

std::string integrity(const std::string& path) {
  sqlite3* raw = nullptr;
  std::string out = "cannot open";
  if (sqlite3_open(path.c_str(), &raw) == SQLITE_OK) {
    const auto keep = [](void* text, int, char** values, char**) {
      *static_cast<std::string*>(text) = values[0];
      return 0;
    };
    sqlite3_exec(raw, "PRAGMA integrity_check", keep, &out, nullptr);
  }
  sqlite3_close(raw);
  return out;
}

TEST_F(KillTest, sixty_kills_lose_nothing_repeat_nothing_and_change_no_result) {
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  // (position in the diary, what was finished before it): nothing of that may be started after it.
  std::vector<std::pair<size_t, std::set<int>>> snapshots;
  std::map<pid_t, size_t> killed;  // how long the diary was just before the signal
  int kills = 0, kills_beside_another = 0;
  std::vector<pid_t> workers;
  while (kills < kKills) {
    while (workers.size() < (kills % 3 == 0 ? 1u : 2u)) workers.push_back(start_worker());
    wait_a_while(draw(0, 3) == 0 ? 0 : draw(1, 16));
    const auto victim = workers.begin() + draw(0, static_cast<int>(workers.size()) - 1);
    const pid_t pid = *victim;
    workers.erase(victim);
    killed[pid] = diary().size();
    ASSERT_TRUE(kill_worker(pid)) << "a worker ended by itself: the jobs are too few to be disturbed " << kills;
    ++kills;
    kills_beside_another += !workers.empty();
    auto done = finished();
    snapshots.emplace_back(diary().size(), std::move(done));
  }
  ASSERT_LT(snapshots.back().second.size(), static_cast<size_t>(kJobs) * 9 / 10) << "the last kills hit nothing";
  EXPECT_GE(kills_beside_another, kKills / 4);
  workers.push_back(start_worker());
  for (const pid_t pid : workers) {
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "a worker that nobody killed ends well";
    alive.erase(pid);
  }

  EXPECT_EQ(integrity(store_path()), "ok");
  store::Store calm(folder / "calm.sqlite");
  run(calm, made_up_jobs(kJobs), made_up_work, {.workers = 16});
  const auto expected = contents(calm);
  ASSERT_EQ(expected.size(), static_cast<size_t>(kJobs));
  EXPECT_EQ(contents(store::Store(store_path(), store::Mode::read_only)), expected);

  const auto events = diary();
  std::set<std::pair<int, pid_t>> starts;
  std::map<int, pid_t> last_start;
  std::map<int, int> completions;
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (event.what == "done") ++completions[event.k];
    if (event.what != "start") continue;
    // A failed run is tried again by a process that begins later: its earlier owner need not be dead.
    if (event.k % 50 == 13) continue;
    EXPECT_TRUE(starts.insert({event.k, event.pid}).second) << "one process computed run " << event.k << " twice";
    const auto [before, is_first] = last_start.try_emplace(event.k, event.pid);
    if (!is_first) {
      const auto death = killed.find(before->second);
      EXPECT_TRUE(death != killed.end() && i >= death->second)
          << "run " << event.k << " was taken from a living process";
      before->second = event.pid;
    }
  }
  for (const auto& [position, done] : snapshots) {
    for (size_t i = position; i < events.size(); ++i) {
      EXPECT_FALSE(events[i].what == "start" && done.contains(events[i].k))
          << "finished run " << events[i].k << " again";
    }
  }
  size_t computed_again = 0;
  for (int k = 0; k < kJobs; ++k) {
    EXPECT_GE(completions[k], 1) << k;
    if (k % 50 != 13) computed_again += static_cast<size_t>(completions[k] - 1);
  }
  // Each kill can catch at most its three threads between the end of a computation and its record.
  EXPECT_LE(computed_again, static_cast<size_t>(3 * kKills));
  RecordProperty("kills", kills);
  RecordProperty("computed_again", static_cast<int>(computed_again));
}

}  // namespace
}  // namespace superpose::sweep
