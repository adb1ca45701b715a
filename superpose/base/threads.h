// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

namespace superpose {

// Cores this process may use, see limits.h. At least 1.
int available_cores();

// A fixed set of threads that share the iterations of a loop. Results must not depend on which thread runs which
// iteration; every caller partitions its work by index, never by thread count.
class ThreadPool {
 public:
  // threads >= 1, the calling thread included: ThreadPool(1) starts nothing and runs loops inline. allowed: when given,
  // each loop uses at most that many of them (at least 1), so that a scheduler can lend and take back cores while the
  // loops go on. Threads are started when a loop first needs them. cancelled: once true, loops throw Cancelled instead
  // of beginning another iteration.
  explicit ThreadPool(int threads, const std::atomic<int>* allowed = nullptr,
                      const std::atomic<bool>* cancelled = nullptr);
  struct Cancelled {};
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls body(0) .. body(count - 1), each once, and returns when all are done. Rethrows the first exception on the
  // caller; iterations not yet begun by then are skipped. Not reentrant: a body must not call the same pool.
  void parallel_for(size_t count, const std::function<void(size_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace superpose
