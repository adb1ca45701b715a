// SPDX-License-Identifier: Apache-2.0
// The model behind predicted_seconds(). The time of a step is a sum of terms, each a count of what the step does times
// seconds per unit:
//
//     1                 whatever is done once
//     n                 per feature: sampling
//     B E               per active entry
//     B E n             outputs: each active entry is added to n pre-activations
//     A n               rows of Gram products looked through; A = Σ_i 1 - (1 - p_i)^B features occur in a batch
//     A n m             Gram products      (in the dense reference engine A stands for B)
//     q A n m           backward: q is the share of D that is not zero
//     q B E n           backward: the lists of positive outputs
//     n m, n m (large)  the optimiser, and what it costs more once its arrays are larger than the caches
//
// The seconds per unit are not written down here: the engine itself is timed on a dozen made-up states (measure.cc),
// for a step with dense D, one with sparse D, and a forward pass, and each of the three is fitted by non-negative least
// squares of the relative errors. So the model follows the machine, the instruction set, and changes of the engine.
// q over a run is the one thing that has to be known beforehand: positive_share().
#pragma once
#include <array>
#include <vector>

#include "superpose/toy/toy.h"

namespace superpose::toy {

inline constexpr size_t kTerms = 10;
using Terms = std::array<double, kTerms>;

struct Workload {
  double features = 0, padded_dim = 0, batch = 0;  // n, m, B
  double entries = 0;                              // B·E
  double active = 0;                               // A
};
Workload workload(const Config& config, const features::Law& law);
Terms terms(const Workload& load, double share);  // share: q; 0 for a forward pass

// Seconds per unit of each term.
struct StepCosts {
  Terms dense{}, sparse{}, forward{};
};
// Measured when first asked for, and kept: the same for the life of the process.
const StepCosts& measured_costs(const std::string& engine);

// x >= 0 that makes Σ ((A x)_k / y_k - 1)² least; y > 0.
Terms fit_non_negative(const std::vector<Terms>& A, const std::vector<double>& y);

// Share of nonzeros in the rows of D when the rates of the bias up to then sum to `travelled`. Each bias starts at
// N(0, 1) and Adam moves it by the rate per step, nearly always down, so it is this sum that counts. Measured over
// whole runs with n = 1000 (bench/positive_share.cc): the tables' rows are means over m = 10 to 100, and single runs
// lie within a factor of 1.25 of them where the share is above 0.1. active_share: A/n; density: E.
double positive_share(double travelled, double decay, double active_share, double density);

}  // namespace superpose::toy
