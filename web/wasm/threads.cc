// SPDX-License-Identifier: Apache-2.0
// base/threads.h with the caller as the only thread. Results are the same: they never depend on the number of threads.
#include "superpose/base/threads.h"

namespace superpose {

int available_cores() { return 1; }

struct ThreadPool::State {};
ThreadPool::ThreadPool(int, const std::atomic<int>*, const std::atomic<bool>*) {}
ThreadPool::~ThreadPool() = default;
int ThreadPool::threads() const { return 1; }
void ThreadPool::parallel_for(size_t count, const std::function<void(size_t)>& body) {
  for (size_t i = 0; i < count; ++i) body(i);
}

}  // namespace superpose
