// SPDX-License-Identifier: Apache-2.0
// laws of the shape of a transformer: L = E + c_m/m^a_m + c_l/l^a_l + c_D/D^a_D and its parts, least squares of ln L
// (arXiv 2602.05970, the fit of the 203 Chinchilla points).
#include "superpose/fit/laws.h"

namespace superpose::fit {
namespace {

const Term kWidth{"c_m", "a_m", {"m"}}, kDepth{"c_l", "a_l", {"l"}}, kTokens{"c_D", "a_D", {"D"}};

Law shape_law(std::string name, std::string formula, std::vector<Term> terms) {
  Law out{.name = std::move(name),
          .formula = std::move(formula),
          .objective = Objective::log_squares,
          .terms = std::move(terms),
          .offset = "E",
          .groups = true};
  for (const Term& term : out.terms) out.inputs.push_back(term.inputs[0]);
  return out;
}

}  // namespace

Law width_depth_data_law() {
  return shape_law("width-depth-data", "L = E + c_m/m^a_m + c_l/l^a_l + c_D/D^a_D", {kWidth, kDepth, kTokens});
}

Law width_depth_law() { return shape_law("width-depth", "L = E + c_m/m^a_m + c_l/l^a_l", {kWidth, kDepth}); }

Law width_data_law() { return shape_law("width-data", "L = E + c_m/m^a_m + c_D/D^a_D", {kWidth, kTokens}); }

}  // namespace superpose::fit
