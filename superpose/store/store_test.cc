// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/store.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/store/owner.h"

namespace superpose::store {
namespace {

namespace fs = std::filesystem;

// A fresh folder per test; `path` is a store in it that does not exist yet.
class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder = fs::path(testing::TempDir()) / ("superpose_store_" + std::to_string(::getpid()) + "_" + info->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
    path = folder / "runs.sqlite";
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path folder;
  fs::path path;
};

ErrorKind kind_of(const std::function<void()>& action, const std::string& fragment = "") {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(fragment), std::string::npos) << e.what();
    return e.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::numeric;
}

// The back door: what another program, or another machine, does to the file.
void execute(const fs::path& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << sql << ": " << message;
  sqlite3_free(message);
  sqlite3_close(raw);
}

pid_t spawn_true() {
  char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  char* no_environment[] = {nullptr};
  pid_t pid = 0;
  EXPECT_EQ(::posix_spawn(&pid, program, nullptr, nullptr, arguments, no_environment), 0);
  return pid;
}

const Json kConfig{{"dim", 10}, {"law", "power:1"}};

TEST_F(StoreTest, a_run_is_claimed_once_and_finished_for_ever) {
  Store store(path);
  const auto id = store.claim("toy", kConfig);
  ASSERT_TRUE(id);
  EXPECT_EQ(store.find(*id)->status, "running");
  EXPECT_FALSE(store.claim("toy", kConfig)) << "held by this process";
  store.finish(*id, "ok", {{"loss", 0.25}, {"phi", std::nan("")}}, 1.5);
  EXPECT_FALSE(store.claim("toy", kConfig)) << "finished";
  EXPECT_FALSE(store.claim("toy", {{"law", "power:1"}, {"dim", 10}})) << "the order of fields is no difference";
  const auto run = Store(path, Mode::read_only).find("toy", kConfig);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->id, 1);
  EXPECT_EQ(run->key, run_key("toy", kConfig));
  EXPECT_EQ(run->status, "ok");
  EXPECT_EQ(run->config, kConfig);
  EXPECT_EQ(run->result["loss"], 0.25);
  EXPECT_TRUE(run->result["phi"].is_null());
  EXPECT_EQ(run->seconds, 1.5);
  EXPECT_LE(run->started_at, run->finished_at);
  EXPECT_EQ(run->finished_at.size(), std::string("2030-01-31T12:00:00.123Z").size());
  EXPECT_NE(run_key("toy", kConfig), run_key("sae", kConfig));
  EXPECT_EQ(run_key("toy", {{"a", {1.0, -0.0}}}), run_key("toy", {{"a", {1, 0}}}));
  EXPECT_NE(run_key("toy", {{"a", 9007199254740993}}), run_key("toy", {{"a", 9007199254740992}}));
  EXPECT_FALSE(store.find("sae", kConfig));
  EXPECT_FALSE(store.find(99));
}

TEST_F(StoreTest, the_first_outcome_stays) {
  Store store(path);
  const auto id = *store.claim("toy", kConfig);
  store.finish(id, "diverged", {{"loss", nullptr}}, 1);
  store.finish(id, "ok", {{"loss", 1}}, 2);
  store.fail(id, "too late", 3);
  store.release(id);
  EXPECT_EQ(store.find(id)->status, "diverged");
  EXPECT_EQ(store.find(id)->error, "");
}

TEST_F(StoreTest, a_failed_run_is_tried_again_only_when_it_failed_before_the_given_time) {
  Store store(path);
  const auto id = *store.claim("toy", kConfig);
  store.fail(id, "no such file: \xff'\n", 0.5);
  const auto failed = *store.find(id);
  EXPECT_EQ(failed.status, "failed");
  EXPECT_EQ(failed.error, "no such file: \xff'\n");
  EXPECT_TRUE(failed.result.is_null());
  EXPECT_FALSE(store.claim("toy", kConfig, Store::kRetryNever));
  EXPECT_FALSE(store.claim("toy", kConfig, failed.finished_at));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(store.claim("toy", kConfig, utc_now()), id) << "the same run, not a second one";
  EXPECT_EQ(store.find(id)->error, "");
}

TEST_F(StoreTest, a_cancelled_run_and_one_of_a_closed_store_are_free_again) {
  auto first = std::make_unique<Store>(path);
  const auto id = *first->claim("toy", kConfig);
  Store second(path);
  EXPECT_FALSE(second.claim("toy", kConfig));
  first->release(id);
  EXPECT_EQ(second.find(id)->status, "interrupted");
  EXPECT_EQ(first->claim("toy", kConfig), id);
  first.reset();
  EXPECT_EQ(second.claim("toy", kConfig), id);
}

