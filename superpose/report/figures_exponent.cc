// SPDX-License-Identifier: Apache-2.0
// Maps over (γ, α), and the model exponent against the data exponent with what theory says.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "superpose/report/figures.h"
#include "superpose/report/theory.h"

namespace superpose::report {
namespace {

constexpr double kMapWidth = 39;  // the width of the paper's φ map

Axis grid_axis(const char* label, const std::vector<double>& grid) { return {label, false, grid, std::nullopt}; }

// The published map: columns alpha, gamma and `value`.
Panel published_map(const Context& context, std::string_view table_name, std::string_view value) {
  Panel panel{
      "published", "", true, grid_axis("weight decay γ", context.decays), grid_axis("data exponent α", context.alphas),
      {}};
  Series series{"published", Role::published, {}, "", "none", false, false, false, {}};
  if (const fit::Table* table = context.published.find(table_name)) {
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto alpha = cell_number(*table, "alpha", row), decay = cell_number(*table, "gamma", row);
      if (const auto z = cell_number(*table, value, row); alpha && decay && z) {
        series.points.push_back({snapped(*decay, context.decays), *alpha, {}, {}, "", *z});
        series.points.back().at = printed_setting(*alpha, series.points.back().x);
      }
    }
  }
  panel.series.push_back(series);
  return panel;
}

// "measured here", or whose the runs are when not all are of this store.
std::string ours_title(const Figure& figure) {
  if (figure.recorded == 0) return "measured here";
  return figure.runs.empty() ? "recorded runs" : "measured here, and recorded runs";
}

Panel measured_map(const Context& context, const Figure& figure, Series series) {
  Panel panel{ours_title(figure),
              "",
              true,
              grid_axis("weight decay γ", context.decays),
              grid_axis("data exponent α", context.alphas),
              {}};
  series.key = "ours", series.role = Role::ours;
  panel.series.push_back(std::move(series));
  return panel;
}

std::optional<Interval> z_domain(const std::vector<Panel>& panels, double least) {
  double lo = 0, hi = least;
  for (const Panel& panel : panels) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) {
        if (point.z) lo = std::min(lo, *point.z), hi = std::max(hi, *point.z);
      }
    }
  }
  return Interval{lo, hi};
}

// A cell of the map without a value because its runs diverged: a cross.
Point diverged_cell(const Context& context, const Cell& cell) {
  Point out{snapped(cell.decay, context.decays), *cell.alpha, {}, run_ids(cell), with_record("diverged", cell), {}};
  out.at = setting_of(cell);
  return out;
}

// How far the measured map is from the published one, over the cells both have.
std::string map_difference(const std::vector<Panel>& panels) {
  size_t both = 0;
  double sum = 0, worst = 0;
  for (const Point& ours : panels[0].series[0].points) {
    for (const Point& theirs : panels[1].series[0].points) {
      if (!ours.z || !theirs.z || !same(ours.x, theirs.x) || !same(*ours.y, *theirs.y)) continue;
      const double difference = std::abs(*ours.z - *theirs.z);
      ++both, sum += difference, worst = std::max(worst, difference);
    }
  }
  if (both == 0) return "";
  return fmt::format(" Over the {} {} that both have, the two differ by {} on average and {} at most.", both,
                     both == 1 ? "cell" : "cells", number(sum / static_cast<double>(both), 2), number(worst, 2));
}

// Lines over the α of the page: what theory says for γ < 0 and γ > 0.
void add_strong_theory(const Context& context, Panel& panel) {
  const double last = context.alphas.empty() ? 2 : context.alphas.back();
  Series one{"strong, even frequencies: 1", Role::theory, {"ink", 0, 2}, "1", "none", true, false, false, {}};
  one.points = {{0, 1.0, {}, {}, "", {}}, {std::max(last, 2.0), 1.0, {}, {}, "", {}}};
  Series skewed{"strong, skewed: 2(α − 1)", Role::theory, {"ink", 1, 2}, "2(α−1)", "none", true, false, false, {}};
  skewed.points = {{1, 0.0, {}, {}, "", {}}, {std::max(last, 2.0), 2 * (std::max(last, 2.0) - 1), {}, {}, "", {}}};
  panel.series.push_back(one);
  panel.series.push_back(skewed);
}

