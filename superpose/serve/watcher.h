// SPDX-License-Identifier: Apache-2.0
// The one thread that follows the store. Twice a second it asks SQLite whether somebody wrote, and reads what can have
// changed: the rows after the last one and those that were not finished. What it learned is kept here and told to the
// Feed; requests are answered from that. A file that is locked, gone or replaced changes `state`, nothing else.
#pragma once
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "superpose/serve/content.h"
#include "superpose/serve/feed.h"
#include "superpose/serve/runs.h"
#include "superpose/store/store.h"

namespace superpose::serve {

class Watcher {
 public:
  // Reads the whole table. Throws the store's Errors.
  Watcher(const std::filesystem::path& path, Feed& feed);
  ~Watcher();

  void start();
  void stop();

  // {"schema", "event": id of the last event that is in it, "runs": {by column}}
  Shared runs();
  // {"store": {"name", "path", "state": "ok" | "missing" | "unreadable", "text", "runs"}, "records": [live records,
  // each with "state": "live" | "ended" | "lost" (not a word for ten seconds; it has nothing running then)]}
  Shared live();
  // Grows when something that the page shows has changed: runs, artifacts.
  uint64_t page_version() const { return page_version_; }

 private:
  struct Identity;
  void loop();
  void look();
  void read_rows(bool all);
  void read_live();
  void tell_live(const char* state, const std::string& text);

  const std::filesystem::path path_;
  Feed& feed_;
  std::thread thread_;
  std::atomic<uint64_t> page_version_{1};

  // Of the thread alone.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Identity> identity_;  // of the file that store_ has open, or had
  int64_t changes_ = -1;
  int since_reading_ = 0;
  std::string newest_artifact_;
  Json records_ = Json::array();

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  bool stopping_ = false;
  Runs runs_;
  Shared content_;  // of runs_; null when they changed
  std::string live_;
};

}  // namespace superpose::serve