TEST_F(StoreTest, a_claim_of_a_dead_process_is_free_at_once_and_one_of_a_live_process_never) {
  Store store(path);
  const auto id = *store.claim("toy", kConfig);
  const std::string self = this_process();
  const pid_t gone = spawn_true();
  ::waitpid(gone, nullptr, 0);
  std::vector<std::string> part;
  for (size_t from = 0; from <= self.size();) {
    const size_t bar = std::min(self.find('|', from), self.size());
    part.push_back(self.substr(from, bar - from));
    from = bar + 1;
  }
  ASSERT_EQ(part.size(), 5u) << self;
  const auto owner = [&](const std::string& pid, const std::string& start) {
    return part[0] + "|" + part[1] + "|" + part[2] + "|" + pid + "|" + start;
  };
  Store other(path);
  execute(path, "UPDATE runs SET lease_until = 0");
  EXPECT_FALSE(other.claim("toy", kConfig)) << "alive: an expired lease does not matter";
  execute(path, "UPDATE runs SET lease_until = 1e18, owner = '" + owner(std::to_string(gone), part[4]) + "'");
  EXPECT_EQ(other.find(id)->status, "interrupted");
  EXPECT_EQ(other.claim("toy", kConfig), id) << "dead: a running lease does not matter";
  execute(path, "UPDATE runs SET owner = '" + owner(part[3], "1") + "'");
  EXPECT_EQ(other.claim("toy", kConfig), id) << "another process has the pid now";
}

TEST_F(StoreTest, a_claim_from_elsewhere_is_free_when_its_lease_ran_out) {
  Store store(path);
  const auto id = *store.claim("toy", kConfig);
  Store other(path);
  execute(path, "UPDATE runs SET owner = 'far|11111111-2222|pid:[1]|1|1'");
  EXPECT_FALSE(other.claim("toy", kConfig));
  EXPECT_EQ(other.find(id)->status, "running");
  execute(path, "UPDATE runs SET lease_until = unixepoch() - 1");
  EXPECT_EQ(other.find(id)->status, "interrupted");
  EXPECT_EQ(other.claim("toy", kConfig), id);
  execute(path, "UPDATE runs SET lease_until = 0");
  other.renew();
  execute(path, "UPDATE runs SET owner = 'far|11111111-2222|pid:[1]|1|1'");  // keeps the renewed lease
  EXPECT_FALSE(Store(path).claim("toy", kConfig)) << "renew() moved the lease into the future";
}

TEST(Owner, tells_the_living_from_the_dead_and_from_strangers) {
  const std::string self = this_process();
  EXPECT_EQ(liveness(self), Liveness::alive);
  EXPECT_EQ(liveness("other-name" + self.substr(self.find('|'))), Liveness::alive) << "a host may be renamed";
  for (const std::string text : {"", "|", "||||", "a|b|c|d|e", "?|?|?|?|?", "h|0|pid:[1]|1|1"}) {
    EXPECT_EQ(liveness(text), Liveness::unknown) << text;
  }
  // A killed process whose parent does not look (a zombie) still has a pid and a /proc entry, but computes nothing.
  const pid_t zombie = spawn_true();
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  const std::string stat = "/proc/" + std::to_string(zombie) + "/stat";
  std::string line;
  {
    FILE* file = std::fopen(stat.c_str(), "r");
    ASSERT_NE(file, nullptr);
    char buffer[1024];
    line.assign(buffer, std::fread(buffer, 1, sizeof buffer, file));
    std::fclose(file);
  }
  size_t at = line.rfind(')') + 2;
  for (int field = 3; field < 22; ++field) at = line.find(' ', at) + 1;
  const size_t last = self.rfind('|');
  const size_t before = self.rfind('|', last - 1);
  const std::string owner =
      self.substr(0, before + 1) + std::to_string(zombie) + "|" + line.substr(at, line.find(' ', at) - at);
  EXPECT_EQ(liveness(owner), Liveness::dead);
  ::waitpid(zombie, nullptr, 0);
  EXPECT_EQ(liveness(owner), Liveness::dead);
}

TEST_F(StoreTest, threads_on_one_handle_and_on_several_claim_each_run_once) {
  constexpr int kRuns = 60, kThreads = 4;
  Store shared(path);
  std::vector<std::atomic<int>> claims(kRuns);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Store own(path);
      Store& store = t % 2 ? own : shared;
      for (int k = 0; k < kRuns; ++k) {
        const auto id = store.claim("toy", {{"k", k}});
        if (!id) continue;
        ++claims[static_cast<size_t>(k)];
        store.finish(*id, "ok", {{"k", k}}, 0);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& count : claims) EXPECT_EQ(count, 1);
  EXPECT_EQ(shared.runs("toy").size(), static_cast<size_t>(kRuns));
}

