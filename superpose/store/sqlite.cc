// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/sqlite.h"

#include <new>

#include "superpose/base/error.h"

namespace superpose::store {
namespace {

// A URI, because that is the only way to ask for immutable; the escapes keep '?', '#' and '%' in file names harmless.
std::string uri_of(const std::filesystem::path& path, Database::Access access) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                       c == '.' || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out + (access == Database::Access::immutable ? "?immutable=1" : "");
}

const char* advice(int primary) {
  switch (primary) {
    case SQLITE_FULL:
      return "; the disk is full: free some space and start again, finished runs are kept";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another program holds the file locked, and did not let go of it while this one waited";
    case SQLITE_READONLY:
      return "; the file or its folder cannot be written";
    case SQLITE_NOTADB:
      return "; this is no superpose store";
    case SQLITE_CORRUPT:
      return "; the file is damaged (truncated or overwritten): restore a copy, or save what is left with "
             "'sqlite3 FILE .recover'";
    default:
      return "";
  }
}

}  // namespace

Database::Database(const std::filesystem::path& path, Access access, std::chrono::milliseconds patience)
    : name_(path.string()) {
  const int access_flags = access == Access::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                           : access == Access::read ? SQLITE_OPEN_READWRITE
                                                    : SQLITE_OPEN_READONLY;
  const int flags = access_flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(uri_of(path, access).c_str(), &raw, flags, nullptr);
  handle_.reset(raw);  // even a failed open returns a handle, which holds the message
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(patience.count()));
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (access != Access::create) run("PRAGMA query_only = ON");
  // The file may come from a stranger: no triggers or views with side effects, no writes to the schema table.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
}

void Database::fail(int code) const {
  const int primary = code & 0xff;
  if (primary == SQLITE_NOMEM) throw std::bad_alloc();
  const std::string text =
      name_ + ": " + (handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code)) + advice(primary);
  switch (primary) {
    case SQLITE_ERROR:  // "no such table": the application id is ours, the schema is not
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      throw Error(ErrorKind::bad_file, text);
    case SQLITE_TOOBIG:
      throw Error(ErrorKind::unsupported, text);
    default:
      throw Error(ErrorKind::io, text);
  }
}

void Database::run(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

int64_t Database::pragma(const char* name) {
  Statement query(*this, std::string("PRAGMA ") + name);
  return query.step() ? query.integer(0) : 0;
}

Statement::Statement(const Database& database, std::string_view sql) : database_(database) {
  sqlite3_stmt* raw = nullptr;
  check(sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr));
  handle_.reset(raw);
}

Statement& Statement::bind(int index, int64_t value) {
  check(sqlite3_bind_int64(handle_.get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, double value) {
  check(sqlite3_bind_double(handle_.get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  // A null data pointer would bind NULL, and the columns are NOT NULL.
  const char* bytes = value.data() ? value.data() : "";
  check(sqlite3_bind_text64(handle_.get(), index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) check(code);
  return code == SQLITE_ROW;
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(handle_.get(), column);
  if (!bytes) return "";
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_.fail(code);
}

}  // namespace superpose::store
