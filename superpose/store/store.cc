// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/store.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "superpose/base/error.h"
#include "superpose/base/version.h"
#include "superpose/store/numbers.h"
#include "superpose/store/owner.h"
#include "superpose/store/schema.h"
#include "superpose/store/sqlite.h"

namespace superpose::store {
namespace {

// Three missed renewals: only a machine that sleeps or hangs is that late.
constexpr double kLeaseSeconds = 60;

double unix_now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// JSON text for a column. A string in a result may hold a file name that is not UTF-8; it must not lose the run.
std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// "density: 1" in a study file and 1.0 filled in as a default are one configuration.
void make_whole_numbers_integers(Json& value) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  if (value.is_structured()) {
    for (Json& part : value) make_whole_numbers_integers(part);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::abs(number) <= kExactIntegers && number == std::trunc(number)) value = static_cast<int64_t>(number);
  }
}

// Whether "running" is true. Remembers each owner, since a sweep has thousands of rows and few owners.
class Claims {
 public:
  bool live(const std::string& owner, double lease_until) {
    if (owner.empty()) return false;  // released
    auto [place, is_new] = known_.try_emplace(owner, Liveness::unknown);
    if (is_new) {
      place->second = liveness(owner);
      found_dead_ |= place->second == Liveness::dead;
    }
    return place->second == Liveness::alive || (place->second == Liveness::unknown && lease_until > now_);
  }
  std::string shown(const std::string& status, const std::string& owner, double lease_until) {
    return status == "running" && !live(owner, lease_until) ? "interrupted" : status;
  }
  // Was an owner found dead since the last call?
  bool found_dead() { return std::exchange(found_dead_, false); }

 private:
  double now_ = unix_now();
  bool found_dead_ = false;
  std::unordered_map<std::string, Liveness> known_;
};

// Reads rows until what they say of the dead is true: an owner that is dead now may have finished its run and ended
// between our look at the file and our look at its process. The second look at the file comes after its death.
template <class Read>
auto read_settled(const Read& read) {
  Claims claims;
  auto out = read(claims);
  while (claims.found_dead()) out = read(claims);
  return out;
}

constexpr std::string_view kRunColumns =
    "id, key, kind, status, config, result, error, version, seconds, started_at, finished_at, owner, lease_until";

Run read_run(const Statement& row, Claims& claims, const std::string& where,
             std::span<const std::string_view> without = {}) {
  Run run;
  run.id = row.integer(0);
  const std::string place = fmt::format("{}: run {}", where, run.id);
  run.key = row.text(1);
  run.kind = row.text(2);
  run.status = claims.shown(row.text(3), row.text(11), row.real(12));
  run.config = parse_json(row.text(4), place + ": config");
  if (const std::string text = row.text(5); !text.empty())
    run.result = parse_without(text, place + ": result", without);
  run.error = row.text(6);
  run.version = row.text(7);
  run.seconds = row.real(8);
  run.started_at = row.text(9);
  run.finished_at = row.text(10);
  return run;
}

Database open_database(const std::filesystem::path& path, Mode mode, std::chrono::milliseconds patience) {
  std::error_code ignored;
  if (path.empty()) throw Error(ErrorKind::usage, "the store's file name is empty");
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorKind::io, path.string() + ": is a folder, expected a store file");
  }
  if (mode == Mode::read_only) {
    if (!std::filesystem::exists(path, ignored)) {
      throw Error(ErrorKind::io, path.string() + ": no such file; 'superpose sweep --store' creates a store");
    }
    return open_to_read(path, patience);
  }
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw Error(ErrorKind::io, fmt::format("{}: folder {} does not exist; create it first: mkdir -p '{}'",
                                           path.string(), folder.string(), folder.string()));
  }
  return open_to_write(path, patience);
}

}  // namespace

struct Store::State {
  std::filesystem::path path;
  mutable std::mutex mutex;  // guards all below: SQLite is opened without its own locks
  Database database;
  std::string owner = this_process();
  std::set<int64_t> held;  // claimed here and not yet finished

  State(const std::filesystem::path& p, Mode mode, std::chrono::milliseconds patience)
      : path(p), database(open_database(p, mode, patience)) {}

  struct Found {
    int64_t id = 0;
    bool claimable = false;
  };
  std::optional<Found> find_claim(const std::string& key, const Json& config, std::string_view retry_failed_before);
  std::vector<Run> select(std::string_view condition, std::string_view value,
                          std::span<const std::string_view> without = {}) const;
};

