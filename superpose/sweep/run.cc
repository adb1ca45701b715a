// SPDX-License-Identifier: Apache-2.0
// run(): workers that claim, compute and record; the calling thread keeps the leases, looks after the jobs of other
// processes, and reports.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/threads.h"
#include "superpose/sweep/schedule.h"
#include "superpose/sweep/sweep.h"

namespace superpose::sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(50);       // how late a stop may be noticed
constexpr auto kProgress = std::chrono::milliseconds(500);  // promised: at least every second
constexpr auto kPoll = std::chrono::milliseconds(500);      // how late the end of another process may be noticed
constexpr auto kRenew = std::chrono::seconds(10);           // the store wants it every 20 s

constexpr double kLeastCost = 1e-6;  // for a prediction that is none

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

struct Item {
  Job job;
  std::string key;
};

// A job that a thread of ours computes now.
struct Running {
  const Clock::time_point started = Clock::now();
  std::atomic<double> fraction{-1};        // done; negative: not reported yet
  std::atomic<double> first_fraction{-1};  // where it began: above 0 when it goes on from a snapshot
  std::atomic<int> cores{1};               // lent to it now
  // Core-seconds up to `since`, when `cores` last changed.
  double core_seconds = 0;
  Clock::time_point since = started;

  double spent() const { return core_seconds + seconds_since(since) * cores; }
  double share_here() const { return fraction > 0 ? fraction - first_fraction : 0; }  // of its cost
};

class Sweep {
 public:
  Sweep(store::Store& store, std::vector<Job> jobs, const Work& work, const Options& options);
  Progress run();

 private:
  void take_stock();
  void look_after_workers();
  void poll_other_processes();
  void work_until_nothing_is_left();
  std::optional<size_t> take_next();
  bool fits(size_t index) const;
  void lend();
  void run_one(size_t index);
  void compute(size_t index, int64_t id);
  void count(std::string_view status, size_t index, bool here);
  Progress progress();
  double eta() const;
  void cancel(std::exception_ptr failure = nullptr);

  store::Store& store_;
  const Work& work_;
  const Options& options_;
  const Clock::time_point started_ = Clock::now();
  const std::string started_at_ = store::utc_now();
  std::vector<Item> items_;
  int cores_ = 1;
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<size_t> pending_;         // longest first
  std::vector<size_t> waiting_;        // held by other processes
  std::map<size_t, Running> running_;  // by index, so longest first
  size_t taken_ = 0;                   // in the hands of a worker: running, or about to be claimed
  double bytes_ = 0;                   // of those that run or are about to
  Progress tally_;
  double cost_done_here_ = 0;
  double seconds_done_here_ = 0;
  double cost_done_elsewhere_ = 0;
  int live_workers_ = 0;
  std::exception_ptr failure_;
};

Sweep::Sweep(store::Store& store, std::vector<Job> jobs, const Work& work, const Options& options)
    : store_(store), work_(work), options_(options) {
  std::unordered_set<std::string> seen;
  for (Job& job : jobs) {
    if (!std::isfinite(job.cost) || job.cost <= 0) job.cost = kLeastCost;
    std::string key = store::run_key(options.kind, job.config);
    if (seen.insert(key).second) items_.push_back({std::move(job), std::move(key)});
  }
  std::stable_sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) { return a.job.cost > b.job.cost; });
  tally_.total = items_.size();
}

// What the store holds already.
void Sweep::take_stock() {
  const auto known = store_.statuses(options_.kind);
  for (size_t i = 0; i < items_.size(); ++i) {
    const auto found = known.find(items_[i].key);
    const std::string status = found == known.end() ? "" : found->second.status;
    if (status == "ok" || status == "diverged") {
      ++tally_.skipped;
      ++tally_.done;
      tally_.diverged += status == "diverged";
    } else if (status == "running") {
      waiting_.push_back(i);
    } else {
      pending_.push_back(i);
    }
  }
}

