// SPDX-License-Identifier: Apache-2.0
// law chinchilla: L = E + A/N^α + B/D^β, "approach 3" of Hoffmann et al. 2022 (arXiv 2203.15556, D.3) with its
// log-Huber objective (δ = 1e-3), summed as in the refit of Besiroglu et al. 2024 (arXiv 2404.10102).
#include "superpose/fit/laws.h"

namespace superpose::fit {

Law chinchilla_law() {
  return {.name = "chinchilla",
          .formula = "L = E + A/N^alpha + B/D^beta",
          .objective = Objective::log_huber,
          .inputs = {"N", "D"},
          .terms = {{"A", "alpha", {"N"}}, {"B", "beta", {"D"}}},
          .offset = "E",
          .groups = true};
}

}  // namespace superpose::fit
