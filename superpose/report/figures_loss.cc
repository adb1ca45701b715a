// SPDX-License-Identifier: Apache-2.0
// Loss against width, with slopes; the weak regime's loss against what it left out; loss against density.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

constexpr size_t kOverviewPanels = 6;

std::string cell_title(const Context& context, const Cell& cell) {
  std::string out = cell.alpha ? fmt::format("data exponent α = {}", number(*cell.alpha, 4)) : cell.law;
  if (!same(cell.density, 1)) out += fmt::format(", E = {}", number(cell.density));
  if (cell.recipe != context.cells.main_recipe) out += fmt::format(", other recipe (n = {:.0f})", cell.features);
  return out;
}

std::string short_name(const Cell& cell) {
  return fmt::format("{}, γ = {}", cell.alpha ? fmt::format("α = {}", number(*cell.alpha, 4)) : cell.law,
                     decay_text(cell.decay));
}

void add_measured_line(const Context& context, const Cell& cell, Panel& panel) {
  const std::string key = "γ = " + decay_text(cell.decay);
  const Hue hue = decay_hue(context, cell.decay);
  Series ours{key, Role::ours, hue, "", decay_symbol(cell.decay), false, false, false, {}};
  Series diverged{key, Role::ours, hue, "", "times", false, false, true, {}};
  for (const double m : widths_of(cell)) {
    if (const auto point = mean_at(cell, m, "loss")) ours.points.push_back(*point);
  }
  for (const ToyRun& toy : cell.runs) {
    if (!toy.loss) {
      diverged.points.push_back({toy.m,
                                 std::nullopt,
                                 std::nullopt,
                                 toy.run->recorded ? std::vector<int64_t>{} : std::vector{toy.run->id},
                                 with_record("diverged: not in the fit", {toy.run}),
                                 {}});
      diverged.points.back().at = setting_of(cell, toy.m);
    }
  }
  if (const auto power = exponent(cell)) {
    Series line{key, Role::fit, hue, "αₘ " + number(power->alpha), "none", true, false, false, {}};
    for (const double m : {ours.points.front().x, std::min(ours.points.back().x, law_reach(cell))}) {
      line.points.push_back({m, power->C * std::pow(m, -power->alpha), {}, {}, "", {}});
      line.points.back().at = setting_of(cell);
    }
    line.points.front().note = fmt::format("αₘ = {}", with_interval(power->alpha, power->ci95));
    panel.series.push_back(line);
  }
  panel.series.push_back(ours);
  panel.series.push_back(diverged);
}

// Fig. 5a holds the losses at α = 0 of every γ; Fig. 7b those at α = 1, γ = -0.556 for five densities.
void add_published_losses(const Context& context, double alpha, double density, Panel& panel) {
  if (const fit::Table* table = context.published.find("fig5a_alpha0_losses");
      table && same(alpha, 0) && same(density, 1)) {
    std::map<double, Series> by_decay;
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto decay = cell_number(*table, "gamma", row), m = cell_number(*table, "m", row);
      const auto loss = cell_number(*table, "loss", row);
      if (!decay || !m || !loss) continue;
      Series& series = by_decay[snapped(*decay, context.decays)];
      series.points.push_back({*m, *loss, {}, {}, "", {}});
      series.points.back().at = printed_setting(alpha, snapped(*decay, context.decays), *m);
    }
    for (auto& [decay, series] : by_decay) {
      series.key = "γ = " + decay_text(decay), series.role = Role::published, series.hue = decay_hue(context, decay);
      series.symbol = decay_symbol(decay);
      panel.series.push_back(series);
    }
  }
  if (const fit::Table* table = context.published.find("fig7b_loss_vs_m"); table && same(alpha, 1)) {
    const double decay = snapped(-5.0 / 9, context.decays);
    Series series{
        "γ = " + decay_text(decay), Role::published, decay_hue(context, decay), "", "dot", false, false, false, {}};
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto E = cell_number(*table, "E", row), m = cell_number(*table, "m", row);
      const auto loss = cell_number(*table, "loss", row);
      if (!E || !m || !loss || std::abs(*E - density) >= 0.01) continue;
      series.points.push_back({*m, *loss, {}, {}, "", {}});
      series.points.back().at = {alpha, "", decay, *m, density};
    }
    panel.series.push_back(series);
  }
}

