// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/watcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "superpose/base/error.h"

namespace superpose::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{500};
constexpr milliseconds kStorePatience{300};  // with a locked file; also how late a stop may be noticed
constexpr int kTicksUnasked = 4;             // a process that dies changes its runs' state and writes nothing
constexpr double kLostAfter = 10;            // seconds without a word
constexpr double kForgottenAfter = 86400;    // seconds: the record of a process that was killed stays in the store
constexpr size_t kMostRecordBytes = 2 << 20;
constexpr size_t kRowsPerEvent = 200, kMostRowsTold = 2000;

int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(now).count();
}

std::string text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Only what the dashboard shows: a record may come from a stranger's store.
std::optional<Json> shown_record(const Json& value, int64_t now) {
  if (!value.is_object() || !value.contains("running") || !value["running"].is_array()) return std::nullopt;
  const int64_t updated = milliseconds_of(text_field(value, "updated_at"));
  const double age = static_cast<double>(now - updated) / 1000;
  const bool ended = value.value("ended", Json()) == Json(true);
  if (updated == 0 || age > kForgottenAfter) return std::nullopt;
  if (value.dump(-1, ' ', false, Json::error_handler_t::replace).size() > kMostRecordBytes) return std::nullopt;
  Json out = value;
  out["state"] = ended ? "ended" : age > kLostAfter ? "lost" : "live";
  if (out["state"] != "live") out["running"] = Json::array();
  return out;
}

}  // namespace

// A file by what stays when its name does not: the number of an inode is used again, its time of birth is not.
struct Watcher::Identity {
  uint64_t device = 0, inode = 0;
  int64_t born = 0, born_ns = 0;
  bool operator==(const Identity&) const = default;

  static std::optional<Identity> of(const std::filesystem::path& path) {
    struct statx about {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &about) != 0) return std::nullopt;
    const bool knows_birth = about.stx_mask & STATX_BTIME;
    return Identity{uint64_t{about.stx_dev_major} << 32 | about.stx_dev_minor, about.stx_ino,
                    knows_birth ? about.stx_btime.tv_sec : 0, knows_birth ? about.stx_btime.tv_nsec : 0};
  }
};

Watcher::Watcher(const std::filesystem::path& path, Feed& feed) : path_(path), feed_(feed) {
  const auto identity = Identity::of(path_);
  // At the start it waits as long as every other verb.
  store_ = std::make_unique<store::Store>(path_, store::Mode::read_only);
  if (identity) identity_ = std::make_unique<Identity>(*identity);
  changes_ = store_->changes();
  read_rows(true);
  newest_artifact_ = store_->newest_artifact("live");
  read_live();
  tell_live("ok", "");
  // From here on a locked file is a state.
  store_ = nullptr;
}

Watcher::~Watcher() { stop(); }

void Watcher::start() {
  thread_ = std::thread([this] { loop(); });
}

void Watcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watcher::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    try {
      look();
      tell_live("ok", "");
    } catch (const Error& e) {
      store_ = nullptr;
      std::error_code ignored;
      tell_live(std::filesystem::exists(path_, ignored) ? "unreadable" : "missing", e.what());
    } catch (const std::bad_alloc&) {
      store_ = nullptr;
      tell_live("unreadable", path_.string() + ": out of memory");
    }
    lock.lock();
    wake_.wait_for(lock, kTick, [this] { return stopping_; });
  }
  lock.unlock();
  store_ = nullptr;
}

void Watcher::look() {
  const auto identity = Identity::of(path_);
  if (!identity) throw Error(ErrorKind::io, path_.string() + ": no such file");
  const bool replaced = !identity_ || *identity != *identity_;
  if (replaced) store_ = nullptr;
  const bool fresh = !store_;
  if (fresh) store_ = std::make_unique<store::Store>(path_, store::Mode::read_only, kStorePatience);
  const int64_t changes = store_->changes();
  if (fresh || changes != changes_ || ++since_reading_ >= kTicksUnasked) {
    read_rows(replaced);
    read_live();
    changes_ = changes, since_reading_ = 0;
    if (std::string newest = store_->newest_artifact("live"); newest != newest_artifact_) {
      newest_artifact_ = std::move(newest);
      ++page_version_;
    }
  }
  // Only now: a file that could not be read whole is read whole again.
  if (replaced) identity_ = std::make_unique<Identity>(*identity);
}

void Watcher::read_rows(bool all) {
  store::RowsWanted wanted;
  wanted.numbers = kNumbers;
  std::vector<int64_t> ids;
  if (!all) {
    // Only this thread changes runs_. The last row is asked for too: when it is not there, this is another table.
    ids = runs_.unfinished();
    wanted.after = runs_.last_id();
    if (wanted.after > 0 && (ids.empty() || ids.back() != wanted.after)) ids.push_back(wanted.after);
    wanted.ids = ids;
  }
  const auto rows = store_->rows(wanted);
  const auto asked = static_cast<size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const auto& row) { return row.id <= wanted.after; }));
  if (!all && asked < ids.size()) return read_rows(true);

  const std::lock_guard lock(mutex_);
  if (all) runs_.clear();
  std::vector<int64_t> changed;
  for (const auto& row : rows) {
    if (runs_.put(row)) changed.push_back(row.id);
  }
  if (!all && changed.empty()) return;
  content_ = nullptr;
  ++page_version_;
  if (all || changed.size() > kMostRowsTold) return feed_.reset();
  for (size_t begin = 0; begin < changed.size(); begin += kRowsPerEvent) {
    std::string data;
    for (size_t k = begin; k < std::min(begin + kRowsPerEvent, changed.size()); ++k) {
      data += (data.empty() ? "" : ",") + runs_.row(changed[k]);
    }
    feed_.post("runs", R"({"runs":[)" + data + "]}");
  }
}

void Watcher::read_live() {
  records_ = Json::array();
  for (auto& artifact : store_->artifacts("live")) records_.push_back(std::move(artifact.value));
}

void Watcher::tell_live(const char* state, const std::string& text) {
  const int64_t now = now_ms();
  Json records = Json::array();
  std::string newest_start;  // of a process that lives: what it took over from is not lost any more
  for (const Json& value : records_) {
    if (auto record = shown_record(value, now)) {
      if ((*record)["state"] == "live") newest_start = std::max(newest_start, text_field(*record, "started_at"));
      records.push_back(std::move(*record));
    }
  }
  Json shown = Json::array();
  for (Json& record : records) {
    if (record["state"] == "live" || text_field(record, "updated_at") > newest_start)
      shown.push_back(std::move(record));
  }
  const std::lock_guard lock(mutex_);
  const Json value{{"schema", "superpose.dashboard.live/1"},
                   {"store",
                    {{"name", path_.filename().string()},
                     {"path", path_.string()},
                     {"state", state},
                     {"text", text},
                     {"runs", runs_.size()}}},
                   {"records", std::move(shown)}};
  std::string line = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (line == live_) return;
  live_ = std::move(line);
  feed_.set_live(live_);
}

Shared Watcher::runs() {
  const std::lock_guard lock(mutex_);
  if (!content_) {
    content_ = make_content(kJson,
                            fmt::format(R"({{"schema":"superpose.dashboard.runs/1","event":"{}","runs":{}}})",
                                        feed_.last_id(), runs_.by_column()),
                            kNothing, 2);
  }
  return content_;
}

Shared Watcher::live() {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text = live_;
  }
  return make_content(kJson, std::move(text), kNothing, 1);
}

}  // namespace superpose::serve