void add_weak_theory(const Context& context, Panel& panel) {
  const double last = std::max(context.alphas.empty() ? 2 : context.alphas.back(), 2.0);
  Series asymptotic{"weak, infinite n: α − 1", Role::theory, {"ink", 0, 2}, "α−1", "none", true, false, false, {}};
  asymptotic.points = {{0, 0.0, {}, {}, "", {}}, {1, 0.0, {}, {}, "", {}}, {last, last - 1, {}, {}, "", {}}};
  panel.series.push_back(asymptotic);
  const size_t n = context.cells.main_features ? context.cells.main_features : 1000;
  std::vector<double> widths;
  for (const double m : context.widths) {
    if (m < static_cast<double>(n)) widths.push_back(m);
  }
  if (widths.size() < 2) return;
  Series exact{fmt::format("weak, exact sum at n = {}", n),
               Role::theory,
               {"ink", 1, 2},
               fmt::format("n = {}", n),
               "none",
               true,
               false,
               false,
               {}};
  constexpr int kSteps = 40;
  for (int k = 0; k <= kSteps; ++k) {
    const double alpha = last * k / kSteps;
    exact.points.push_back({alpha, ideal_weak_exponent(alpha, 1, n, widths), {}, {}, "", {}});
  }
  panel.series.push_back(exact);
}

// The nine settings of the paper that are nearest to no superposition at all.
void add_ideal_cases(const Context& context, Panel& panel) {
  const fit::Table* table = context.published.find("fig5b_weak_alpha_m");
  std::map<double, Series> printed;
  for (size_t row = 0; table && row < table->rows(); ++row) {
    const auto decay = cell_number(*table, "gamma", row), alpha = cell_number(*table, "alpha", row);
    const auto value = cell_number(*table, "alpha_m", row), se = cell_number(*table, "stderr", row);
    if (!decay || !alpha || !value) continue;
    constexpr double kT4 = 2.776;  // Student's t at 0.975 for the 4 degrees of freedom of six widths
    Point point{*alpha, *value, {}, {}, "one of the nine most ideal weak cases", {}};
    if (se) point.interval = Interval{*value - kT4 * *se, *value + kT4 * *se};
    point.at = printed_setting(*alpha, snapped(*decay, context.decays));
    printed[point.at.decay.value_or(0)].points.push_back(point);
  }
  for (auto& [decay, series] : printed) {
    series.key = "γ = " + decay_text(decay), series.role = Role::published;
    series.hue = decay_hue(context, decay), series.symbol = decay_symbol(decay);
    panel.series.push_back(series);
  }
}

std::string worst_point(const Panel& panel, bool strong) {
  size_t inside = 0, total = 0;
  for (const Series& series : panel.series) {
    if (series.role != Role::ours) continue;
    for (const Point& point : series.points) {
      if (!point.interval || (strong && point.x > 1)) continue;
      ++total;
      const double expected = strong ? 1 : std::max(0.0, point.x - 1);
      inside += point.interval->first <= expected && expected <= point.interval->second;
    }
  }
  if (total == 0) return "";
  return strong ? fmt::format(" The interval holds 1 in {} of {} cells with γ < 0 and α ≤ 1.", inside, total)
                : fmt::format(" It holds max(0, α − 1) in {} of {} cells with γ > 0.", inside, total);
}

}  // namespace

Figure represented_map(const Context& context) {
  Figure figure;
  figure.id = "phi-map", figure.kind = "map", figure.title = "Represented features over γ and α, at m = 39";
  figure.paper = "Fig. 3b", figure.color_label = "represented fraction φ½";
  Series ours;
  std::vector<const Cell*> used;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    auto point = mean_at(*cell, kMapWidth, "phi_half");
    if (!point) {
      const std::vector<double> tried = widths_of(*cell);
      if (std::find(tried.begin(), tried.end(), kMapWidth) != tried.end()) {
        ours.points.push_back(diverged_cell(context, *cell));
      }
      continue;
    }
    point->z = point->y, point->y = cell->alpha, point->x = snapped(cell->decay, context.decays);
    ours.points.push_back(*point);
    add_runs(figure, *cell), used.push_back(cell);
  }
  figure.panels = {measured_map(context, figure, ours),
                   published_map(context, "fig3b_phi_half_heatmap_m39", "phi_half")};
  figure.color_domain = Interval{0, 1};
  if (used.empty()) figure.empty = no_runs("finished toy run at m = 39");
  figure.caption =
      "If weight decay alone decides, colour changes from left to right and not from bottom to top. An "
      "empty cell has no run of ours; a cross is a run that diverged." +
      map_difference(figure.panels);
  figure.interval = "Values are means over the seeds of a cell.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig3b_phi_half_heatmap_m39", "Fig. 3b (v1)");
  return figure;
}

