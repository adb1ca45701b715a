// SPDX-License-Identifier: Apache-2.0
// What happened, for any number of readers at any pace. Events lie in one ring of bounded size; a reader is a place in
// it, so a slow one costs nothing and holds up nobody. Of the live records only the newest matters: it is not in the
// ring, each reader gets it when it is newer than what he has.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace superpose::serve {

class Feed {
 public:
  Feed();

  void post(std::string_view event, const std::string& data);  // data: JSON on one line
  void set_live(const std::string& data);
  void reset();  // all readers must ask for everything again
  void stop();   // wakes all readers, for good

  // Where a reader is. Made of an id, it goes on behind the event that bore it.
  struct Place {
    uint64_t next = 0;  // event to read
    uint64_t live = 0;  // newest live record seen
  };
  // "EPOCH-N" as ids are written; an id of another server's life, or of an event that is gone, is answered "reset".
  Place place_of(std::string_view id) const;
  std::string last_id() const;

  // Frames of server-sent events from `place` on, which moves; empty when nothing happened for so long, and after
  // stop(). A reader that fell off the ring gets one "reset".
  std::string wait(Place& place, std::chrono::milliseconds patience);
  bool stopped() const;

 private:
  std::string id(uint64_t number) const { return epoch_ + "-" + std::to_string(number); }

  const std::string epoch_;  // of this object: ids of an earlier server mean nothing here
  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::deque<std::string> ring_;  // frames; the last one is number `last_`
  size_t ring_bytes_ = 0;
  uint64_t last_ = 0;
  std::string live_;
  uint64_t live_number_ = 0;
  bool stopped_ = false;
};

}  // namespace superpose::serve
