// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/snapshot.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "superpose/base/files.h"
#include "superpose/study/toy_run.h"

namespace superpose::study {
namespace {

namespace fs = std::filesystem;

toy::Resolved small_run(const char* engine, int64_t features = 60) {
  toy::Config config;
  config.features = features;
  config.dim = 9;
  config.batch = 64;
  config.steps = 400;
  config.seed = 5;
  config.engine = engine;
  return toy::resolve(config);
}

// All of a result that must not depend on interruptions.
Json bits(const toy::Resolved& run, const toy::Result& r) {
  Json out = toy_result(run, r);
  out.erase("seconds");
  out.erase("steps_per_second");
  out["W"] = fingerprint(std::string_view(reinterpret_cast<const char*>(r.W.data()), r.W.rows() * r.W.cols() * 4));
  out["b"] = fingerprint(std::string_view(reinterpret_cast<const char*>(r.b.data()), r.b.size() * 4));
  out["steps_done"] = r.steps_done;
  return out;
}

class SnapshotTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder = fs::path(testing::TempDir()) / ("superpose_snapshot_" + std::to_string(::getpid()) + "_" + info->name());
    fs::create_directories(folder);
    path = folder / "run.safetensors";
  }
  void TearDown() override { fs::remove_all(folder); }
  SnapshotFile file(const toy::Resolved& run, bool strict = false) {
    return SnapshotFile(run, {path, 0, strict, [this](const std::string& text) { notes.push_back(text); }});
  }
  // Trains until `step` steps are done and cancels: a last snapshot is left.
  void train_until(const toy::Resolved& run, int64_t step, int threads = 1) {
    struct StopAt : toy::Snapshots {
      toy::Snapshots& inner;
      int64_t steps_left;
      std::atomic<bool> stop = false;
      StopAt(toy::Snapshots& i, int64_t s) : inner(i), steps_left(s) {}
      bool load(std::span<const toy::StateArray> a) override { return inner.load(a); }
      bool due() override {
        if (--steps_left == 0) stop = true;
        return false;
      }
      void save(std::span<const toy::StateArray> a, bool last) override { inner.save(a, last); }
    };
    auto inner = file(run);
    StopAt snapshots(inner, step);
    toy::TrainOptions options;
    options.threads = threads;
    options.snapshots = &snapshots;
    options.cancelled = &snapshots.stop;
    EXPECT_THROW(toy::train(run, options), toy::Cancelled);
  }
  toy::Result go_on(const toy::Resolved& run, bool strict = false, int threads = 1) {
    auto snapshots = file(run, strict);
    snapshots.due();
    toy::TrainOptions options;
    options.threads = threads;
    options.snapshots = &snapshots;
    return toy::train(run, options);
  }
  fs::path folder, path;
  std::vector<std::string> notes;
};

TEST_F(SnapshotTest, an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one) {
  for (const char* engine : {"fast", "reference"}) {
    for (const int threads : {1, 2}) {
      const toy::Resolved run = small_run(engine, *engine == 'f' ? 1100 : 60);  // two blocks of columns for two threads
      const Json whole = bits(run, toy::train(run));
      fs::remove(path);
      for (const int64_t more : {1, 36, 150}) train_until(run, more, threads);  // the dense steps, the sparse ones
      const toy::Result end = go_on(run, true, 3 - threads);
      EXPECT_EQ(end.resumed_at, 1 + 36 + 150);
      EXPECT_EQ(bits(run, end), whole) << engine << ", " << threads << " threads";
      EXPECT_GT(end.seconds, end.seconds_here) << "the time of all parts";
    }
  }
  EXPECT_TRUE(notes.empty()) << notes[0];
}

TEST_F(SnapshotTest, a_run_killed_at_any_moment_goes_on) {
  const toy::Resolved run = small_run("fast");
  const Json whole = bits(run, toy::train(run));
  for (int kill = 0; kill < 3; ++kill) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // saves after every step until it is killed
      SnapshotFile snapshots(run, {path, 0, false, {}});
      struct Always : toy::Snapshots {
        toy::Snapshots& inner;
        explicit Always(toy::Snapshots& i) : inner(i) {}
        bool load(std::span<const toy::StateArray> a) override { return inner.load(a); }
        bool due() override { return true; }
        void save(std::span<const toy::StateArray> a, bool) override { inner.save(a, true); }
      } always(snapshots);
      toy::TrainOptions options;
      options.snapshots = &always;
      toy::train(run, options);
      ::_exit(0);
    }
    ::usleep(15000 + 7000 * kill);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
  }
  const toy::Result end = go_on(run, true);
  EXPECT_EQ(bits(run, end), whole);
}