// At most six panels at first: the main recipe's power laws at density 1, evenly over α.
void choose_overview(std::vector<Panel>& panels, const std::vector<bool>& eligible) {
  std::vector<size_t> first;
  for (size_t i = 0; i < panels.size(); ++i) {
    if (eligible[i]) first.push_back(i);
  }
  if (first.empty()) {
    for (size_t i = 0; i < panels.size(); ++i) first.push_back(i);
  }
  for (Panel& panel : panels) panel.shown = false;
  const size_t keep = first.size() <= kOverviewPanels ? first.size() : kOverviewPanels - 1;
  for (size_t k = 0; k < keep; ++k) {
    const size_t at = keep == 1 ? 0 : (k * (first.size() - 1) + (keep - 1) / 2) / (keep - 1);
    panels[first[at]].shown = true;
  }
}

// "α = 1, γ = −0.56: 1.06 [0.88, 1.25]" for up to six cells, else the range over the cells.
std::string slopes_sentence(const std::vector<const Cell*>& cells, bool strong) {
  std::vector<std::string> named;
  std::vector<double> values;
  for (const Cell* cell : cells) {
    if ((cell->decay < 0) != strong) continue;
    const auto power = exponent(*cell);
    if (!power) continue;
    named.push_back(fmt::format("{} ({})", with_interval(power->alpha, power->ci95), short_name(*cell)));
    values.push_back(power->alpha);
  }
  if (values.empty()) return "";
  const std::string what = strong ? "Pulled towards superposition (γ < 0)" : "Pushed away from it (γ ≥ 0)";
  if (named.size() <= 4) return fmt::format(" {}: αₘ = {}.", what, fmt::join(named, ", "));
  const auto [lo, hi] = std::minmax_element(values.begin(), values.end());
  return fmt::format(" {}: αₘ from {} to {} over {} cells.", what, number(*lo), number(*hi), values.size());
}

}  // namespace

Figure loss_vs_width(const Context& context) {
  Figure figure;
  figure.id = "loss-vs-m", figure.title = "Loss against width";
  figure.paper = "Fig. 4, 5a and 7b";
  const Axis x = width_axis(context), y{"loss (Σ squared error)", true, {}, {}};
  std::map<std::tuple<bool, double, std::string, double, std::string>, std::vector<const Cell*>> groups;
  std::vector<const Cell*> all;
  for (const Cell& cell : context.cells.cells) {
    const bool other = cell.recipe != context.cells.main_recipe;
    groups[{other, cell.density, cell.alpha ? "" : cell.law, cell.alpha.value_or(0), cell.recipe}].push_back(&cell);
    if (!other && same(cell.density, 1)) all.push_back(&cell);
    add_runs(figure, cell);
  }
  std::vector<bool> eligible;
  for (const auto& [key, cells] : groups) {
    const Cell& first = *cells[0];
    const bool main = first.recipe == context.cells.main_recipe;
    const std::string group = !main ? "other recipes" : same(first.density, 1) ? "density E = 1" : "other densities";
    Panel panel{cell_title(context, first), group, true, x, y, {}};
    if (!main) panel.x.ticks.clear();
    if (main && first.alpha) add_published_losses(context, *first.alpha, first.density, panel);
    for (const Cell* cell : cells) add_measured_line(context, *cell, panel);
    eligible.push_back(main && first.alpha && same(first.density, 1));
    figure.panels.push_back(panel);
  }
  if (groups.empty()) {
    for (const double alpha : {0.0, 1.0}) {
      Panel panel{fmt::format("data exponent α = {}", number(alpha)), "", true, x, y, {}};
      add_published_losses(context, alpha, 1, panel);
      eligible.push_back(true);
      figure.panels.push_back(panel);
    }
    figure.empty = no_runs("finished toy run");
  }
  choose_overview(figure.panels, eligible);
  figure.caption =
      "On log-log axes a power law is a straight line; the number at its end is the model exponent αₘ, minus the "
      "line's slope. Look whether the dots follow the line, and which lines are steep." +
      slopes_sentence(all, true) + slopes_sentence(all, false);
  figure.interval =
      "Bars: with several seeds the 95 % t-interval of the mean over seeds, with one seed ± the standard deviation of "
      "the last 100 batch losses. Intervals of slopes: 95 %, over seeds or, with one seed, of the regression.";
  figure.commands = commands(context, all);
  figure.source = "Fig. 5a (α = 0) and Fig. 7b (α = 1, γ = −0.56) of arXiv 2505.10465, read from the figures' drawings";
  return figure;
}

