// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/limits.h"

namespace superpose {

int available_cores() { return cpu_limit().cores; }

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
  int threads = 1;
  const std::atomic<int>* allowed = nullptr;
  const std::atomic<bool>* cancelled = nullptr;
  std::vector<std::thread> workers;

  // How many threads may work now, the caller included.
  size_t allowance() const { return static_cast<size_t>(allowed ? std::clamp(allowed->load(), 1, threads) : threads); }

  void run(const std::function<void(size_t)>& iteration, size_t index) const {
    if (cancelled && *cancelled) throw Cancelled{};
    iteration(index);
  }

  // Takes iterations until none is left. Called with the lock held; returns with it held.
  void drain(std::unique_lock<std::mutex>& lock) {
    while (next < count) {
      const size_t index = next++;
      ++running;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        run(*body, index);
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

  void work(size_t number) {  // 1, 2, ...; the caller is 0
    std::unique_lock lock(mutex);
    while (true) {
      work_ready.wait(lock, [&] { return stop || (next < count && number < allowance()); });
      if (stop) return;
      drain(lock);
      if (running == 0) work_done.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads, const std::atomic<int>* allowed, const std::atomic<bool>* cancelled)
    : state_(std::make_unique<State>()) {
  SUPERPOSE_ASSERT(threads >= 1);
  state_->threads = threads;
  state_->allowed = allowed;
  state_->cancelled = cancelled;
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->work_ready.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return state_->threads; }

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t)>& body) {
  const size_t wanted = std::min(state_->allowance(), count);
  if (wanted <= 1) {
    for (size_t i = 0; i < count; ++i) state_->run(body, i);
    return;
  }
  while (state_->workers.size() + 1 < wanted) {
    const size_t number = state_->workers.size() + 1;
    state_->workers.emplace_back([state = state_.get(), number] { state->work(number); });
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
