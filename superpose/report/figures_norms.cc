// SPDX-License-Identifier: Apache-2.0
// How long the rows of W are: one histogram per run, on both sides of the dial.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

struct Histogram {
  double min = 0, max = 0;
  std::vector<double> counts;
};

std::optional<Histogram> norms_of(const ToyRun& toy) {
  const Json& kept = member(toy.run->result, "norm_histogram");
  const auto min = field(kept, "min"), max = field(kept, "max");
  Histogram out{min.value_or(0), max.value_or(0), finite_numbers(member(kept, "counts"))};
  if (!min || !max || !(*max > *min) || out.counts.empty() || out.counts.size() > 1000) return std::nullopt;
  return out;
}

// The run with a histogram that is nearest to (α = 1, γ, m); the smallest seed.
std::pair<const Cell*, const ToyRun*> nearest_run(const Context& context, double decay, double m) {
  std::pair<const Cell*, const ToyRun*> best{nullptr, nullptr};
  double least = HUGE_VAL;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1) || (cell->decay < 0) != (decay < 0)) continue;
    for (const ToyRun& toy : cell->runs) {
      if (!toy.loss || toy.run->recorded || !norms_of(toy)) continue;
      const double far = std::abs(*cell->alpha - 1) + std::abs(cell->decay - decay) + 2 * std::abs(std::log(toy.m / m));
      if (far < least - 1e-9) least = far, best = {cell, &toy};
    }
  }
  return best;
}

Panel norms_panel(const Cell& cell, const ToyRun& toy, const Histogram& norms) {
  Panel panel{fmt::format("γ = {}, α = {}, m = {:.0f}", decay_text(cell.decay), number(*cell.alpha, 4), toy.m),
              "",
              true,
              {"row norm |Wᵢ|", false, {}, {}},
              {"rows", false, {}, {}},
              {}};
  Series bars{cell.decay < 0 ? "γ < 0" : "γ > 0",
              Role::ours,
              {cell.decay < 0 ? "neg" : "pos", 1, 3},
              "",
              "bars",
              false,
              false,
              false,
              {}};
  const double step = (norms.max - norms.min) / static_cast<double>(norms.counts.size());
  for (size_t k = 0; k < norms.counts.size(); ++k) {
    Point bar{norms.min + step * static_cast<double>(k), norms.counts[k], {}, {}, "", {}};
    bar.x2 = bar.x + step;
    bar.at = setting_of(cell, toy.m);
    if (k == 0) bar.runs = {toy.run->id};
    if (norms.counts[k] > 0) bars.points.push_back(bar);
  }
  panel.series.push_back(bars);
  const double last = bars.points.empty() ? 1 : bars.points.back().x2.value_or(1);
  for (const double edge : {0.5, 1.0}) {
    if (edge < last) {
      panel.series.push_back({edge == 1 ? "norm 1" : "norm 1/2",
                              Role::theory,
                              {"ink", 1, 2},
                              edge == 1 ? "1" : "½",
                              "rule",
                              false,
                              false,
                              false,
                              {{edge, 0.0, {}, {}, "", {}}}});
    }
  }
  panel.x.domain = Interval{0, std::max(1.1, last)};
  return panel;
}

}  // namespace

Figure norms(const Context& context) {
  Figure figure;
  figure.id = "norms", figure.title = "How long the rows are";
  figure.paper = "Fig. 6a and 6b (v4: 5a, 5b, 12)";
  std::vector<const Cell*> used;
  for (const double decay : {-7.0 / 9, 3.0 / 9}) {
    const ToyRun* before = nullptr;
    for (const double m : {15.0, 63.0}) {
      const auto [cell, toy] = nearest_run(context, decay, m);
      if (!cell || toy == before) continue;
      before = toy;
      figure.panels.push_back(norms_panel(*cell, *toy, *norms_of(*toy)));
      figure.runs.push_back(toy->run->id), used.push_back(cell);
    }
  }
  if (used.empty()) {
    figure.panels.push_back({"", "", true, {"row norm |Wᵢ|", false, {}, {}}, {"rows", false, {}, {}}, {}});
    figure.empty = no_runs("run with a histogram of row norms (recorded runs keep none)", "quick");
  }
  std::sort(figure.runs.begin(), figure.runs.end());
  figure.runs.erase(std::unique(figure.runs.begin(), figure.runs.end()), figure.runs.end());
  figure.caption =
      "Each panel is one run. With superposition (blue) no row is near 0 and the paper sees two groups around 1: "
      "longer "
      "rows of frequent features, shorter ones of the rest. Without it (orange) most rows are near 0 and about m of "
      "them near 1. Rows longer than ½ count as represented, those longer than 1 as strong.";
  figure.interval = "Counts of one run each; nothing is estimated.";
  figure.commands = commands(context, used);
  return figure;
}

}  // namespace superpose::report
