// SPDX-License-Identifier: Apache-2.0
// "How was this made": what a figure's runs have in common and what sets them apart.
#pragma once
#include <cstdint>
#include <map>

#include "superpose/report/figure.h"
#include "superpose/store/store.h"

namespace superpose::report {

using RunsById = std::map<int64_t, const store::Run*>;

// Fills `made` of the figure from its runs (Figure::runs).
void describe_runs(const RunsById& runs, Figure& figure);

}  // namespace superpose::report
