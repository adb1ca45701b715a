// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "superpose/toy/toy.h"

namespace superpose::toy {

std::unique_ptr<Engine> make_reference_engine(const Resolved& run);
std::unique_ptr<Engine> make_fast_engine(const Resolved& run, int threads);

}  // namespace superpose::toy
