// SPDX-License-Identifier: Apache-2.0
// The few SQLite calls the store needs, with RAII and with the project's one error. Nothing here is thread-safe.
#pragma once
#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace superpose::store {

class Database {
 public:
  // read: SQLite opens for writing where it may, so that the last reader removes the -wal and -shm files as a writer
  // would (a true read-only connection leaves them lying about), but every statement that writes is refused.
  // immutable: promises SQLite that nobody writes; takes no locks, needs no -shm file.
  enum class Access { create, read, immutable };

  // Throws Error{io} (cannot open), Error{bad_file} (not SQLite). Every call waits up to `patience` for other writers.
  Database(const std::filesystem::path& path, Access access, std::chrono::milliseconds patience);

  sqlite3* handle() const { return handle_.get(); }
  void run(const char* sql);  // statements without values and without rows
  int64_t pragma(const char* name);
  int64_t changed_rows() const { return sqlite3_changes64(handle_.get()); }
  // Until this is called, closing leaves the file alone: a log that a stranger's program left is not ours to merge.
  void adopt() { sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }
  bool is_read_only() const { return sqlite3_db_readonly(handle_.get(), "main") == 1; }

  // Throws what the last failure of this connection means for the caller: bad_file (corrupt, not a database, foreign
  // schema), io (disk full, locked, permission), std::bad_alloc.
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// One prepared statement. Values reach SQLite only through bind().
class Statement {
 public:
  Statement(const Database& database, std::string_view sql);
  Statement& bind(int index, int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view value);  // copied

  bool step();  // true: a row is there
  void run() { (void)step(); }
  void reset() { sqlite3_reset(handle_.get()); }  // ends its read of the file
  int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  double real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  std::string text(int column) const;  // "" for NULL

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  void check(int code) const;

  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// BEGIN IMMEDIATE: takes the write lock at once, so that what is read inside is still true when it is written. (With a
// deferred BEGIN two claimers would read the same free run, and one of them would fail half-way with SQLITE_BUSY.)
// Rolled back unless commit() was reached.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (!done_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    database_.run("COMMIT");
    done_ = true;
  }

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace superpose::store