Progress Sweep::run() {
  take_stock();
  if (options_.on_progress) options_.on_progress(progress());
  std::vector<std::thread> threads;
  cores_ = options_.workers > 0 ? options_.workers : available_cores();
  const size_t workers = std::min(static_cast<size_t>(cores_), pending_.size() + waiting_.size());
  // Joins whatever happens below: a callback may throw, a thread may be refused.
  struct Join {
    Sweep& sweep;
    std::vector<std::thread>& threads;
    ~Join() {
      sweep.cancel();
      for (auto& thread : threads) thread.join();
    }
  };
  {
    const Join join{*this, threads};
    for (size_t i = 0; i < workers; ++i) {
      {
        const std::lock_guard lock(mutex_);
        ++live_workers_;
      }
      try {
        threads.emplace_back([this] { work_until_nothing_is_left(); });
      } catch (const std::system_error& e) {
        const std::lock_guard lock(mutex_);
        --live_workers_;
        if (threads.empty()) throw Error(ErrorKind::io, std::string("cannot start a thread: ") + e.what());
        break;
      }
    }
    look_after_workers();
  }
  if (failure_) std::rethrow_exception(failure_);
  const Progress final = progress();
  if (options_.on_progress) options_.on_progress(final);
  return final;
}

void Sweep::look_after_workers() {
  auto reported = Clock::now(), polled = Clock::now(), renewed = Clock::now();
  std::unique_lock lock(mutex_);
  while (live_workers_ > 0) {
    changed_.wait_for(lock, kTick, [this] { return live_workers_ == 0; });
    const bool is_waiting = !waiting_.empty();
    lock.unlock();
    if (options_.stop && options_.stop->load()) cancel();
    const auto now = Clock::now();
    if (now - renewed >= kRenew) renewed = now, store_.renew();
    if (is_waiting && now - polled >= kPoll) polled = now, poll_other_processes();
    if (options_.on_progress && now - reported >= kProgress) reported = now, options_.on_progress(progress());
    lock.lock();
  }
}

// Jobs that other processes hold: finished ones are counted, abandoned ones are ours again.
void Sweep::poll_other_processes() {
  const auto known = store_.statuses(options_.kind);
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [&](size_t i) {
    const auto found = known.find(items_[i].key);
    const std::string status = found == known.end() ? "" : found->second.status;
    if (status == "running") return false;
    if (status == "ok" || status == "diverged" || (status == "failed" && found->second.finished_at >= started_at_)) {
      count(status, i, false);
    } else {
      pending_.push_back(i);
    }
    return true;
  });
  changed_.notify_all();
}

// Called with the lock held.
void Sweep::count(std::string_view status, size_t index, bool here) {
  ++tally_.done;
  tally_.failed += status == "failed";
  tally_.diverged += status == "diverged";
  if (!here) cost_done_elsewhere_ += items_[index].job.cost;
}

// Under the lock: a worker between its look at cancelled_ and its sleep would miss the news and sleep for ever.
void Sweep::cancel(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = failure;
  if (!cancelled_.exchange(true)) changed_.notify_all();
}

// Memory for one more? A job that needs more than there is runs alone. Called with the lock held.
bool Sweep::fits(size_t index) const {
  return options_.memory_bytes <= 0 || taken_ == 0 || bytes_ + items_[index].job.bytes <= options_.memory_bytes;
}

// The longest job that can start now, with its memory set aside. Called with the lock held.
std::optional<size_t> Sweep::take_next() {
  const auto found = std::find_if(pending_.begin(), pending_.end(), [this](size_t i) { return fits(i); });
  if (found == pending_.end()) return std::nullopt;
  const size_t index = *found;
  pending_.erase(found);
  bytes_ += items_[index].job.bytes;
  ++taken_;
  return index;
}

// Shares the cores that no job is left for among those that can use several. Called with the lock held, whenever a job
// began or ended.
void Sweep::lend() {
  const bool more_to_start =
      taken_ > running_.size() || std::any_of(pending_.begin(), pending_.end(), [this](size_t i) { return fits(i); });
  std::vector<int> most;
  for (const auto& [index, run] : running_) most.push_back(items_[index].job.threads);
  const auto lent = lend_cores(most, more_to_start ? 0 : cores_);
  size_t k = 0;
  for (auto& [index, run] : running_) {
    run.core_seconds = run.spent();
    run.since = Clock::now();
    run.cores = lent[k++];
  }
}

void Sweep::work_until_nothing_is_left() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::optional<size_t> next;
    changed_.wait(lock, [&] {
      if (!cancelled_) next = take_next();
      return cancelled_ || next || (pending_.empty() && waiting_.empty());
    });
    if (!next) break;
    lock.unlock();
    std::exception_ptr failure;
    try {
      run_one(*next);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) cancel(failure);  // the store failed, not the job
    lock.lock();
    bytes_ -= items_[*next].job.bytes;
    --taken_;
    lend();
    changed_.notify_all();
  }
  --live_workers_;
  changed_.notify_all();
}

