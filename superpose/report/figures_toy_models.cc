// SPDX-License-Identifier: Apache-2.0
// Runs with the data of "Toy Models of Superposition" (studies/toy-models.yaml). Only drawn where a store has them.
#include <algorithm>
#include <cmath>

#include "superpose/report/figures.h"

namespace superpose::report {

std::optional<Figure> dimensions_per_feature(const Context& context) {
  Figure figure;
  figure.id = "toy-models-dimensions", figure.title = "Dimensions per feature against sparsity";
  Panel panel{
      "equally frequent features, values U(0, 1)", "", true, {"1/(1 − S) = 1/p", true, {1, 2, 3, 5, 10, 20}, {}},
      {"m / ‖W‖²", false, {}, Interval{0, 1.1}},   {}};
  Series measured{"D*", Role::ours, {"cat", 0, 1}, "", "dot", true, false, false, {}};
  for (const Cell& cell : context.cells.cells) {
    for (const ToyRun& toy : cell.runs) {
      const Json& config = toy.run->config;
      if (!toy.loss || text_field(config, "values") != "uniform:0:1" || cell.law != "uniform" || cell.features < 100 ||
          config.contains("importance") || config.contains("correlation") || config.contains("activation"))
        continue;
      const auto square = field(toy.run->result, "frobenius_square");
      if (!square || *square <= 0) continue;
      const double inverse = cell.features / cell.density;
      measured.points.push_back({inverse, toy.m / *square, {}, {toy.run->id}, "", {}});
      figure.runs.push_back(toy.run->id);
    }
  }
  if (measured.points.size() < 3) return std::nullopt;
  std::sort(measured.points.begin(), measured.points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  const double last = measured.points.back().x;
  for (const double plateau : {1.0, 0.5}) {
    panel.series.push_back({"plateaus 1 and 1/2",
                            Role::theory,
                            {},
                            plateau == 1 ? "1" : "1/2",
                            "none",
                            true,
                            false,
                            false,
                            {{1, plateau, {}, {}, "", {}}, {last, plateau, {}, {}, "", {}}}});
  }
  panel.series.push_back(measured);
  figure.panels.push_back(panel);
  std::sort(figure.runs.begin(), figure.runs.end());
  figure.caption =
      "How many dimensions a feature takes, m/‖W‖², falls in steps as features get rarer: 1 while each has a dimension "
      "of "
      "its own, 1/2 where two share one as an antipodal pair, then less (Elhage et al. 2022).";
  figure.interval = "One run per dot.";
  figure.commands = {"superpose study toy-models"};
  return figure;
}

}  // namespace superpose::report
