// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "superpose/base/error.h"

namespace superpose {
namespace {

// Cores allowed by a cgroup v2 or v1 quota; 0 when there is no limit.
double cgroup_cores() {
  std::string quota;
  double period = 0;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file >> quota >> period) {
    return quota == "max" || period <= 0 ? 0 : std::atof(quota.c_str()) / period;
  }
  double limit = 0;
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_file >> limit && period_file >> period && limit > 0 && period > 0) return limit / period;
  return 0;
}

}  // namespace

int available_cores() {
  int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) cores = std::max(1, CPU_COUNT(&mask));
  if (const double limit = cgroup_cores(); limit > 0)
    cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(limit))));
  return cores;
}

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable work_done;
  const std::function<void(size_t)>* body = nullptr;
  size_t next = 0;
  size_t count = 0;
  size_t running = 0;
  bool stop = false;
  std::exception_ptr failure;
  std::vector<std::thread> workers;

  // Takes iterations until none is left. Called with the lock held; returns with it held.
  void drain(std::unique_lock<std::mutex>& lock) {
    while (next < count) {
      const size_t index = next++;
      ++running;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        (*body)(index);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      --running;
      if (thrown) {
        if (!failure) failure = thrown;
        next = count;
      }
    }
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      work_ready.wait(lock, [this] { return stop || next < count; });
      if (stop) return;
      drain(lock);
      if (running == 0) work_done.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  SUPERPOSE_ASSERT(threads >= 1);
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->work_ready.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t)>& body) {
  if (state_->workers.empty() || count <= 1) {
    for (size_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::unique_lock lock(state_->mutex);
  SUPERPOSE_ASSERT(state_->body == nullptr);
  state_->body = &body;
  state_->next = 0;
  state_->count = count;
  state_->failure = nullptr;
  state_->work_ready.notify_all();
  state_->drain(lock);
  state_->work_done.wait(lock, [this] { return state_->running == 0 && state_->next >= state_->count; });
  state_->body = nullptr;
  state_->count = state_->next = 0;
  if (state_->failure) std::rethrow_exception(state_->failure);
}

}  // namespace superpose
