// SPDX-License-Identifier: Apache-2.0
// Which features a trained toy model resolves, and the compact form in which a run keeps that. Private to study/.
#pragma once
#include <vector>

#include "superpose/base/json.h"
#include "superpose/toy/toy.h"

namespace superpose::study {

// Where resolved features end and unresolved ones begin, by frequency rank: the r that puts the fewest features on the
// wrong side (unresolved among the first r, resolved after them). Of several, the smallest.
struct Frontier {
  size_t rank = 0;        // r, 0 .. n
  size_t misordered = 0;  // how many are on the wrong side: 0 = a clean edge
};
Frontier frontier(const std::vector<bool>& resolved);

// Ranks of which a run keeps the loss: all up to 300, then 300 from 1 to n, evenly in the logarithm where that is finer
// than one. Ascending, from 0.
std::vector<size_t> kept_ranks(size_t n);

// The lengths of the runs of equal values, beginning with `true` (which may be 0): {3, 1, 2} = 1 1 1 0 1 1.
std::vector<size_t> run_lengths(const std::vector<bool>& values);

// The fields features_resolved, feature_loss_sum, feature_loss_sum_se and emergence of the toy JSON
// (docs/schema/toy.json), added to `out`; null for a run that diverged.
void add_emergence(const toy::Resolved& run, const toy::Result& trained, Json& out);

}  // namespace superpose::study
