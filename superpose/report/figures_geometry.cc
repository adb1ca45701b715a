// SPDX-License-Identifier: Apache-2.0
// How many features are represented, and how far their rows overlap.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/geometry/geometry.h"
#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

// Theory lines of the overlap panels: 1/m of random directions, and κ² (Welch's bound at min(n, m²/2) rows).
// times_m: both multiplied by m.
void add_overlap_theory(const Context& context, bool times_m, Panel& panel) {
  const size_t n = context.cells.main_features ? context.cells.main_features : 1000;
  Series random{"random directions, 1/m", Role::theory, {"ink", 0, 2}, "1/m", "none", true, false, false, {}};
  Series kappa{"Welch bound κ²", Role::theory, {"ink", 1, 2}, "κ²", "none", true, false, false, {}};
  if (times_m) random.label = "1 (random)";
  for (const double m : context.widths) {
    const double scale = times_m ? m : 1;
    random.points.push_back({m, scale / m, {}, {}, "", {}});
    if (const auto bound = geometry::kappa_square(n, static_cast<size_t>(m)); bound && *bound > 0) {
      kappa.points.push_back({m, *bound * scale, {}, {}, "", {}});
    }
  }
  panel.series.push_back(random);
  panel.series.push_back(kappa);
}

void add_overlap_points(const Context& context, std::string_view name, bool times_m, Panel& panel) {
  std::map<double, Series> by_alpha;
  for (const Cell* cell : context.main) {
    if (cell->decay >= 0 || !same(cell->density, 1)) continue;
    for (const double m : widths_of(*cell)) {
      auto point = mean_at(*cell, m, name);
      if (!point || *point->y <= 0) continue;
      if (times_m) {
        point->y = *point->y * m;
        if (point->interval) point->interval = Interval{point->interval->first * m, point->interval->second * m};
        for (auto& [seed, value] : point->seeds) value *= m;
      }
      point->note = "γ = " + decay_text(cell->decay) + (point->note.empty() ? "" : "; ") + point->note;
      by_alpha[*cell->alpha].points.push_back(*point);
    }
  }
  for (auto& [alpha, series] : by_alpha) {
    series.key = "α = " + number(alpha, 4), series.hue = ordered_hue(alpha, context.alphas);
    panel.series.push_back(series);
  }
}

void add_published_overlap(const Context& context, bool times_m, Panel& panel) {
  const fit::Table* table = context.published.find("fig6d_mean_sq_overlap_range");
  if (!table) return;
  Series series{"published: smallest to largest over α", Role::published, {}, "", "none", false, true, false, {}};
  for (size_t row = 0; row < table->rows(); ++row) {
    const auto m = cell_number(*table, "m", row), lo = cell_number(*table, "min_over_alpha", row);
    const auto hi = cell_number(*table, "max_over_alpha", row);
    if (!m || !lo || !hi) continue;
    const double scale = times_m ? *m : 1;
    series.points.push_back({*m, std::sqrt(*lo * *hi) * scale, Interval{*lo * scale, *hi * scale}, {}, "", {}});
  }
  panel.series.push_back(series);
}

std::string mean_ratio_sentence(const Context& context, std::string_view name, std::string_view rows) {
  double lo = 1e300, hi = 0;
  size_t count = 0;
  for (const Cell* cell : context.main) {
    if (cell->decay >= 0 || !same(cell->density, 1)) continue;
    for (const double m : widths_of(*cell)) {
      if (const auto point = mean_at(*cell, m, name)) {
        lo = std::min(lo, *point->y * m), hi = std::max(hi, *point->y * m), ++count;
      }
    }
  }
  if (count == 0) return "";
  return fmt::format(" Here {} have {} to {} times 1/m.", rows, number(lo), number(hi));
}

}  // namespace