Figure weak_loss(const Context& context) {
  Figure figure;
  figure.id = "weak-loss", figure.title = "Loss against the loss of what is left out";
  figure.paper = "Fig. 4a (v1: 5a)";
  Panel panel{"",
              "",
              true,
              {"loss of the rows left out, Σ p⟨v²⟩ over norms < 1/2", false, {}, {}},
              {"loss (Σ squared error)", false, {}, {}},
              {}};
  std::map<double, Series> ours;
  double far = 1.4;
  size_t off = 0, total = 0;
  std::vector<const Cell*> used;
  for (const Cell* cell : context.main) {
    if (!same(cell->density, 1)) continue;
    const double decay = snapped(cell->decay, context.decays);
    for (const double m : widths_of(*cell)) {
      const auto loss = mean_at(*cell, m, "loss"), left_out = mean_at(*cell, m, "loss_unlearned");
      if (!loss || !left_out) continue;
      Point point = *loss;
      point.x = *left_out->y, point.seeds.clear();         // x differs from seed to seed, too
      if (point.runs.size() == 1) point.interval.reset();  // the batch spread is in the first figure
      point.note =
          fmt::format("α = {}, m = {:.0f}{}{}", number(*cell->alpha, 4), m, point.note.empty() ? "" : "; ", point.note);
      far = std::max({far, point.x, *point.y});
      if (decay > 0) ++total, off += std::abs(*point.y - point.x) > 0.1 * *point.y;
      ours[decay].points.push_back(point);
    }
    used.push_back(cell);
    add_runs(figure, *cell);
  }
  Series diagonal{"loss = what is left out", Role::theory, {}, "", "none", true, false, false, {}};
  diagonal.points = {{0, 0.0, {}, {}, "", {}}, {far, far, {}, {}, "", {}}};
  panel.series.push_back(diagonal);
  if (const fit::Table* table = context.published.find("fig5a_alpha0_losses")) {
    std::map<double, Series> printed;
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto decay = cell_number(*table, "gamma", row), x = cell_number(*table, "loss_by_unlearned", row);
      const auto loss = cell_number(*table, "loss", row), m = cell_number(*table, "m", row);
      if (decay && x && loss && m) {
        printed[snapped(*decay, context.decays)].points.push_back(
            {*x, *loss, {}, {}, fmt::format("α = 0, m = {:.0f}", *m), {}});
        printed[snapped(*decay, context.decays)].points.back().at =
            printed_setting(0, snapped(*decay, context.decays), *m);
      }
    }
    for (auto& [decay, series] : printed) {
      series.key = "γ = " + decay_text(decay), series.role = Role::published;
      series.hue = decay_hue(context, decay), series.symbol = decay_symbol(decay);
      panel.series.push_back(series);
    }
  }
  for (auto& [decay, series] : ours) {
    series.key = "γ = " + decay_text(decay), series.hue = decay_hue(context, decay);
    series.symbol = decay_symbol(decay);
    panel.series.push_back(series);
  }
  figure.panels.push_back(panel);
  if (ours.empty()) figure.empty = no_runs("finished toy run at density 1");
  figure.caption =
      "If a model answers the features it represents perfectly and the others not at all, its point lies on "
      "the diagonal: look whether those with γ > 0 (triangles) do. Points above it at x ≈ 0 represent "
      "everything and pay in interference instead.";
  if (total > 0) {
    figure.caption +=
        fmt::format(" Here {} of {} points with γ > 0 lie within 10 % of the diagonal.", total - off, total);
  }
  figure.interval =
      "Bars: 95 % t-interval over seeds where there are several. x is computed from the trained weights of each run.";
  figure.commands = commands(context, used);
  figure.source = source_of("fig5a_alpha0_losses", "Fig. 5a (v1; α = 0 only)");
  return figure;
}

