// SPDX-License-Identifier: Apache-2.0
// The paper's first figure: loss against width without and with superposition, for several laws of the frequencies;
// and how straight those lines are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

constexpr double kPaperFeatures = 10240, kPaperAlpha = 1.2, kPaperStrong = -1, kPaperWeak = 0.1;
const std::vector<std::string> kLaws{"power", "exponential", "linear"};

std::string law_kind(const Cell& cell) { return cell.alpha ? "power" : cell.law.substr(0, cell.law.find(':')); }

// How far a cell is from the paper's for one side: the number of features weighs most, then γ, then α.
double distance(const Cell& cell, double decay) {
  const double features = cell.features == kPaperFeatures ? 0 : 100;
  return features + 10 * std::abs(cell.decay - decay) + std::abs(cell.alpha.value_or(kPaperAlpha) - kPaperAlpha);
}

// For each law the cell nearest to the paper's on one side of the dial, with three widths at least.
std::map<std::string, const Cell*> nearest_cells(const Context& context, double decay) {
  std::map<std::string, const Cell*> out;
  for (const Cell& cell : context.cells.cells) {
    const bool mine = cell.recipe == context.cells.main_recipe || cell.features == kPaperFeatures || !cell.alpha;
    if (!mine || (cell.decay < 0) != (decay < 0) || !same(cell.density, 1) || !exponent(cell)) continue;
    const std::string kind = law_kind(cell);
    if (std::find(kLaws.begin(), kLaws.end(), kind) == kLaws.end()) continue;
    const Cell*& best = out[kind];
    if (!best || distance(cell, decay) < distance(*best, decay)) best = &cell;
  }
  return out;
}

int law_index(const std::string& kind) {
  return static_cast<int>(std::find(kLaws.begin(), kLaws.end(), kind) - kLaws.begin());
}

const char* law_symbol(const std::string& kind) {
  static constexpr const char* kSymbols[] = {"dot", "square", "diamond", "star"};
  return kSymbols[law_index(kind)];
}

Hue law_hue(const std::string& kind) { return {"cat", law_index(kind), 5}; }

void add_published(const Context& context, const char* regime, Panel& panel) {
  const fit::Table* table = context.published.find("fig1bd_large_toy_losses");
  std::map<std::string, Series> printed;
  for (size_t row = 0; table && row < table->rows(); ++row) {
    const auto m = cell_number(*table, "m", row), loss = cell_number(*table, "loss", row);
    if (cell_text(*table, "regime", row) != regime || !m || !loss) continue;
    printed[cell_text(*table, "distribution", row)].points.push_back({*m, *loss, {}, {}, "n = 10240", {}});
  }
  for (auto& [kind, series] : printed) {
    series.key = kind == "power" ? "power law, α = 1.2" : kind, series.role = Role::published;
    series.hue = law_hue(kind), series.symbol = law_symbol(kind);
    panel.series.push_back(series);
  }
}

void add_ours(const Cell& cell, Panel& panel, Figure& figure) {
  const std::string kind = law_kind(cell);
  Series ours{fmt::format("{}, n = {:.0f}, γ = {}", cell.alpha ? "power law, α = " + number(*cell.alpha, 4) : cell.law,
                          cell.features, decay_text(cell.decay)),
              Role::ours,
              law_hue(kind),
              "",
              law_symbol(kind),
              false,
              false,
              false,
              {}};
  for (const double m : widths_of(cell)) {
    if (const auto point = mean_at(cell, m, "loss")) ours.points.push_back(*point);
  }
  if (const auto power = exponent(cell); power && !ours.points.empty()) {
    Series line{ours.key, Role::fit, ours.hue, "αₘ " + number(power->alpha), "none", true, false, false, {}};
    for (const double m : {ours.points.front().x, std::min(ours.points.back().x, law_reach(cell))}) {
      line.points.push_back({m, power->C * std::pow(m, -power->alpha), {}, {}, "", {}});
      line.points.back().at = setting_of(cell);
    }
    line.points.front().note =
        fmt::format("αₘ = {}, R² {}", with_interval(power->alpha, power->ci95), number(power->r2));
    panel.series.push_back(line);
  }
  panel.series.push_back(ours);
  add_runs(figure, cell);
}

// The line 1/m through the panel's highest point at its smallest width.
void add_guide(Panel& panel) {
  double first = HUGE_VAL, last = 0, level = 0;
  for (const Series& series : panel.series) {
    for (const Point& point : series.points) {
      if (!point.y) continue;
      if (point.x < first || (point.x == first && *point.y > level)) level = *point.y;
      first = std::min(first, point.x), last = std::max(last, point.x);
    }
  }
  if (!(last > first)) return;
  Series guide{"slope −1", Role::theory, {}, "1/m", "none", true, false, false, {}};
  guide.points = {{first, 1.3 * level}, {last, 1.3 * level * first / last}};
  panel.series.insert(panel.series.begin(), guide);
}

}  // namespace

