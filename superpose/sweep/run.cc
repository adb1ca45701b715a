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
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <queue>
#include <system_error>
#include <thread>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/threads.h"
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
  Clock::time_point started = Clock::now();
  double cost = 1;
  std::atomic<double> fraction{0};
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
  int workers_ = 1;
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<size_t> pending_;   // longest first
  std::vector<size_t> waiting_;  // held by other processes
  std::map<size_t, Running> running_;
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
  const size_t wanted = static_cast<size_t>(options_.workers > 0 ? options_.workers : available_cores());
  workers_ = static_cast<int>(std::min(wanted, pending_.size() + waiting_.size()));
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
    for (int i = 0; i < workers_; ++i) {
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
        workers_ = static_cast<int>(threads.size());
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

void Sweep::work_until_nothing_is_left() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return cancelled_ || !pending_.empty() || waiting_.empty(); });
    if (cancelled_ || pending_.empty()) break;
    const size_t index = pending_.front();
    pending_.pop_front();
    lock.unlock();
    try {
      run_one(index);
    } catch (...) {
      cancel(std::current_exception());  // the store failed, not the job
    }
    lock.lock();
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
    state->cost = item.job.cost;
  }
  std::string failure;
  Outcome outcome;
  bool given_back = false;
  try {
    const JobContext context{&cancelled_, [state](double fraction) { state->fraction = std::clamp(fraction, 0., 1.); }};
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
  }
  const std::lock_guard lock(mutex_);
  running_.erase(index);
  if (given_back) return;
  count(outcome.status, index, true);
  cost_done_here_ += item.job.cost;
  seconds_done_here_ += seconds;
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
    if (run.fraction > 0) cost += run.fraction * run.cost, seconds += seconds_since(run.started);
  }
  if (cost <= 0 || seconds <= 0) return -1;
  const double seconds_per_cost = seconds / cost;
  std::vector<double> rest;
  for (const size_t i : pending_) rest.push_back(items_[i].job.cost * seconds_per_cost);
  for (const size_t i : waiting_) rest.push_back(items_[i].job.cost * seconds_per_cost);
  for (const auto& [index, run] : running_) {
    const double predicted = run.cost * seconds_per_cost;
    // A job that does not report is believed to keep to its prediction.
    const double left = run.fraction > 0 ? (1 - run.fraction) * predicted : predicted - seconds_since(run.started);
    rest.push_back(std::max(left, 0.0));
  }
  // What other processes took over so far, they go on taking.
  const double elapsed = seconds_since(started_);
  const double share_here = seconds / (seconds + cost_done_elsewhere_ * seconds_per_cost);
  return elapsed > 0 ? share_here * predicted_seconds(rest, workers_) : -1;
}

}  // namespace

double predicted_seconds(std::span<const double> costs, int workers) {
  std::vector<double> longest_first(costs.begin(), costs.end());
  std::sort(longest_first.begin(), longest_first.end(), std::greater<>());
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;  // one entry per worker
  double end = 0;
  for (const double cost : longest_first) {
    double begin = 0;
    if (free_at.size() >= static_cast<size_t>(std::max(workers, 1))) {
      begin = free_at.top();
      free_at.pop();
    }
    free_at.push(begin + cost);
    end = std::max(end, begin + cost);
  }
  return end;
}

Progress run(store::Store& store, std::vector<Job> jobs, const Work& work, const Options& options) {
  return Sweep(store, std::move(jobs), work, options).run();
}

}  // namespace superpose::sweep