Figure density(const Context& context) {
  Figure figure;
  figure.id = "density", figure.title = "Loss and exponent against how many features are active";
  figure.paper = "Fig. 7 (v4: 14)";
  constexpr double kWidth = 63;  // the panel that the paper prints
  const Axis x{"active features per sample, E", false, {}, {}};
  Panel loss{"loss at m = 63, α = 1", "", true, x, {"loss (Σ squared error)", false, {}, {}}, {}};
  Panel slope{"exponent at α = 1", "", true, x, {"model exponent αₘ", false, {}, {}}, {}};
  std::map<double, Series> losses, slopes;
  std::vector<const Cell*> used;
  size_t densities = 0;
  for (const Cell* cell : context.main) {
    if (!same(*cell->alpha, 1)) continue;
    const double decay = snapped(cell->decay, context.decays);
    densities += !same(cell->density, 1);
    if (auto point = mean_at(*cell, kWidth, "loss")) {
      point->x = cell->density;
      losses[decay].points.push_back(*point);
    }
    if (const auto power = exponent(*cell)) {
      slopes[decay].points.push_back(exponent_point(*cell, *power));
      slopes[decay].points.back().x = cell->density;
    }
    used.push_back(cell);
    add_runs(figure, *cell);
  }
  const auto add = [&](std::map<double, Series>& from, Panel& to, Role role, bool line) {
    for (auto& [decay, series] : from) {
      series.key = "γ = " + decay_text(decay), series.role = role, series.hue = decay_hue(context, decay);
      series.symbol = decay_symbol(decay), series.line = line && series.points.size() >= kLeastForLine;
      to.series.push_back(series);
    }
  };
  std::map<double, Series> printed;
  if (const fit::Table* table = context.published.find("fig7a_loss_vs_E")) {
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto decay = cell_number(*table, "gamma", row), E = cell_number(*table, "E", row);
      const auto value = cell_number(*table, "loss", row);
      if (!decay || !E || !value) continue;
      std::vector<Point>& points = printed[snapped(*decay, context.decays)].points;
      points.push_back({*E, *value, {}, {}, "", {}});
      points.back().at = {1, "", snapped(*decay, context.decays), kWidth, *E};
    }
  }
  add(printed, loss, Role::published, false);
  printed.clear();
  if (const fit::Table* table = context.published.find("fig7b_loss_vs_m")) {
    const double decay = snapped(-5.0 / 9, context.decays);
    for (size_t row = 0; row < table->rows(); ++row) {
      const auto E = cell_number(*table, "E", row), value = cell_number(*table, "fit_slope", row);
      const auto se = cell_number(*table, "fit_se", row);
      auto& points = printed[decay].points;
      if (!E || !value || !se || (!points.empty() && points.back().x == *E)) continue;
      constexpr double kT4 = 2.776;  // Student's t at 0.975 for the 4 degrees of freedom of six widths
      points.push_back({*E, -*value, Interval{-*value - kT4 * *se, -*value + kT4 * *se}, {}, "", {}});
      points.back().at = {1, "", decay, {}, *E};
    }
  }
  add(printed, slope, Role::published, false);
  if (densities == 0) {  // density 1 alone shows nothing here
    figure.empty = no_runs("run with a density other than 1");
    figure.runs.clear();
    used.clear();
  } else {
    add(losses, loss, Role::ours, true), add(slopes, slope, Role::ours, true);
  }
  figure.panels = {loss, slope};
  figure.caption =
      "Left: more active features cost more. Right: if the points stay level, density changes the size of the loss but "
      "not how fast width reduces it.";
  figure.interval =
      "Bars: 95 % intervals of the slopes (over seeds or of the regression); losses as in the first figure.";
  figure.commands = commands(context, used);
  figure.source = "Fig. 7a and 7b (v1) of arXiv 2505.10465; the slopes are least squares through the recovered points";
  return figure;
}

}  // namespace superpose::report