Figure loss_story(const Context& context) {
  Figure figure;
  figure.id = "story", figure.title = "The loss with and without superposition";
  figure.paper = "Fig. 1b and 1d";
  const Axis x{"width m (dimensions)", true, {}, {}}, y{"loss (Σ squared error)", true, {}, {}};
  Panel weak{"weak superposition", "", true, x, y, {}}, strong{"strong superposition", "", true, x, y, {}};
  std::vector<const Cell*> used;
  for (Panel* panel : {&weak, &strong}) {
    const bool is_strong = panel == &strong;
    add_published(context, is_strong ? "strong" : "weak", *panel);
    for (const auto& [kind, cell] : nearest_cells(context, is_strong ? kPaperStrong : kPaperWeak)) {
      add_ours(*cell, *panel, figure);
      used.push_back(cell);
    }
    if (is_strong) add_guide(*panel);
    figure.panels.push_back(*panel);
  }
  if (used.empty()) figure.empty = no_runs("cell with three finished widths", "quick");
  figure.caption =
      "The paper's claim in one picture. Left, without superposition, the loss depends on how often features occur: it "
      "is a straight line only for the power law. Right, with superposition, all laws fall about as 1/m (dashed), "
      "whatever the frequencies. Ours are the cells nearest to the paper's; their n is in the legend, and where it is "
      "smaller the losses stand elsewhere while the slopes can be compared.";
  figure.interval =
      "Bars: with several seeds the 95 % t-interval of the mean over seeds, with one seed ± the standard deviation of "
      "the last 100 batch losses.";
  figure.commands = commands(context, used);
  figure.source = "Fig. 1b (γ = 0.1) and 1d (γ = −1) of arXiv 2505.10465, n = 10240, read from the figures' drawings";
  return figure;
}

Figure straightness(const Context& context) {
  Figure figure;
  figure.id = "straightness", figure.kind = "rows", figure.title = "How straight the lines are";
  figure.paper = "Fig. 4a (v4: 9a)";
  Panel panel{"", "", true, {"R² of ln loss on ln m", false, {}, Interval{0.7, 1.0}}, {}, {}};
  panel.reference = Interval{0.98, 1.0};
  const fit::Table* table = context.published.find("fig4a_r_squared");
  std::vector<const Cell*> used;
  for (const char* regime : {"strong", "weak"}) {
    const bool strong = std::string_view(regime) == "strong";
    const auto cells = nearest_cells(context, strong ? kPaperStrong : kPaperWeak);
    for (const std::string& kind : kLaws) {
      const std::string key = fmt::format("{}, {}", regime, kind == "power" ? "power law" : kind);
      for (size_t row = 0; table && row < table->rows(); ++row) {
        const auto r2 = cell_number(*table, "r2_bar", row);
        if (cell_text(*table, "regime", row) != regime || cell_text(*table, "distribution", row) != kind || !r2)
          continue;
        Point point{*r2, 0.0, {}, {}, "published: m = " + cell_text(*table, "window_m", row), {}};
        panel.series.push_back(
            {key, Role::published, law_hue(kind), "", law_symbol(kind), false, false, false, {point}});
      }
      if (const auto found = cells.find(kind); found != cells.end()) {
        const Cell& cell = *found->second;
        const auto power = exponent(cell);
        if (!power || !power->r2) continue;
        Point point{*power->r2, 0.0, {}, run_ids(cell), "", {}};
        point.at = setting_of(cell);
        point.note = with_record(
            fmt::format("measured: {}, n = {:.0f}, γ = {}", cell.law, cell.features, decay_text(cell.decay)), cell);
        panel.series.push_back({key, Role::ours, law_hue(kind), "", law_symbol(kind), false, false, false, {point}});
        panel.x.domain->first = std::min(panel.x.domain->first, std::floor(*power->r2 * 10) / 10);
        add_runs(figure, cell), used.push_back(&cell);
      }
    }
  }
  figure.panels.push_back(panel);
  if (used.empty()) figure.empty = no_runs("cell with three finished widths", "quick");
  figure.caption =
      "R² near 1 means that the loss is a power law of the width. Without superposition the paper finds one only for "
      "power-law frequencies. Read it with care: over a short range of widths a bent line, too, has an R² above 0.95.";
  figure.interval = "No intervals: one value per line of the figure above. Shaded: R² of 0.98 and more.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig4a_r_squared", "Fig. 4a (v1)");
  return figure;
}

}  // namespace superpose::report