TEST_F(SnapshotTest, a_damaged_file_is_never_believed) {
  const toy::Resolved run = small_run("fast");
  const Json whole = bits(run, toy::train(run));
  train_until(run, 50);
  const std::string good = read_text(path);
  std::vector<std::string> bad{"",
                               "x",
                               good.substr(0, 8),
                               good.substr(0, good.size() / 2),
                               good.substr(0, good.size() - 1),
                               good + "x",
                               std::string(good.size(), '\0'),
                               std::string(8, '\xff') + good.substr(8)};
  for (size_t at :
       {size_t{0}, size_t{9}, size_t{40}, good.size() / 3, good.size() / 2, good.size() - 20, good.size() - 1}) {
    bad.push_back(good);
    bad.back()[at] = static_cast<char>(bad.back()[at] ^ 0x10);
  }
  // Two rows of W exchanged: every byte is there.
  bad.push_back(good);
  const auto row = bad.back().begin() + 4096;
  std::swap_ranges(row, row + 64, row + 64);
  ASSERT_TRUE(bad.back() != good);
  for (const std::string& bytes : bad) {
    write_file(path, bytes);
    EXPECT_THROW(go_on(run, true), Error);
    EXPECT_TRUE(read_text(path) == bytes) << "a file that a person named is left alone";
    notes.clear();
    auto snapshots = file(run);
    std::vector<std::byte> memory(1000);
    const std::vector<toy::StateArray> arrays{{"W", memory}};
    EXPECT_FALSE(snapshots.load(arrays));
    EXPECT_EQ(notes.size(), 1u);
  }
  EXPECT_EQ(bits(run, go_on(run)), whole) << "not strict: from the beginning";
  write_file(path, good);
  EXPECT_EQ(bits(run, go_on(run, true)), whole);
}

TEST_F(SnapshotTest, another_run_is_named_by_what_differs) {
  train_until(small_run("fast"), 50);
  toy::Config other = small_run("fast").config;
  other.seed = 6;
  other.decay = -0.5;
  try {
    go_on(toy::resolve(other), true);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_file);
    const std::string text = e.what();
    EXPECT_NE(text.find("seed is 5, not 6"), std::string::npos) << text;
    EXPECT_NE(text.find("decay is -1.0, not -0.5"), std::string::npos) << text;
    EXPECT_EQ(text.find("features is"), std::string::npos) << text;
  }
}

TEST_F(SnapshotTest, a_folder_that_cannot_be_written_costs_the_snapshots_and_not_the_run) {
  const toy::Resolved run = small_run("fast");
  write_file(folder / "file", "not a folder");
  path = folder / "file" / "run.safetensors";
  const toy::Result end = go_on(run);
  EXPECT_EQ(bits(run, end), bits(run, toy::train(run)));
  ASSERT_EQ(notes.size(), 1u) << "said once, not after every step";
  EXPECT_NE(notes[0].find("goes on without"), std::string::npos);
}

TEST_F(SnapshotTest, a_sweep_takes_an_abandoned_run_over_and_cleans_up) {
  const toy::Resolved run = small_run("fast");
  const auto store_path = folder / "runs.sqlite";
  WorkOptions work;
  work.snapshots = snapshot_folder(store_path);
  work.snapshot_every_seconds = 0;
  path = work.snapshots / (store::run_key("toy", run.identity) + ".safetensors");
  fs::create_directories(work.snapshots);
  train_until(run, 200);
  write_file(path.string() + ".Ab12Cd", "left by a save that was killed");
  write_file(work.snapshots / "theirs", "no snapshot of this store");
  store::Store store(store_path);
  const auto jobs = resolve_jobs({run.json});
  sweep::run(store, jobs, toy_work(work), {.workers = 2});
  const auto found = store.find("toy", run.identity);
  ASSERT_TRUE(found && found->status == "ok");
  EXPECT_EQ(found->result["loss"], toy_result(run, toy::train(run))["loss"]);
  EXPECT_FALSE(fs::exists(path));
  remove_old_snapshots(store);
  EXPECT_FALSE(fs::exists(path.string() + ".Ab12Cd"));
  EXPECT_TRUE(fs::exists(work.snapshots / "theirs"));
}

}  // namespace
}  // namespace superpose::study
