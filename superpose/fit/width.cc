// SPDX-License-Identifier: Apache-2.0
// law width: L = C/m^α + L0[group], the form of the paper's joint fit of language models (its Fig. 8b of v1, 6b of v4).
#include "superpose/fit/laws.h"

namespace superpose::fit {

Law width_law() {
  return {.name = "width",
          .formula = "L = C/m^alpha + L0[group]",
          .objective = Objective::squares,
          .inputs = {"m"},
          .terms = {{"C", "alpha", {"m"}, true}},
          .offset = "L0",
          .groups = true,
          .offset_any_sign = true};
}

Result fit_width(const WidthData& data, const Options& options) {
  return find_law("width").fit({{data.m}, data.loss, data.group, data.cluster}, options);
}

}  // namespace superpose::fit
