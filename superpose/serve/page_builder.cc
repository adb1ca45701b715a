// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/page_builder.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "superpose/base/error.h"

namespace superpose::serve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLeastPause{3000};
constexpr int kPausePerWork = 10;        // so it takes a tenth of a core at most
constexpr milliseconds kPatience{2000};  // with a locked store
constexpr int kNice = 5;                 // a third of the weight of a sweep's thread

}  // namespace

PageBuilder::PageBuilder(std::filesystem::path store, std::function<Shared(const store::Store&)> make)
    : store_(std::move(store)), make_(std::move(make)) {}

PageBuilder::~PageBuilder() { stop(); }

void PageBuilder::start() {
  thread_ = std::thread([this] { loop(); });
}

void PageBuilder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (reading_) reading_->interrupt();
  }
  asked_.notify_all();
  built_.notify_all();
  if (thread_.joinable()) thread_.join();
}

PageBuilder::Built PageBuilder::get(uint64_t version, bool fresh, milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (newest_.version < version) newest_.error.clear(), wanted_ = std::max(wanted_, version);
  if (newest_.content && !(fresh && newest_.version < version)) {
    asked_.notify_all();
    return newest_;
  }
  urgent_ = true;
  asked_.notify_all();
  // One attempt may be under way that began before; its successor reads what is asked for.
  const uint64_t enough = attempts_ + 2;
  built_.wait_for(lock, patience, [&] {
    return stopping_ || newest_.version >= version || attempts_ >= enough ||
           (!newest_.content && !newest_.error.empty());
  });
  return newest_;
}

PageBuilder::Built PageBuilder::build() {
  Built out;
  try {
    const store::Store store(store_, store::Mode::read_only, kPatience);
    struct Reading {
      Reading(PageBuilder& all, const store::Store& now) : builder(all) { set(&now); }
      ~Reading() { set(nullptr); }
      void set(const store::Store* now) {
        const std::lock_guard lock(builder.mutex_);
        builder.reading_ = now;
      }
      PageBuilder& builder;
    } const reading(*this, store);
    out.content = make_(store);
  } catch (const std::exception& e) {
    out.error = *e.what() ? e.what() : "the page could not be made";
  }
  return out;
}

void PageBuilder::loop() {
  // Linux: the priority of this thread alone.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  auto next = Clock::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return stopping_ || wanted_ > newest_.version; });
    asked_.wait_until(lock, next, [this] { return stopping_ || urgent_; });
    if (stopping_) return;
    const uint64_t version = wanted_;
    urgent_ = false;
    lock.unlock();
    const auto begin = Clock::now();
    Built built = build();
    next = Clock::now() + std::max<Clock::duration>(kLeastPause, (Clock::now() - begin) * kPausePerWork);
    lock.lock();
    if (built.content) {
      built.version = version;
      newest_ = std::move(built);
    } else {
      newest_.error = built.error;  // the last page stays, and the next one who asks makes it try again
      wanted_ = newest_.version;
    }
    ++attempts_;
    built_.notify_all();
  }
}

}  // namespace superpose::serve