Figure represented_vs_decay(const Context& context) {
  Figure figure;
  figure.id = "phi-vs-gamma", figure.title = "Represented features against weight decay";
  figure.paper = "Fig. 3a";
  const Axis x{"weight decay γ", false, {-1, -0.5, 0, 0.5, 1}, {}};
  const Axis y{"represented fraction φ½ (norm > 1/2)", false, {}, Interval{0, 1}};
  std::map<double, std::map<double, Series>> by_alpha;  // α -> m -> series
  std::map<double, std::vector<const Cell*>> cells;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    for (const double m : widths_of(*cell)) {
      auto point = mean_at(*cell, m, "phi_half");
      if (!point) continue;
      point->x = snapped(cell->decay, context.decays);
      by_alpha[*cell->alpha][m].points.push_back(*point);
    }
    cells[*cell->alpha].push_back(cell);
  }
  // Another α earns a panel when some width has three γ.
  std::erase_if(by_alpha, [](const auto& entry) {
    const auto& lines = entry.second;
    return !same(entry.first, 1) &&
           std::none_of(lines.begin(), lines.end(), [](const auto& line) { return line.second.points.size() >= 3; });
  });
  if (by_alpha.empty()) by_alpha[1];
  const bool has_one = by_alpha.contains(1);
  std::vector<const Cell*> used;
  for (auto& [alpha, lines] : by_alpha) {
    Panel panel{fmt::format("data exponent α = {}", number(alpha, 4)),
                "",
                has_one ? same(alpha, 1) : &lines == &by_alpha.begin()->second,
                x,
                y,
                {}};
    if (const fit::Table* table = context.published.find("fig3a_phi_half"); table && same(alpha, 1)) {
      std::map<double, Series> printed;
      for (size_t row = 0; row < table->rows(); ++row) {
        const auto decay = cell_number(*table, "gamma", row), m = cell_number(*table, "m", row);
        const auto phi = cell_number(*table, "phi_half", row);
        if (!decay || !m || !phi) continue;
        printed[*m].points.push_back({snapped(*decay, context.decays), *phi, {}, {}, "", {}});
        printed[*m].points.back().at = printed_setting(1, snapped(*decay, context.decays), *m);
      }
      for (auto& [m, series] : printed) {
        series.key = "m = " + number(m, 6), series.role = Role::published, series.hue = ordered_hue(m, context.widths);
        panel.series.push_back(series);
      }
    }
    for (auto& [m, series] : lines) {
      series.key = "m = " + number(m, 6), series.hue = ordered_hue(m, context.widths);
      series.line = series.points.size() >= kLeastForLine;
      std::sort(series.points.begin(), series.points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
      panel.series.push_back(series);
    }
    for (const Cell* cell : cells[alpha]) add_runs(figure, *cell), used.push_back(cell);
    figure.panels.push_back(panel);
  }
  if (figure.runs.empty() && figure.recorded == 0) figure.empty = no_runs("finished toy run at density 1");
  figure.caption =
      "A negative γ pulls row norms to 1, a positive one shrinks them. Look for a step from φ½ near 1 on "
      "the left (every feature is represented, many times more than there are dimensions) down to about m/n "
      "on the right (as many as there are dimensions).";
  figure.interval = "Bars: 95 % t-interval over seeds where there are several.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig3a_phi_half", "Fig. 3a (v1; α = 1)");
  return figure;
}

