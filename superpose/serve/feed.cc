// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/feed.h"

#include <fmt/format.h>

#include <charconv>

namespace superpose::serve {
namespace {

constexpr size_t kMostEvents = 4096, kMostBytes = size_t{4} << 20;
constexpr size_t kMostAtOnce = size_t{256} << 10;  // bytes of one write

std::string new_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{:x}", std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

Feed::Feed() : epoch_(new_epoch()) {}

void Feed::post(std::string_view event, const std::string& data) {
  {
    const std::lock_guard lock(mutex_);
    ring_.push_back(fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id(++last_), event, data));
    ring_bytes_ += ring_.back().size();
    while (ring_.size() > kMostEvents || (ring_bytes_ > kMostBytes && ring_.size() > 1)) {
      ring_bytes_ -= ring_.front().size();
      ring_.pop_front();
    }
  }
  news_.notify_all();
}

void Feed::set_live(const std::string& data) {
  {
    const std::lock_guard lock(mutex_);
    live_ = "event: live\ndata: " + data + "\n\n";
    ++live_number_;
  }
  news_.notify_all();
}

void Feed::reset() {
  {
    const std::lock_guard lock(mutex_);
    ring_.clear();
    ring_bytes_ = 0;
    ++last_;  // nobody is at the end of the ring now
  }
  news_.notify_all();
}

void Feed::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  news_.notify_all();
}

bool Feed::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

Feed::Place Feed::place_of(std::string_view text) const {
  Place place;  // next = 0: before everything
  if (text.starts_with(epoch_ + "-")) {
    text.remove_prefix(epoch_.size() + 1);
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number < UINT64_MAX) place.next = number + 1;
  }
  return place;
}

std::string Feed::last_id() const {
  const std::lock_guard lock(mutex_);
  return id(last_);
}

std::string Feed::wait(Place& place, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto is_news = [&] { return stopped_ || place.next != last_ + 1 || place.live != live_number_; };
  if (!news_.wait_for(lock, patience, is_news) || stopped_) return "";
  std::string out;
  const uint64_t first = last_ + 1 - ring_.size();
  if (place.next < first || place.next > last_ + 1) {
    out = fmt::format("id: {}\nevent: reset\ndata: {{}}\n\n", id(last_));
    place.next = last_ + 1;
  }
  for (; place.next <= last_ && out.size() < kMostAtOnce; ++place.next) out += ring_[place.next - first];
  if (place.live != live_number_) {
    out += live_;
    place.live = live_number_;
  }
  return out;
}

}  // namespace superpose::serve
