// SPDX-License-Identifier: Apache-2.0
// store: one SQLite file (WAL) that holds what was computed: runs, and artifacts (fits, inspections, the claims
// ledger).
//
// A run is (kind, resolved config, numerics version) -> result. Its key is the fingerprint of those three, so a
// finished run is found again and never repeated. A run moves  absent -> running -> ok | diverged | failed.  "running"
// is held by an owner (host, boot, pid namespace, pid, start time of the process); a claim whose owner is provably
// dead, or on another host has not renewed its lease, is free to be claimed again. Any number of processes may use one
// file.
//
// Who calls it: sweep/ (claims and finishes runs), study/ and report/ (read), cli/ (ls, show).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::store {

struct Run {
  int64_t id = 0;           // 1, 2, ...: in order of first claim; what `superpose show STORE RUN` takes
  std::string key;          // fingerprint of (kind, config, numerics version): 16 hex digits
  std::string kind;         // "toy"
  std::string status;       // "running", "ok", "diverged", "failed"
  Json config;              // the whole resolved configuration
  Json result;              // null until finished; for "toy" the fields of the contract's toy JSON
  std::string error;        // why it failed; empty otherwise
  std::string version;      // the program that computed it
  double seconds = 0;       // wall-clock time of the computation
  std::string started_at;   // UTC, ISO 8601
  std::string finished_at;  // UTC, ISO 8601; empty while running
};

struct Artifact {
  std::string kind;  // "claims", "fit", "inspect", "study"
  std::string name;  // unique within its kind
  Json value;
  std::string created_at;
};

enum class Mode { read_write, read_only };

class Store {
 public:
  // Opens or creates (read_write only) the file. Throws Error{io} (cannot open, locked for longer than a minute),
  // Error{bad_file} (not a superpose store), Error{unsupported} (written by a newer version).
  explicit Store(const std::filesystem::path& path, Mode mode = Mode::read_write);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  // Claims the run for this process. Returns its id, or nothing when it is finished (ok or diverged; failed too unless
  // retry_failed) or when another live process holds it. Atomic among processes.
  std::optional<int64_t> claim(std::string_view kind, const Json& config, bool retry_failed = true);
  // Renews the leases of all runs that this process holds; to be called at least every 20 s.
  void renew();
  void finish(int64_t id, std::string_view status, const Json& result, double seconds);  // status: "ok" or "diverged"
  void fail(int64_t id, std::string_view error, double seconds);
  void release(int64_t id);  // gives an unfinished claim back (the run was cancelled)

  std::optional<Run> find(std::string_view kind, const Json& config) const;
  std::optional<Run> find(int64_t id) const;
  std::vector<Run> runs(std::string_view kind = "") const;  // by id; "" = all kinds

  void put_artifact(std::string_view kind, std::string_view name, const Json& value);  // replaces
  std::vector<Artifact> artifacts(std::string_view kind = "") const;

  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The key of a run, see Run::key.
std::string run_key(std::string_view kind, const Json& config);

}  // namespace superpose::store
