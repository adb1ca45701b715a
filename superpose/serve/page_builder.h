// SPDX-License-Identifier: Apache-2.0
// What is made from the whole store (the figures, the report), made again as runs finish. Reading every result takes
// seconds for a large store, so it happens in a thread of low priority, only when somebody asks, and rarely enough to
// take a small share of a core.
#pragma once
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "superpose/serve/content.h"
#include "superpose/serve/serve.h"

namespace superpose::serve {

class PageBuilder {
 public:
  PageBuilder(std::filesystem::path store, std::function<Shared(const store::Store&)> make);
  ~PageBuilder();
  void start();
  void stop();

  struct Built {
    Shared content;
    uint64_t version = 0;  // of the store's content when the reading began
    std::string error;     // why the last attempt failed; content is then of an earlier one, or null
  };
  // The newest there is. Asks for a newer one when `version` is newer; waits for it only when there is none yet (or
  // `fresh`: also when it is older than `version`), at most so long. Null content and no error: not ready in that time.
  Built get(uint64_t version, bool fresh, std::chrono::milliseconds patience);

 private:
  void loop();
  Built build();

  const std::filesystem::path store_;
  const std::function<Shared(const store::Store&)> make_;
  std::thread thread_;

  std::mutex mutex_;  // guards all below
  std::condition_variable asked_, built_;
  bool stopping_ = false;
  bool urgent_ = false;  // somebody waits for it
  uint64_t wanted_ = 0;  // version
  uint64_t attempts_ = 0;
  const store::Store* reading_ = nullptr;  // now, by the thread
  Built newest_;
};

}  // namespace superpose::serve