// What the store knows of a key. Two configs with one key (a collision of 64-bit fingerprints, about 1 in 10^7 for a
// million runs) would silently share a result, hence the comparison.
std::optional<Store::State::Found> Store::State::find_claim(const std::string& key, const Json& config,
                                                            std::string_view retry_failed_before) {
  Statement query(database, "SELECT id, status, finished_at, owner, lease_until, config FROM runs WHERE key = ?1");
  if (!query.bind(1, key).step()) return std::nullopt;
  Found found{query.integer(0), false};
  const std::string where = fmt::format("{}: run {}", path.string(), found.id);
  if (nlohmann::json(parse_json(query.text(5), where + ": config")) !=
      nlohmann::json(parse_json(dump(config), where))) {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} has the same key {} as another configuration; use another store for it", where, key));
  }
  const std::string status = query.text(1);
  // The answer holds only under the write lock (see read_settled); without it, a "yes" is a reason to ask again.
  found.claimable = (status == "running" && !Claims().live(query.text(3), query.real(4))) ||
                    (status == "failed" && query.text(2) < retry_failed_before);
  return found;
}

std::vector<Run> Store::State::select(std::string_view condition, std::string_view value,
                                      std::span<const std::string_view> without) const {
  const std::lock_guard lock(mutex);
  return read_settled([&](Claims& claims) {
    Statement query(database, fmt::format("SELECT {} FROM runs WHERE {} ORDER BY id", kRunColumns, condition));
    query.bind(1, value);
    std::vector<Run> out;
    while (query.step()) out.push_back(read_run(query, claims, path.string(), without));
    return out;
  });
}

Store::Store(const std::filesystem::path& path, Mode mode, std::chrono::milliseconds patience)
    : state_(std::make_unique<State>(path, mode, patience)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&& other) noexcept {
  std::swap(state_, other.state_);  // the old claims are given back when `other` ends
  return *this;
}

Store::~Store() {
  if (!state_) return;
  const std::set<int64_t> held = state_->held;
  for (const int64_t id : held) {
    try {
      release(id);
    } catch (...) {
      // The disk refuses. This process is still the owner on record: the run is free again when it ends.
    }
  }
}

std::optional<int64_t> Store::claim(std::string_view kind, const Json& config, std::string_view retry_failed_before) {
  const std::string key = run_key(kind, config);
  const std::lock_guard lock(state_->mutex);
  // Without the write lock first: most questions of a resumed sweep are answered "finished".
  if (const auto found = state_->find_claim(key, config, retry_failed_before); found && !found->claimable) {
    return std::nullopt;
  }
  Transaction transaction(state_->database);
  const auto found = state_->find_claim(key, config, retry_failed_before);
  if (found && !found->claimable) return std::nullopt;
  Statement write(state_->database,
                  found
                      ? "UPDATE runs SET status = 'running', owner = ?1, lease_until = ?2, version = ?3, started_at = "
                        "?4, finished_at = '', error = '', result = '', seconds = 0 WHERE id = ?5"
                      : "INSERT INTO runs (status, owner, lease_until, version, started_at, key, kind, config) "
                        "VALUES ('running', ?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  write.bind(1, state_->owner).bind(2, unix_now() + kLeaseSeconds).bind(3, std::string_view(kVersion));
  write.bind(4, utc_now());
  if (found) {
    write.bind(5, found->id);
  } else {
    write.bind(5, key).bind(6, kind).bind(7, dump(config));
  }
  write.run();
  const int64_t id = found ? found->id : sqlite3_last_insert_rowid(state_->database.handle());
  transaction.commit();
  state_->held.insert(id);
  return id;
}

void Store::renew() {
  const std::lock_guard lock(state_->mutex);
  if (state_->held.empty()) return;
  Statement(state_->database, "UPDATE runs SET lease_until = ?1 WHERE status = 'running' AND owner = ?2")
      .bind(1, unix_now() + kLeaseSeconds)
      .bind(2, state_->owner)
      .run();
}

void Store::finish(int64_t id, std::string_view status, const Json& result, double seconds) {
  SUPERPOSE_ASSERT(status == "ok" || status == "diverged");
  const std::lock_guard lock(state_->mutex);
  Statement(
      state_->database,
      "UPDATE runs SET status = ?1, result = ?2, seconds = ?3, finished_at = ?4, version = ?5, error = '', owner = "
      "'' WHERE id = ?6 AND status = 'running'")
      .bind(1, status)
      .bind(2, dump(result))
      .bind(3, seconds)
      .bind(4, utc_now())
      .bind(5, std::string_view(kVersion))
      .bind(6, id)
      .run();
  state_->held.erase(id);
}

void Store::fail(int64_t id, std::string_view error, double seconds) {
  const std::lock_guard lock(state_->mutex);
  Statement(state_->database,
            "UPDATE runs SET status = 'failed', error = ?1, seconds = ?2, finished_at = ?3, owner = '' "
            "WHERE id = ?4 AND status = 'running' AND owner = ?5")
      .bind(1, error)
      .bind(2, seconds)
      .bind(3, utc_now())
      .bind(4, id)
      .bind(5, state_->owner)
      .run();
  state_->held.erase(id);
}

void Store::release(int64_t id) {
  const std::lock_guard lock(state_->mutex);
  Statement(state_->database, "UPDATE runs SET owner = '' WHERE id = ?1 AND status = 'running' AND owner = ?2")
      .bind(1, id)
      .bind(2, state_->owner)
      .run();
  state_->held.erase(id);
}

std::optional<Run> Store::find(std::string_view kind, const Json& config) const {
  auto found = state_->select("key = ?1", run_key(kind, config));
  return found.empty() ? std::nullopt : std::optional(std::move(found[0]));
}

std::optional<Run> Store::find(int64_t id) const {
  auto found = state_->select("id = CAST(?1 AS INTEGER)", std::to_string(id));
  return found.empty() ? std::nullopt : std::optional(std::move(found[0]));
}

std::vector<Run> Store::find_key(std::string_view prefix) const {
  return state_->select("substr(key, 1, length(?1)) = ?1", prefix);
}

std::vector<Run> Store::runs(std::string_view kind, std::span<const std::string_view> without) const {
  return state_->select("?1 IN ('', kind)", kind, without);
}

void Store::interrupt() const { sqlite3_interrupt(state_->database.handle()); }  // without the lock: that one is held

std::unordered_map<std::string, RunStatus> Store::statuses(std::string_view kind) const {
  const std::lock_guard lock(state_->mutex);
  return read_settled([&](Claims& claims) {
    Statement query(state_->database,
                    "SELECT key, id, status, finished_at, owner, lease_until FROM runs WHERE kind = ?1");
    query.bind(1, kind);
    std::unordered_map<std::string, RunStatus> out;
    while (query.step()) {
      out[query.text(0)] = {query.integer(1), claims.shown(query.text(2), query.text(4), query.real(5)), query.text(3)};
    }
    return out;
  });
}

int64_t Store::changes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->database.pragma("data_version");
}