TEST_F(StoreTest, several_openers_may_create_one_file_at_once) {
  for (int round = 0; round < 10; ++round) {
    const auto file = folder / ("race" + std::to_string(round));
    std::atomic<int> claimed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Store store(file);
        if (const auto id = store.claim("toy", kConfig)) {
          ++claimed;
          store.finish(*id, "ok", {}, 0);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(claimed, 1);
  }
}

TEST_F(StoreTest, values_are_never_read_as_sql_and_odd_file_names_are_kept) {
  const auto odd = folder / "a?mode=memory#b%20c 'd\".sqlite";
  const std::string evil = "'; DROP TABLE runs; --";
  {
    Store store(odd);
    const auto id = *store.claim(evil, {{evil, evil}});
    store.fail(id, evil, 0);
    store.put_artifact(evil, evil, evil);
    EXPECT_EQ(store.runs(evil).size(), 1u);
    EXPECT_EQ(store.find_key("%").size(), 0u);
    EXPECT_EQ(store.find_key(store.find(id)->key.substr(0, 6)).size(), 1u);
    EXPECT_EQ(store.find(id)->error, evil);
    EXPECT_EQ(store.artifacts(evil).at(0).value, evil);
  }
  EXPECT_TRUE(fs::exists(odd));
}

TEST_F(StoreTest, artifacts_are_replaced_by_name) {
  Store store(path);
  store.put_artifact("fit", "width", {{"alpha", 1}});
  store.put_artifact("fit", "width", {{"alpha", 2}});
  store.put_artifact("claims", "quick", Json::array());
  ASSERT_EQ(store.artifacts("fit").size(), 1u);
  EXPECT_EQ(store.artifacts("fit")[0].value["alpha"], 2);
  EXPECT_EQ(store.artifacts().size(), 2u);
}

TEST_F(StoreTest, reading_works_while_another_process_writes_and_writing_is_refused) {
  Store writer(path);
  const auto id = *writer.claim("toy", kConfig);
  Store reader(path, Mode::read_only);
  EXPECT_EQ(reader.statuses("toy").at(run_key("toy", kConfig)).status, "running");
  writer.finish(id, "ok", {{"loss", 1}}, 1);
  EXPECT_EQ(reader.runs().at(0).status, "ok") << "sees what was committed since";
  EXPECT_EQ(kind_of([&] { (void)reader.claim("toy", {{"dim", 2}}); }), ErrorKind::io);
}

TEST_F(StoreTest, no_files_stay_beside_the_store) {
  {
    const Store writer(path);
    const Store reader(path, Mode::read_only);
    (void)reader.runs();
  }
  (void)Store(path, Mode::read_only).runs();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(StoreTest, refuses_what_is_no_store_and_leaves_it_as_it_is) {
  EXPECT_EQ(kind_of([&] { Store(folder / "no" / "such" / "runs.sqlite"); }, "mkdir -p"), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { Store{folder}; }, "is a folder"), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { Store(path, Mode::read_only); }, "no such file"), ErrorKind::io);
  EXPECT_FALSE(fs::exists(path)) << "reading creates nothing";

  write_file(path, "");
  EXPECT_EQ(kind_of([&] { Store(path, Mode::read_only); }, "is empty"), ErrorKind::bad_file);
  Store{path};  // what a process killed while creating leaves behind

  write_file(folder / "text", std::string(5000, 'x'));
  execute(folder / "foreign", "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
  execute(folder / "named", "CREATE TABLE mine (x); PRAGMA application_id = 252006674");
  for (const char* name : {"text", "foreign", "named"}) {
    const std::string before = read_text(folder / name);
    for (const Mode mode : {Mode::read_write, Mode::read_only}) {
      EXPECT_EQ(kind_of([&] { Store(folder / name, mode); }, name), ErrorKind::bad_file);
    }
    EXPECT_EQ(read_text(folder / name), before);
  }

  execute(path, "PRAGMA user_version = 1000");
  for (const Mode mode : {Mode::read_write, Mode::read_only}) {
    EXPECT_EQ(kind_of([&] { Store(path, mode); }, "newer"), ErrorKind::unsupported);
  }
}

// Whatever the bytes: an answer or an Error, never a crash (run under ASan), and never Error{usage}.
TEST_F(StoreTest, survives_truncated_and_damaged_files) {
  {
    Store store(path);
    for (int k = 0; k < 30; ++k) {
      const auto id = *store.claim("toy", {{"k", k}, {"pad", std::string(200, 'p')}});
      store.finish(id, "ok", {{"loss", k}}, 0);
    }
    store.put_artifact("fit", "f", 1);
  }
  const std::string whole = read_text(path);
  const auto damaged = folder / "damaged.sqlite";
  int refused = 0;
  const auto use = [&](const std::string& bytes) {
    fs::remove(damaged.string() + "-wal");
    fs::remove(damaged.string() + "-shm");
    write_file(damaged, bytes);
    for (const Mode mode : {Mode::read_only, Mode::read_write}) {
      try {
        Store store(damaged, mode);
        (void)store.runs();
        (void)store.artifacts();
        if (mode == Mode::read_write) (void)store.claim("toy", kConfig);
      } catch (const Error& e) {
        EXPECT_TRUE(e.kind() == ErrorKind::bad_file || e.kind() == ErrorKind::unsupported || e.kind() == ErrorKind::io)
            << e.what();
        ++refused;
      }
    }
  };
  // From 2: SQLite takes a file of one byte for an empty one (it writes such a byte itself on some file systems).
  for (size_t bytes = 2; bytes < whole.size(); bytes = bytes * 5 / 3 + 1) {
    const int before = refused;
    use(whole.substr(0, bytes));
    EXPECT_EQ(refused, before + 2) << "truncated to " << bytes;
  }
  for (size_t at = 0; at < whole.size(); at += at < 120 ? 3 : 397) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
    use(bytes);
  }
  EXPECT_EQ(kind_of([&] {
              write_file(damaged, whole.substr(0, whole.size() / 2));
              Store(damaged, Mode::read_only);
            }),
            ErrorKind::bad_file);
}

