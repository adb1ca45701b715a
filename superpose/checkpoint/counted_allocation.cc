// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/counted_allocation.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<size_t> g_live{0}, g_peak{0};  // bytes, over all threads

void* counted_new(size_t bytes) {
  void* block = std::malloc(bytes);
  if (!block) throw std::bad_alloc();
  const size_t live = g_live += ::malloc_usable_size(block);
  size_t peak = g_peak;
  while (live > peak && !g_peak.compare_exchange_weak(peak, live)) {
  }
  return block;
}
void counted_delete(void* block) {
  g_live -= ::malloc_usable_size(block);
  std::free(block);
}
}  // namespace

void* operator new(size_t bytes) { return counted_new(bytes); }
void* operator new[](size_t bytes) { return counted_new(bytes); }
// std::stable_sort asks for its buffer this way.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted_new(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return counted_new(bytes); }
void operator delete(void* pointer) noexcept { counted_delete(pointer); }
void operator delete[](void* pointer) noexcept { counted_delete(pointer); }
void operator delete(void* pointer, size_t) noexcept { counted_delete(pointer); }
void operator delete[](void* pointer, size_t) noexcept { counted_delete(pointer); }

namespace superpose::checkpoint {

size_t start_counting() { return g_peak = g_live.load(); }
size_t peak_live_bytes() { return g_peak; }

}  // namespace superpose::checkpoint
