// SPDX-License-Identifier: Apache-2.0
// How the cores are shared among the jobs that run; used by run() and by its prediction alike.
#pragma once
#include <span>
#include <vector>

namespace superpose::sweep {

// Cores of each running job: one each, and the spare ones in turn, the first job first, up to most[k] (>= 1).
std::vector<int> lend_cores(std::span<const int> most, int cores);

}  // namespace superpose::sweep
