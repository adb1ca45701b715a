// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "superpose/toy/toy.h"

namespace superpose::toy {

std::unique_ptr<Engine> make_reference_engine(const Resolved& run, const Workers& workers);
std::unique_ptr<Engine> make_fast_engine(const Resolved& run, const Workers& workers);

// An array of T as a piece of state.
template <class T>
StateArray state_array(std::string name, T* data, size_t count) {
  return {std::move(name), std::as_writable_bytes(std::span<T>(data, count))};
}

}  // namespace superpose::toy