Figure strong_rows_vs_width(const Context& context) {
  Figure figure;
  figure.id = "phi-one-vs-m", figure.title = "How many rows are strong";
  figure.paper = "Fig. 6c (v4: 16)";
  Panel panel{
      "γ = −1", "", true, width_axis(context), {"fraction of rows with norm > 1, φ₁", false, {}, Interval{0, 1}}, {}};
  std::vector<const Cell*> used;
  const size_t n = context.cells.main_features ? context.cells.main_features : 1000;
  Series limit{"tight-frame limit min(1, m²/2n)", Role::theory, {}, "m²/2n", "none", true, false, false, {}};
  for (const double m : context.widths)
    limit.points.push_back({m, std::min(1.0, m * m / 2 / static_cast<double>(n)), {}, {}, "", {}});
  panel.series.push_back(limit);
  if (const fit::Table* table = context.published.find("fig6c_phi1")) {
    std::map<double, Series> printed;
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto alpha = cell_number(*table, "alpha", row), m = cell_number(*table, "m", row);
      const auto phi = cell_number(*table, "phi1", row);
      if (!alpha || !m || !phi) continue;
      printed[*alpha].points.push_back({*m, *phi, {}, {}, "", {}});
      printed[*alpha].points.back().at = printed_setting(*alpha, -1, *m);
    }
    for (auto& [alpha, series] : printed) {
      series.key = "α = " + number(alpha, 4), series.role = Role::published;
      series.hue = ordered_hue(alpha, context.alphas);
      panel.series.push_back(series);
    }
  }
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1) || !same(cell->decay, -1)) continue;
    Series series{"α = " + number(*cell->alpha, 4),
                  Role::ours,
                  ordered_hue(*cell->alpha, context.alphas),
                  "",
                  "dot",
                  true,
                  false,
                  false,
                  {}};
    for (const double m : widths_of(*cell)) {
      if (const auto point = mean_at(*cell, m, "phi_one")) series.points.push_back(*point);
    }
    if (series.points.empty()) continue;
    series.line = series.points.size() >= kLeastForLine;
    panel.series.push_back(series);
    add_runs(figure, *cell), used.push_back(cell);
  }
  figure.panels.push_back(panel);
  if (used.empty()) figure.empty = no_runs("finished toy run at γ = −1");
  figure.caption =
      "Rows longer than 1 belong to features that are held apart from each other. A tight frame has room "
      "for about m²/2 of them (dashed): compare the rise of the points with it.";
  figure.interval = "Bars: 95 % t-interval over seeds where there are several.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig6c_phi1", "Fig. 6c (v1)");
  return figure;
}

Figure overlap_vs_width(const Context& context) {
  Figure figure;
  figure.id = "overlap-vs-m", figure.title = "Overlap against width";
  figure.paper = "Fig. 6d (v4: 5d, 17)";
  struct Part {
    const char* title;
    const char* field;
    bool times_m;
  };
  for (const Part& part : {Part{"strong rows (norm > 1)", "overlap_mean_square_strong", false},
                           Part{"strong rows, times m", "overlap_mean_square_strong", true},
                           Part{"all rows, times m", "overlap_mean_square_all", true}}) {
    Panel panel{part.title, "", true, width_axis(context), {"mean square overlap", true, {}, {}}, {}};
    if (part.times_m) panel.y = {"mean square overlap × m", false, {}, {}};
    if (std::string_view(part.field).ends_with("strong")) add_published_overlap(context, part.times_m, panel);
    add_overlap_theory(context, part.times_m, panel);
    add_overlap_points(context, part.field, part.times_m, panel);
    figure.panels.push_back(panel);
  }
  std::vector<const Cell*> used;
  for (const Cell* cell : context.main) {
    if (cell->decay < 0 && same(cell->density, 1)) add_runs(figure, *cell), used.push_back(cell);
  }
  if (!has_role(figure, Role::ours)) figure.empty = no_runs("finished toy run with γ < 0"), figure.runs.clear();
  figure.caption =
      "More features than dimensions must overlap. Dashed: 1/m is what random directions give, κ² the least "
      "that is possible for min(n, m²/2) of them. In the panels multiplied by m, a level row of dots is 1/m "
      "scaling and its height the factor." +
      mean_ratio_sentence(context, "overlap_mean_square_strong", "strong rows") +
      mean_ratio_sentence(context, "overlap_mean_square_all", "all rows");
  figure.interval =
      "Each dot is one γ < 0 (bars: 95 % t-interval over seeds where there are several); a dot averages all pairs of "
      "rows, exactly.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig6d_mean_sq_overlap_range", "Fig. 6d (v1; all γ < 0, smallest to largest over α)");
  return figure;
}

}  // namespace superpose::report
