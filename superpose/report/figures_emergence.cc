// SPDX-License-Identifier: Apache-2.0
// Which features a model resolves as it gets wider, what each costs, and where width stops paying.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

constexpr double kLeastLoss = 1e-8;  // a loss that is 0 to rounding, on a logarithmic axis

Series theory_line(const std::string& key, const std::string& label, int index, std::vector<Point> points) {
  return {key, Role::theory, {"ink", index, 3}, label, "none", true, false, false, std::move(points)};
}

// m, and min(n, m²/2), over the widths of the panel.
void add_frontier_theory(double n, double last, Panel& panel) {
  const double first = 10, corner = std::sqrt(2 * n);
  panel.series.push_back(theory_line("one per dimension, m", "m", 0, {{first, first}, {last, last}}));
  std::vector<Point> capped{{first, std::min(n, first * first / 2)}};
  if (corner > first && corner < last) capped.push_back({corner, n});
  capped.push_back({last, std::min(n, last * last / 2)});
  panel.series.push_back(theory_line("min(n, m²/2)", "m²/2, n", 1, capped));
}

// p_i <v²> - p_i² <v>²: what a feature costs that is answered with its mean.
Series ignored_line(const Cell& cell) {
  const size_t n = static_cast<size_t>(cell.features);
  double total = 0;
  for (size_t i = 1; i <= n; ++i) total += std::pow(static_cast<double>(i), -*cell.alpha);
  Series out = theory_line("answered with its mean", "ignored", 0, {});
  constexpr int kPoints = 40;
  for (int k = 0; k <= kPoints; ++k) {
    const double rank = std::max(1.0, std::round(std::pow(cell.features, static_cast<double>(k) / kPoints)));
    const double p = std::min(1.0, cell.density * std::pow(rank, -*cell.alpha) / total);
    if (out.points.empty() || out.points.back().x < rank)
      out.points.push_back({rank, 4.0 / 3 * p - p * p});  // v ~ U(0, 2): the cells of the page are the paper's
  }
  return out;
}

// The kept losses of one run, thinned to about 60 ranks evenly in the logarithm. Empty when the run has none.
std::vector<Point> loss_points(const ToyRun& toy) {
  std::vector<Point> out;
  if (!toy.run->result.is_object()) return out;
  const Json kept = toy.run->result.value("emergence", Json());
  if (!kept.is_object() || !kept.contains("ranks") || !kept.contains("loss")) return out;
  const Json &ranks = kept["ranks"], &loss = kept["loss"];
  if (!ranks.is_array() || !loss.is_array() || ranks.size() != loss.size()) return out;
  constexpr double kStep = 1.1;
  for (size_t k = 0; k < ranks.size(); ++k) {
    if (!ranks[k].is_number() || !loss[k].is_number() || !(loss[k].get<double>() > 0)) continue;
    const double rank = ranks[k].get<double>();
    if (!(rank >= 1) || (!out.empty() && rank < out.back().x * kStep)) continue;
    Point point{rank, std::max(kLeastLoss, loss[k].get<double>())};
    if (!toy.run->recorded) point.runs = {toy.run->id};
    out.push_back(point);
  }
  return out;
}

// The cell at α = 1 and density 1 on one side of the dial that has losses by rank; nearest the paper's middle decays.
const Cell* cell_by_rank(const Context& context, double decay) {
  const Cell* best = nullptr;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1) || !same(*cell->alpha, 1) || (cell->decay < 0) != (decay < 0)) continue;
    if (std::none_of(cell->runs.begin(), cell->runs.end(), [](const ToyRun& t) { return !loss_points(t).empty(); }))
      continue;
    if (!best || std::abs(cell->decay - decay) < std::abs(best->decay - decay)) best = cell;
  }
  return best;
}

}  // namespace

Figure emergence(const Context& context) {
  Figure figure;
  figure.id = "emergence", figure.title = "How many features are resolved, against width";
  const double n = static_cast<double>(context.cells.main_features ? context.cells.main_features : 1000);
  std::map<double, std::map<double, Series>> by_alpha;  // α -> γ -> series
  std::vector<const Cell*> used;
  double last = 100;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    const double decay = snapped(cell->decay, context.decays);
    bool any = false;
    for (const double m : widths_of(*cell)) {
      const auto point = mean_at(*cell, m, "features_resolved");
      if (!point || *point->y < 1) continue;
      by_alpha[*cell->alpha][decay].points.push_back(*point);
      last = std::max(last, m), any = true;
    }
    if (any) add_runs(figure, *cell), used.push_back(cell);
  }
  if (by_alpha.empty())
    by_alpha[1], figure.empty = no_runs("finished toy run with features counted one by one", "quick");
  size_t shown = 0;
  for (auto& [alpha, lines] : by_alpha) {
    const bool whole = std::abs(alpha - std::round(alpha)) < 1e-9 || by_alpha.size() <= 3;
    Panel panel{fmt::format("data exponent α = {}", number(alpha, 4)),
                "",
                whole && shown < 3,
                width_axis(context),
                {"resolved features i*", true, {}, {}},
                {}};
    shown += panel.shown;
    add_frontier_theory(n, last, panel);
    for (auto& [decay, series] : lines) {
      series.key = "γ = " + decay_text(decay), series.hue = decay_hue(context, decay);
      series.symbol = decay_symbol(decay), series.line = series.points.size() >= kLeastForLine;
      panel.series.push_back(series);
    }
    figure.panels.push_back(panel);
  }
  if (shown == 0) figure.panels.front().shown = true;
  figure.caption =
      "A feature is resolved when the model explains more than half of that feature's own loss. Without superposition "
      "(triangles) the picture of the paper wants one feature per dimension, the line m; with it (dots), up to m²/2 "
      "that "
      "cost nothing. Look which line the points follow, and where they meet n.";
  figure.interval = "Bars: 95 % t-interval over seeds where there are several.";
  figure.commands = commands(context, used);
  return figure;
}

