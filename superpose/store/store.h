// SPDX-License-Identifier: Apache-2.0
// store: one SQLite file (WAL) that holds what was computed: runs, and artifacts (fits, inspections, the claims
// ledger).
//
// A run is (kind, resolved config, numerics version) -> result. Its key is the fingerprint of those three, so a
// finished run is found again and never repeated. A run moves  absent -> running -> ok | diverged | failed.  "running"
// is held by an owner (host, boot, pid namespace, pid, start time of the process); a claim whose owner is provably
// dead, or cannot be looked at from here (another host, another container) and has not renewed its lease, is
// "interrupted": free to be claimed again. A failed run is free to be claimed again too, when the caller asks for it.
// Any number of processes may use one file on a local disk (SQLite's WAL does not work over network file systems).
//
// A Store may be called from any thread: a mutex inside lets one at a time through to SQLite. Do not use it in a child
// after fork().
//
// Who calls it: sweep/ (claims and finishes runs), study/ and report/ (read), serve/ (rows, as they change), cli/ (ls,
// show).
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::store {

struct Run {
  int64_t id = 0;           // 1, 2, ...: in order of first claim; what `superpose show STORE RUN` takes
  std::string key;          // fingerprint of (kind, config, numerics version): 16 hex digits
  std::string kind;         // "toy"
  std::string status;       // "running", "interrupted" (nobody computes it any more), "ok", "diverged", "failed"
  Json config;              // the whole resolved configuration
  Json result;              // null until finished; for "toy" the fields of the contract's toy JSON
  std::string error;        // why it failed; empty otherwise
  std::string version;      // the program that computed it
  double seconds = 0;       // wall-clock time of the computation; 0 until finished
  std::string started_at;   // UTC, ISO 8601 with milliseconds
  std::string finished_at;  // UTC, ISO 8601; empty while running
  bool recorded = false;    // read from a results table (study/results.h), in no store: has no id
};

// What a sweep asks about thousands of runs at once.
struct RunStatus {
  int64_t id = 0;
  std::string status;       // as Run::status
  std::string finished_at;  // as Run::finished_at
};

// One line of a table of thousands of runs: what is known of a run without parsing its result whole.
struct RunRow {
  int64_t id = 0;
  std::string kind, status;  // as Run
  std::string config;        // JSON text
  std::string error;         // its first line
  std::string version;
  double seconds = 0;
  std::string started_at, finished_at;
  std::vector<std::optional<double>> numbers;  // of the result, in the order asked for; none: absent or no number
};

// Which rows, and what of their results.
struct RowsWanted {
  std::span<const int64_t> ids{};             // these (unknown ones are left out) ...
  int64_t after = 0;                          // ... and all with a larger id than this
  std::span<const std::string_view> numbers;  // top-level fields of the result; cheap when they stand at its front
};

struct Artifact {
  std::string kind;  // "claims", "fit", "inspect", "live" (what a sweep does now)
  std::string name;  // unique within its kind
  Json value;
  std::string created_at;
};

enum class Mode { read_write, read_only };

class Store {
 public:
  // Opens or creates (read_write only; its folder must exist) the file. Throws Error{io} (cannot open, disk full,
  // locked for longer than `patience`), Error{bad_file} (not a superpose store, damaged), Error{unsupported} (written
  // by a newer version). The same errors may come from every call below. read_only works while other processes write,
  // and on read-only media; it calls no function that writes.
  // patience: how long any call waits for a file that another program has locked.
  explicit Store(const std::filesystem::path& path, Mode mode = Mode::read_write,
                 std::chrono::milliseconds patience = std::chrono::minutes(1));
  ~Store();  // gives unfinished claims back
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  // Claims the run for this process. Returns its id, or nothing when it is finished (ok or diverged; failed too unless
  // it failed before `retry_failed_before`, a time as utc_now() writes it) or when a live process holds it (this one
  // too). Atomic among processes and threads.
  std::optional<int64_t> claim(std::string_view kind, const Json& config,
                               std::string_view retry_failed_before = kRetryAlways);
  static constexpr std::string_view kRetryAlways = "~";  // sorts after every time
  static constexpr std::string_view kRetryNever = "";

  // Renews the leases of all runs that this process holds; to be called at least every 20 s (a lease lasts 60 s).
  void renew();

  // Records the outcome of a claimed run. status: "ok" or "diverged". The first outcome recorded for a run stays:
  // should a claim have been lost (possible only across hosts, after a minute without renew()), a later finish changes
  // nothing.
  void finish(int64_t id, std::string_view status, const Json& result, double seconds);
  void fail(int64_t id, std::string_view error, double seconds);
  void release(int64_t id);  // gives an unfinished claim back (the run was cancelled): it becomes "interrupted"

  std::optional<Run> find(std::string_view kind, const Json& config) const;
  std::optional<Run> find(int64_t id) const;
  std::vector<Run> find_key(std::string_view prefix) const;  // runs whose key begins with prefix, by id
  // By id; "" = all kinds. without: top-level fields of the results that the caller has no use for (a curve, a picture:
  // most of a result's bytes); they cost neither memory nor much time.
  std::vector<Run> runs(std::string_view kind = "", std::span<const std::string_view> without = {}) const;
  std::unordered_map<std::string, RunStatus> statuses(std::string_view kind) const;  // by key; reads no JSON

  std::vector<RunRow> rows(const RowsWanted& wanted) const;  // by id, those of `ids` first
  // Differs from the last answer when another connection has changed the file since. Cheap.
  int64_t changes() const;
  // A reading call that another thread is in ends with Error{io}. For a reader that is not waited for any more.
  void interrupt() const;

  void put_artifact(std::string_view kind, std::string_view name, const Json& value);  // replaces
  void remove_artifact(std::string_view kind, std::string_view name);                  // does nothing without one
  std::vector<Artifact> artifacts(std::string_view kind = "") const;
  // When the newest artifact of a kind other than `but` was written; empty when there is none.
  std::string newest_artifact(std::string_view but) const;

  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The key of a run, see Run::key. The order of the fields makes no difference, nor does 1 or 1.0.
std::string run_key(std::string_view kind, const Json& config);

std::string utc_now();  // "2030-01-31T12:00:00.123Z": sorts as text in order of time

}  // namespace superpose::store