std::vector<RunRow> Store::rows(const RowsWanted& wanted) const {
  constexpr std::string_view kColumns =
      "SELECT id, kind, status, config, result, error, version, seconds, started_at, finished_at, owner, lease_until "
      "FROM runs WHERE id ";
  const auto read = [&](const Statement& row, Claims& claims) {
    RunRow out;
    out.id = row.integer(0), out.kind = row.text(1);
    out.status = claims.shown(row.text(2), row.text(10), row.real(11));
    out.config = row.text(3), out.numbers = numbers_of(row.text(4), wanted.numbers);
    out.error = row.text(5), out.version = row.text(6), out.seconds = row.real(7);
    out.error.resize(std::min(out.error.find('\n'), out.error.size()));
    out.started_at = row.text(8), out.finished_at = row.text(9);
    return out;
  };
  const std::lock_guard lock(state_->mutex);
  return read_settled([&](Claims& claims) {
    std::vector<RunRow> out;
    Statement one(state_->database, std::string(kColumns) + "= ?1");
    for (const int64_t id : wanted.ids) {
      if (one.bind(1, id).step()) out.push_back(read(one, claims));
      one.reset();
    }
    Statement rest(state_->database, std::string(kColumns) + "> ?1 ORDER BY id");
    rest.bind(1, wanted.after);
    while (rest.step()) out.push_back(read(rest, claims));
    return out;
  });
}

void Store::put_artifact(std::string_view kind, std::string_view name, const Json& value) {
  const std::lock_guard lock(state_->mutex);
  Statement(state_->database,
            "INSERT INTO artifacts (kind, name, value, created_at) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value, created_at = excluded.created_at")
      .bind(1, kind)
      .bind(2, name)
      .bind(3, dump(value))
      .bind(4, utc_now())
      .run();
}

void Store::remove_artifact(std::string_view kind, std::string_view name) {
  const std::lock_guard lock(state_->mutex);
  Statement(state_->database, "DELETE FROM artifacts WHERE kind = ?1 AND name = ?2").bind(1, kind).bind(2, name).run();
}

std::vector<Artifact> Store::artifacts(std::string_view kind) const {
  const std::lock_guard lock(state_->mutex);
  Statement query(state_->database,
                  "SELECT kind, name, value, created_at FROM artifacts WHERE ?1 IN ('', kind) ORDER BY kind, name");
  query.bind(1, kind);
  std::vector<Artifact> out;
  while (query.step()) {
    const std::string where = fmt::format("{}: artifact {}/{}", state_->path.string(), query.text(0), query.text(1));
    out.push_back({query.text(0), query.text(1), parse_json(query.text(2), where), query.text(3)});
  }
  return out;
}

std::string Store::newest_artifact(std::string_view but) const {
  const std::lock_guard lock(state_->mutex);
  Statement query(state_->database, "SELECT max(created_at) FROM artifacts WHERE kind <> ?1");
  return query.bind(1, but).step() ? query.text(0) : "";
}

const std::filesystem::path& Store::path() const { return state_->path; }

std::string run_key(std::string_view kind, const Json& config) {
  Json canonical = config;
  make_whole_numbers_integers(canonical);
  return fingerprint(Json{{"kind", kind}, {"config", std::move(canonical)}, {"numerics", kNumericsVersion}});
}

std::string utc_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms % 1000);
}

}  // namespace superpose::store