void Sweep::run_one(size_t index) {
  const Item& item = items_[index];
  // Jobs that failed before this sweep are tried again; those that failed since, perhaps in another process, are done.
  if (const auto id = store_.claim(options_.kind, item.job.config, started_at_)) return compute(index, *id);
  const auto run = store_.find(options_.kind, item.job.config);
  const std::lock_guard lock(mutex_);
  if (run && (run->status == "ok" || run->status == "diverged" || run->status == "failed")) {
    count(run->status, index, false);
  } else {
    waiting_.push_back(index);
  }
}

void Sweep::compute(size_t index, int64_t id) {
  const Item& item = items_[index];
  Running* state = nullptr;
  {
    const std::lock_guard lock(mutex_);
    state = &running_[index];  // a map's elements stay where they are
    lend();
  }
  std::string failure;
  Outcome outcome;
  bool given_back = false;
  try {
    const auto fraction_done = [state](double fraction) {
      fraction = std::clamp(fraction, 0., 1.);
      if (state->first_fraction < 0) state->first_fraction = fraction;
      state->fraction = fraction;
    };
    const JobContext context{&cancelled_, fraction_done, &state->cores};
    outcome = work_(item.job.config, context);
    if (outcome.status != "ok" && outcome.status != "diverged") failure = "unknown status '" + outcome.status + "'";
  } catch (const Cancelled&) {
    given_back = cancelled_;
    failure = "cancelled itself";
  } catch (const std::bad_alloc&) {
    failure = "out of memory";
  } catch (const std::exception& e) {
    failure = *e.what() ? e.what() : "failed without saying why";
  } catch (...) {
    failure = "failed with an unknown exception";
  }
  const double seconds = seconds_since(state->started);
  if (given_back) {
    store_.release(id);
  } else if (!failure.empty()) {
    outcome.status = "failed";
    store_.fail(id, failure, seconds);
  } else {
    store_.finish(id, outcome.status, outcome.result, seconds);
    if (outcome.recorded) outcome.recorded();
  }
  const std::lock_guard lock(mutex_);
  const double share = 1 - std::max(0.0, state->first_fraction.load());
  const double core_seconds = state->spent();
  running_.erase(index);
  if (given_back) return;
  count(outcome.status, index, true);
  if (outcome.status != "ok") return;  // one that ended early says nothing about the predictions
  cost_done_here_ += item.job.cost * share;
  seconds_done_here_ += core_seconds;
}

Progress Sweep::progress() {
  const std::lock_guard lock(mutex_);
  Progress out = tally_;
  out.running = running_.size();
  out.waiting = waiting_.size();
  out.seconds = seconds_since(started_);
  out.eta_seconds = eta();
  return out;
}

// Predicted costs of what is left, scaled by how the predictions held so far. Called with the lock held.
double Sweep::eta() const {
  if (tally_.done == tally_.total) return 0;
  double cost = cost_done_here_;
  double seconds = seconds_done_here_;
  for (const auto& [index, run] : running_) {
    if (run.share_here() > 0) cost += run.share_here() * items_[index].job.cost, seconds += run.spent();
  }
  if (cost <= 0 || seconds <= 0) return -1;
  const double seconds_per_cost = seconds / cost;
  std::vector<Job> rest;
  const auto add = [&](size_t i, double one_core_seconds) {
    rest.push_back({{}, std::max(0.0, one_core_seconds), items_[i].job.threads});
  };
  for (const size_t i : pending_) add(i, items_[i].job.cost * seconds_per_cost);
  for (const size_t i : waiting_) add(i, items_[i].job.cost * seconds_per_cost);
  for (const auto& [index, run] : running_) {
    const double predicted = items_[index].job.cost * seconds_per_cost;
    // A job that does not report is believed to keep to its prediction.
    add(index, run.fraction > 0 ? (1 - run.fraction) * predicted : predicted - run.spent());
  }
  // What other processes took over so far, they go on taking.
  const double elapsed = seconds_since(started_);
  const double share_here = seconds / (seconds + cost_done_elsewhere_ * seconds_per_cost);
  return elapsed > 0 ? share_here * predicted_seconds(rest, cores_) : -1;
}

}  // namespace

Progress run(store::Store& store, std::vector<Job> jobs, const Work& work, const Options& options) {
  return Sweep(store, std::move(jobs), work, options).run();
}

}  // namespace superpose::sweep
