// SPDX-License-Identifier: Apache-2.0
// Figures of an inspection (the JSON of `superpose inspect`), one function each. Nothing where the inspection lacks
// what the figure shows. id: unique on the page, of letters, digits and '-'.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/report/figure.h"

namespace superpose::report {

std::optional<Figure> baseline_rows(const Json& matrix, const std::string& id);
std::optional<Figure> norm_distribution(const Json& matrix, const std::string& id);
std::optional<Figure> overlap_distribution(const Json& matrix, const std::string& id);
std::optional<Figure> singular_value_decay(const Json& matrix, const std::string& id);
std::optional<Figure> overlap_against_frequency(const Json& matrix, const std::string& id);

// compare: of several models, or of training steps (compare.steps).
std::optional<Figure> overlap_against_width(const Json& compare);
std::optional<Figure> change_over_steps(const Json& compare);

// The density of |cos| of two independent random directions in m dimensions at c in [0, 1]: twice the density of one
// coordinate of a uniform point on the sphere, 2·Γ(m/2)/(√π·Γ((m-1)/2))·(1-c²)^((m-3)/2). m >= 2.
double random_overlap_density(double c, double m);

// One row of the baselines: a mean-square overlap in units of 1/m.
struct Baseline {
  enum class Kind { reference, itself, changed, subset };
  std::string name, meaning;
  Kind kind = Kind::changed;
  double times_m = 0;
  std::optional<double> se;  // in units of 1/m
};
// What the matrix has, then what is left of it when something is taken away, then parts of it, then the references.
std::vector<Baseline> baselines_of(const Json& matrix);

}  // namespace superpose::report
