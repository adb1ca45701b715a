// SPDX-License-Identifier: Apache-2.0
// law time: L = L0 + c/t^β along a training run, t the step or the tokens seen.
#include "superpose/fit/laws.h"

namespace superpose::fit {

Law time_law() {
  return {.name = "time",
          .formula = "L = L0 + c/t^beta",
          .objective = Objective::squares,
          .inputs = {"t"},
          .terms = {{"c", "beta", {"t"}}},
          .offset = "L0",
          .groups = true};
}

}  // namespace superpose::fit
