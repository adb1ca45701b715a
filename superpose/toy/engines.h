// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "superpose/toy/toy.h"

namespace superpose::toy {

std::unique_ptr<Engine> make_reference_engine(const Resolved& run, const Workers& workers);

// How the fast engine makes pre-activations (fast_engine.cc, 2): the cheaper way by counting, or always the one. For
// tests and bench/way.cc.
enum class Way { cheaper, gram, hidden };
std::unique_ptr<Engine> make_fast_engine(const Resolved& run, const Workers& workers, Way way = Way::cheaper);

// An array of T as a piece of state.
template <class T>
StateArray state_array(std::string name, T* data, size_t count) {
  return {std::move(name), std::as_writable_bytes(std::span<T>(data, count))};
}

}  // namespace superpose::toy
