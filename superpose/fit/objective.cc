// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/objective.h"

#include <fmt/format.h>

#include <array>

#include "superpose/base/error.h"
#include "superpose/base/names.h"

namespace superpose::fit {
namespace {

constexpr std::array<std::pair<const char*, Objective>, 6> kObjectives{{{"ls", Objective::squares},
                                                                        {"log-ls", Objective::log_squares},
                                                                        {"huber", Objective::huber},
                                                                        {"log-huber", Objective::log_huber},
                                                                        {"absolute", Objective::absolute},
                                                                        {"log-absolute", Objective::log_absolute}}};

}  // namespace

std::string_view objective_name(Objective objective) {
  for (const auto& [name, known] : kObjectives) {
    if (known == objective) return name;
  }
  return "unknown";
}

std::string objective_text(Objective objective, double delta) {
  const char* const r = on_logarithms(objective) ? "r = ln(observed) - ln(predicted)" : "r = observed - predicted";
  if (is_absolute(objective)) return fmt::format("Σ|r|, {}", r);
  if (is_huber(objective)) return fmt::format("Σ Huber(r) with delta = {:g}, {}", delta, r);
  return fmt::format("½Σr², {}", r);
}

Objective find_objective(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, objective] : kObjectives) {
    if (name == known) return objective;
    names.emplace_back(known);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown objective '{}'{}; known: {}", name, suggestion(name, names),
                                            fmt::join(names, ", ")));
}

}  // namespace superpose::fit