TEST_F(StoreTest, rows_hold_what_a_table_shows_and_tell_what_is_new) {
  constexpr std::array<std::string_view, 3> kWanted{"loss", "phi_half", "absent"};
  Store store(path);
  for (int k = 0; k < 4; ++k) {
    const auto id = *store.claim("toy", {{"k", k}});
    if (k == 0)
      store.finish(id, "ok", {{"status", "ok"}, {"phi_half", nullptr}, {"loss", 2}, {"curve", {{1, 2}}}}, 1.5);
    if (k == 1) store.fail(id, "first\nsecond", 0.5);
    if (k == 2) store.finish(id, "diverged", {{"nested", {{"loss", 9}}}, {"loss", {1, 2}}}, 1);
  }
  Store reader(path, Mode::read_only);
  RowsWanted wanted;
  wanted.numbers = kWanted;
  const auto rows = reader.rows(wanted);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].numbers, (std::vector<std::optional<double>>{2, std::nullopt, std::nullopt}));
  EXPECT_EQ(rows[0].config, "{\"k\":0}");
  EXPECT_EQ(rows[1].error, "first");
  EXPECT_EQ(rows[2].numbers, std::vector<std::optional<double>>(3)) << "a loss inside of something is another one";
  EXPECT_EQ(rows[3].status, "running");
  const std::vector<int64_t> ids{4, 2, 99};
  wanted.ids = ids, wanted.after = 3;
  const auto some = reader.rows(wanted);
  ASSERT_EQ(some.size(), 3u) << "those of ids first, then those behind `after`";
  EXPECT_EQ(some[0].id, 4);
  EXPECT_EQ(some[1].id, 2);
  EXPECT_EQ(some[2].id, 4);
  const int64_t before = reader.changes();
  EXPECT_EQ(reader.changes(), before);
  store.put_artifact("live", "a", 1);
  EXPECT_NE(reader.changes(), before);
  EXPECT_EQ(reader.newest_artifact("live"), "");
  store.put_artifact("fit", "a", 1);
  EXPECT_EQ(reader.newest_artifact("live").size(), 24u);
  constexpr std::array<std::string_view, 1> kCurve{"curve"};
  const auto light = reader.runs("toy", kCurve);
  EXPECT_FALSE(light[0].result.contains("curve"));
  EXPECT_EQ(light[0].result["loss"], 2);
}

TEST_F(StoreTest, a_locked_file_is_waited_for_as_long_as_asked) {
  { Store store(path); }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(kind_of([&] { Store(path, Mode::read_only, std::chrono::milliseconds(200)); }, "locked"), ErrorKind::io);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  sqlite3_close(raw);
  EXPECT_NO_THROW(Store(path, Mode::read_only, std::chrono::milliseconds(200)));
}

TEST_F(StoreTest, json_that_somebody_broke_is_named) {
  {
    Store store(path);
    store.finish(*store.claim("toy", kConfig), "ok", {{"loss", 1}}, 0);
  }
  execute(path, "UPDATE runs SET result = '{\"loss\": '");
  EXPECT_EQ(kind_of([&] { (void)Store(path, Mode::read_only).runs(); }, "run 1: result"), ErrorKind::bad_file);
  execute(path, "DROP TABLE runs");
  EXPECT_EQ(kind_of([&] { (void)Store(path, Mode::read_only).runs(); }, "no such table"), ErrorKind::bad_file);
}

}  // namespace
}  // namespace superpose::store
