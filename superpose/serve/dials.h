// SPDX-License-Identifier: Apache-2.0
// The dials that are being turned. Each costs memory and, while it trains, a core: so there are few at a time, a call
// trains for at most half a second, at most two calls train at once, and a session that nobody has used for a while
// makes room.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "superpose/serve/serve.h"

namespace superpose::serve {

class Dials {
 public:
  Dials(std::function<std::unique_ptr<DialSession>(const Json&)> make, int most);

  struct Answer {
    int status = 200;
    Json body;
  };
  // body: the request's. An answer for every request; throws nothing of its own.
  Answer create(const Json& body);
  Answer advance(const std::string& id, const Json& body);
  Answer set_decay(const std::string& id, const Json& body);
  Answer remove(const std::string& id);
  void stop() { stopping_ = true; }  // calls that train end soon

 private:
  struct Session {
    std::mutex mutex;  // one call at a time
    std::unique_ptr<DialSession> dial;
    std::chrono::steady_clock::time_point used = std::chrono::steady_clock::now();  // guarded by Dials::mutex_
  };
  std::shared_ptr<Session> find(const std::string& id);
  bool make_room();
  Answer with(const std::string& id, const std::function<Answer(DialSession&)>& act);

  const std::function<std::unique_ptr<DialSession>(const Json&)> make_;
  const size_t most_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards all below
  std::map<std::string, std::shared_ptr<Session>> sessions_;
  int training_ = 0;
};

// {"error": {"kind", "text"}}
Json error_json(std::string_view kind, std::string_view text);

}  // namespace superpose::serve