Figure loss_by_rank(const Context& context) {
  Figure figure;
  figure.id = "loss-by-rank", figure.title = "What each feature costs, by its frequency rank (α = 1)";
  const Axis x{"rank of the feature, 1 = most frequent", true, {}, {}}, y{"loss of that feature", true, {}, {}};
  std::vector<const Cell*> used;
  for (const double decay : {-5.0 / 9, 1.0 / 3}) {
    const Cell* const cell = cell_by_rank(context, decay);
    Panel panel{decay < 0 ? "strong superposition" : "weak superposition", "", true, x, y, {}};
    if (cell) {
      panel.title += ", γ = " + decay_text(cell->decay);
      panel.series.push_back(ignored_line(*cell));
      double done = 0;
      for (const ToyRun& toy : cell->runs) {  // by width, then seed: the first of each width
        if (toy.m == done || !toy.loss) continue;
        Series series{
            "m = " + number(toy.m, 6), Role::ours, ordered_hue(toy.m, context.widths), "", "dot", false, false, false,
            loss_points(toy)};
        for (Point& point : series.points) point.at = setting_of(*cell, toy.m);
        if (series.points.empty()) continue;
        panel.series.push_back(series);
        done = toy.m;
      }
      add_runs(figure, *cell), used.push_back(cell);
    }
    figure.panels.push_back(panel);
  }
  if (used.empty()) figure.empty = no_runs("finished toy run at α = 1 with losses of single features", "quick");
  figure.caption =
      "Dashed: the loss of a feature that is always answered with its mean. A feature on it is dropped, one far below "
      "it is "
      "resolved. Look whether rank decides which is which, how that moves with m, and how much the resolved ones still "
      "pay.";
  figure.interval = "One run per width (the smallest seed); each loss has a standard error of a few per cent.";
  figure.commands = commands(context, used);
  return figure;
}

Figure end_of_law(const Context& context) {
  Figure figure;
  figure.id = "end-of-law", figure.title = "Where the width law ends: widths up to and past the number of features";
  const Axis x{"width over number of features, m/n", true, {0.05, 0.1, 0.25, 0.5, 1, 2}, {}};
  const Axis y{"loss (Σ squared error)", true, {}, Interval{kLeastLoss, 3}};
  std::map<std::pair<double, double>, Panel> panels;  // (n, α)
  std::vector<const Cell*> used;
  for (const Cell& cell : context.cells.cells) {
    const auto widths = widths_of(cell);
    if (!cell.alpha || !same(cell.density, 1) || widths.back() < cell.features || widths.front() > cell.features / 4)
      continue;
    Panel& panel = panels[{cell.features, *cell.alpha}];
    panel.title = fmt::format("α = {}, n = {:.0f}", number(*cell.alpha, 4), cell.features);
    panel.x = x, panel.y = y;
    Series series{"γ = " + decay_text(cell.decay),
                  Role::ours,
                  decay_hue(context, cell.decay),
                  "",
                  decay_symbol(cell.decay),
                  true,
                  false,
                  false,
                  {}};
    double anchor_m = 0, anchor = 0;
    for (const double m : widths) {
      auto point = mean_at(cell, m, "loss");
      if (!point) continue;
      if (m <= cell.features / 4) anchor_m = m, anchor = *point->y;
      point->x = m / cell.features;
      if (*point->y < kLeastLoss) {
        point->note += (point->note.empty() ? "" : "; ") + std::string("0 to rounding");
        point->y = kLeastLoss, point->interval.reset(), point->seeds.clear();
      }
      series.points.push_back(*point);
    }
    if (cell.decay < 0 && anchor > 0) {
      const double last = widths.back();
      Series law = theory_line("1/m from m = n/4 on, " + series.key, "1/m", 0,
                               {{anchor_m / cell.features, anchor}, {last / cell.features, anchor * anchor_m / last}});
      panel.series.push_back(law);
    }
    panel.series.push_back(series);
    add_runs(figure, cell), used.push_back(&cell);
  }
  for (auto& [key, panel] : panels) {
    panel.series.push_back(theory_line("m = n", "", 2, {{1, kLeastLoss}, {1, 3}}));
    figure.panels.push_back(panel);
  }
  if (panels.empty()) {
    figure.panels.push_back({"", "", true, x, y, {}});
    figure.empty =
        "No run of ours here: this store has no widths up to the number of features. superpose study end-of-law "
        "fills it.";
  }
  figure.caption = fmt::format(
      "With as many dimensions as features nothing has to be shared, so the loss should leave 1/m (dashed) near m = n "
      "(vertical) and vanish. Look where the points part from it. Losses below {} are 0 to rounding and drawn there.",
      "10⁻⁸");
  figure.interval =
      "Bars: with several seeds the 95 % t-interval of the mean, with one ± the spread of the last 100 batches.";
  figure.commands = {"superpose study end-of-law"};
  return figure;
}

}  // namespace superpose::report
