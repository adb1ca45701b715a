// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/schema.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "superpose/base/error.h"

namespace superpose::store {
namespace {

constexpr int64_t kApplicationId = 0x53505053;  // "SPPS": tells our files from every other SQLite file

// Element k takes a file from version k to k + 1 (PRAGMA user_version). Never edit one that was released: append.
// Times are ISO 8601 text, lease_until is Unix seconds, config, result and value are JSON. Columns that are not known
// yet are empty, not NULL.
constexpr std::array kMigrations{
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL UNIQUE,"
    "  kind TEXT NOT NULL,"
    "  config TEXT NOT NULL,"
    "  status TEXT NOT NULL CHECK (status IN ('running', 'ok', 'diverged', 'failed')),"
    "  result TEXT NOT NULL DEFAULT '',"
    "  error TEXT NOT NULL DEFAULT '',"
    "  version TEXT NOT NULL,"
    "  seconds REAL NOT NULL DEFAULT 0,"
    "  started_at TEXT NOT NULL,"
    "  finished_at TEXT NOT NULL DEFAULT '',"
    "  owner TEXT NOT NULL DEFAULT '',"  // who computes it; empty when nobody does
    "  lease_until REAL NOT NULL DEFAULT 0);"
    "CREATE TABLE artifacts ("
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL,"
    "  created_at TEXT NOT NULL,"
    "  PRIMARY KEY (kind, name)) WITHOUT ROWID;"};
constexpr int64_t kSchemaVersion = kMigrations.size();

// The version of a file that is ours; 0 for one that holds nothing yet. Throws for all others.
int64_t recognise(Database& database, const std::filesystem::path& path) {
  // One snapshot for the three answers: another process may be creating the store right now.
  database.run("SAVEPOINT look");
  const int64_t application = database.pragma("application_id");
  const int64_t version = database.pragma("user_version");
  Statement count(database, "SELECT count(*) FROM sqlite_schema");
  const bool is_empty = count.step() && count.integer(0) == 0;
  count.reset();
  database.run("RELEASE look");
  if (application == 0 && version == 0 && is_empty) return 0;
  if (application != kApplicationId) {
    throw Error(ErrorKind::bad_file,
                fmt::format("{}: an SQLite file of another program (application id {:#x}, expected {:#x}); "
                            "choose another name for the store",
                            path.string(), application, kApplicationId));
  }
  if (version > kSchemaVersion) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{}: written by a newer superpose (store version {}, this program reads up to {}); "
                            "update the program",
                            path.string(), version, kSchemaVersion));
  }
  return version;
}

void migrate(Database& database, const std::filesystem::path& path) {
  Transaction transaction(database);
  const int64_t version = recognise(database, path);  // again, under the lock: another process may have been faster
  for (int64_t k = version; k < kSchemaVersion; ++k) database.run(kMigrations[static_cast<size_t>(k)]);
  database.run(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
  database.run(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str());
  transaction.commit();
}

// The switch to WAL needs the file alone and, unlike everything else, does not wait for it (SQLite skips the busy
// handler where waiting could deadlock), so two processes that create one store meet here.
void use_write_ahead_log(Database& database) {
  constexpr int kAttempts = 6000;
  for (int attempt = 1;; ++attempt) {
    const int code = sqlite3_exec(database.handle(), "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xff) != SQLITE_BUSY || attempt == kAttempts) database.fail(code);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// A file in WAL mode is read through a -shm file beside it, which cannot be made on a read-only disk. When no log with
// unmerged changes is there, the file alone is complete, and "immutable" reads it as it is.
Database open_immutable(const std::filesystem::path& path, const Error& why) {
  std::error_code error;
  const auto log_bytes = std::filesystem::file_size(path.string() + "-wal", error);
  if (!error && log_bytes > 0) {
    throw Error(why.kind(), fmt::format("{}; it has unmerged changes in {}-wal: copy both to a folder that can be "
                                        "written, and read them there",
                                        why.what(), path.string()));
  }
  return Database(path, Database::Access::immutable, std::chrono::milliseconds(0));
}

bool can_be_written(const std::filesystem::path& path) {
  const auto folder = std::filesystem::absolute(path).parent_path();
  return ::access(path.c_str(), W_OK) == 0 && ::access(folder.c_str(), W_OK) == 0;
}

}  // namespace

Database open_to_write(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  Database database(path, Database::Access::create, patience);
  const int64_t version = recognise(database, path);  // before anything is written into a stranger's file
  if (database.is_read_only()) {
    throw Error(ErrorKind::io, path.string() + ": cannot be written (permissions of the file or its folder)");
  }
  use_write_ahead_log(database);
  // FULL, not NORMAL: NORMAL survives kill -9 as well, but after a power cut the last finished runs would be absent.
  // A run costs seconds to hours; the fsync at its end about 2 ms.
  database.run("PRAGMA synchronous = FULL");
  if (version < kSchemaVersion) migrate(database, path);
  database.adopt();
  return database;
}

Database open_to_read(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  const auto open = [&](Database database) {
    // A sweep that began a moment ago creates the file first and its tables some milliseconds later.
    constexpr int kAttempts = 100;
    for (int attempt = 1; recognise(database, path) < kSchemaVersion; ++attempt) {
      if (attempt == kAttempts) throw Error(ErrorKind::bad_file, path.string() + ": is empty, no superpose store");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    database.adopt();
    return database;
  };
  try {
    return open(Database(path, Database::Access::read, patience));
  } catch (const Error& e) {
    // Where it could be written, something else is wrong: it is locked, say, and then somebody does write.
    if (e.kind() != ErrorKind::io || can_be_written(path)) throw;
    return open(open_immutable(path, e));
  }
}

}  // namespace superpose::store