Figure exponent_map(const Context& context) {
  Figure figure;
  figure.id = "alpha-map", figure.kind = "map", figure.title = "The model exponent αₘ over γ and α";
  figure.paper = "Fig. 4b (v4: 9b)", figure.color_label = "model exponent αₘ";
  Series ours;
  std::vector<const Cell*> used;
  size_t without = 0;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    const auto power = exponent(*cell);
    if (!power) {
      ++without;
      if (widths_of(*cell).size() >= 3) ours.points.push_back(diverged_cell(context, *cell));
      continue;
    }
    add_runs(figure, *cell), used.push_back(cell);
    Point point = exponent_point(*cell, *power);
    point.x = snapped(cell->decay, context.decays), point.y = cell->alpha, point.z = power->alpha;
    point.note = with_record(fmt::format("{}; R² {}", power->method, number(power->r2)), *cell);
    ours.points.push_back(point);
  }
  figure.panels = {measured_map(context, figure, ours), published_map(context, "fig4b_alpha_m_heatmap", "alpha_m")};
  figure.color_domain = z_domain(figure.panels, 1);
  if (used.empty()) figure.empty = no_runs("cell with three finished widths");
  if (without) {
    figure.notes.push_back(fmt::format("{} with fewer than three finished widths, and so without an exponent",
                                       without == 1 ? "1 cell" : fmt::format("{} cells", without)));
  }
  figure.caption =
      "Three regions to compare with the paper: left and low (superposition, even frequencies), where it "
      "says near 1 whatever α; left and high (superposition, skewed frequencies), growing with α; right (no "
      "superposition), small unless α is well above 1. An empty cell has no exponent of ours." +
      map_difference(figure.panels);
  figure.interval =
      "The interval of a cell is in its tip and in the table below: 95 %, over seeds or of the regression.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig4b_alpha_m_heatmap", "Fig. 4b (v1)");
  return figure;
}

Figure exponent_vs_alpha(const Context& context) {
  Figure figure;
  figure.id = "alpha-vs-alpha", figure.title = "Model exponent against data exponent";
  figure.paper = "Fig. 6e and 5b (v4: 5e, 4b)";
  const Axis x{"data exponent α", false, {0, 0.5, 1, 1.5, 2}, {}};
  const Axis y{"model exponent αₘ", false, {}, {}};
  Panel strong{"strong superposition, γ < 0", "", true, x, y, {}},
      weak{"weak superposition, γ > 0", "", true, x, y, {}};
  add_strong_theory(context, strong);
  add_weak_theory(context, weak);
  if (const fit::Table* table = context.published.find("fig6e_alpha_m")) {
    std::map<double, Series> printed;
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto decay = cell_number(*table, "gamma", row), alpha = cell_number(*table, "alpha", row);
      const auto value = cell_number(*table, "alpha_m", row), se = cell_number(*table, "stderr", row);
      if (!decay || !alpha || !value) continue;
      constexpr double kT4 = 2.776;  // Student's t at 0.975 for the 4 degrees of freedom of six widths
      Point point{*alpha, *value, {}, {}, "", {}};
      if (se) point.interval = Interval{*value - kT4 * *se, *value + kT4 * *se};
      point.at = printed_setting(*alpha, snapped(*decay, context.decays));
      printed[snapped(*decay, context.decays)].points.push_back(point);
    }
    for (auto& [decay, series] : printed) {
      series.key = "γ = " + decay_text(decay), series.role = Role::published;
      series.hue = decay_hue(context, decay), series.symbol = decay_symbol(decay);
      (decay < 0 ? strong : weak).series.push_back(series);
    }
  }
  add_ideal_cases(context, weak);
  std::map<double, Series> ours;
  std::vector<const Cell*> used;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    const auto power = exponent(*cell);
    if (!power) continue;
    Series& series = ours[snapped(cell->decay, context.decays)];
    series.points.push_back(exponent_point(*cell, *power));
    series.points.back().x = *cell->alpha;
    add_runs(figure, *cell), used.push_back(cell);
  }
  for (auto& [decay, series] : ours) {
    series.key = "γ = " + decay_text(decay), series.hue = decay_hue(context, decay);
    series.symbol = decay_symbol(decay), series.line = series.points.size() >= kLeastForLine;
    (decay < 0 ? strong : weak).series.push_back(series);
  }
  figure.panels = {strong, weak};
  if (used.empty()) figure.empty = no_runs("cell with three finished widths");
  figure.caption =
      "Dashed: what theory says. Left, with superposition: 1 for even frequencies, 2(α − 1) for very skewed "
      "ones. Right, without it: what the tail of the frequencies gives, which at n features and these "
      "widths is the exact sum and not its limit α − 1. Look which intervals meet the lines." +
      worst_point(strong, true) + worst_point(weak, false);
  figure.interval = "Bars: 95 %, over seeds or, with one seed, of the regression over the widths.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig6e_alpha_m", "Fig. 6e (v1), with standard errors of the regression times t₄ = 2.78") +
                  "; right: " + source_of("fig5b_weak_alpha_m", "Fig. 5b (v1), the nine most ideal weak cases");
  return figure;
}

}  // namespace superpose::report
