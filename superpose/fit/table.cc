// SPDX-License-Identifier: Apache-2.0
// The laws: one line each. A new law is its own file, its declaration in laws.h, and a line here.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/laws.h"

namespace superpose::fit {

std::span<const Law> laws() {
  static const std::array kLaws{
      power_law(),      width_law(), width_depth_law(), width_data_law(), width_depth_data_law(),
      chinchilla_law(), vocab_law(), time_law()};
  return kLaws;
}

const Law& find_law(std::string_view name) {
  std::vector<std::string> names;
  std::string known;
  for (const Law& law : laws()) {
    if (name == law.name) return law;
    names.emplace_back(law.name);
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", law.name, law.formula);
  }
  throw Error(ErrorKind::usage,
              fmt::format("unknown law '{}'{}; known laws: {}; or a formula such as 'E + A*m^-a + B*log(D)'", name,
                          suggestion(name, names), known));
}

int default_bootstrap(const Law& law, const Data& data) {
  return data.y.size() > kManyRows ? 0 : law.default_bootstrap;
}

size_t Law::input_index(std::string_view input) const {
  const auto at = std::find(inputs.begin(), inputs.end(), input);
  SUPERPOSE_ASSERT(at != inputs.end());
  return static_cast<size_t>(at - inputs.begin());
}

Law constant_law(const Law& like) {
  return {.name = "constant",
          .formula = like.groups ? "y = a[group]" : "y = a",
          .objective = like.objective,
          .inputs = like.inputs,
          .offset = "a",
          .groups = like.groups,
          .offset_any_sign = true};
}

Law logarithm_law(const Law& like) {
  const std::string& x = like.inputs[0];
  return {.name = "logarithm",
          .formula = fmt::format("y = {} - b ln {}", like.groups ? "a[group]" : "a", x),
          .objective = like.objective,
          .inputs = like.inputs,
          .terms = {{"b", "", {x}, true}},
          .offset = "a",
          .groups = like.groups,
          .offset_any_sign = true};
}

}  // namespace superpose::fit
