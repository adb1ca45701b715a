// SPDX-License-Identifier: Apache-2.0
// How far the rows tell the parameters: profiles, and the bootstrap's draws in pairs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/report/cells.h"
#include "superpose/report/figures_fit.h"

namespace superpose::report {
namespace {

constexpr double kHighestExcess = 4;
constexpr size_t kMostProfiles = 6, kMostPairs = 6, kFewestDraws = 20, kMostNames = 4;

Series vertical(std::string label, double x, Hue hue) {
  Series out = marks_series(label, Role::theory, std::move(hue), "rule");
  out.label = std::move(label);
  Point point;
  point.x = x;
  out.points.push_back(point);
  return out;
}

// Where the profile is below 1: the interval, as far as the curve was followed.
void add_interval(const OpenInterval& interval, double low, double high, Panel& panel) {
  Series shade = marks_series("95 % interval", Role::theory, {"ink", 1, 2}, "shade");
  Point range;
  range.x = std::max(interval.low, low), range.x2 = std::min(interval.high, high);
  if (range.x > *range.x2) return;
  shade.points.push_back(range);
  panel.series.push_back(shade);
  if (std::isfinite(interval.low))
    panel.series.push_back(vertical(end_text(interval.low, interval), interval.low, {"ink", 1, 2}));
  if (std::isfinite(interval.high))
    panel.series.push_back(vertical(end_text(interval.high, interval), interval.high, {"ink", 1, 2}));
}

std::string profile_title(const FitParameter* parameter, const std::string& name) {
  if (!parameter) return name;
  if (!parameter->identified) return name + ": not identified";
  return name;
}

std::optional<Panel> profile_panel(const FitPage& page, const FitProfile& profile) {
  Series curve = line_series("profile", Role::ours, {"cat", 0, 5});
  curve.symbol = "dot";
  for (size_t i = 0; i < profile.value.size(); ++i) {
    const double value = profile.value[i], excess = profile.excess[i];
    if (std::isfinite(value) && excess <= kHighestExcess)
      curve.points.push_back(point_at(value, std::max(excess, 0.0)));
  }
  if (curve.points.size() < 3) return {};
  std::stable_sort(curve.points.begin(), curve.points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  const double low = curve.points.front().x, high = curve.points.back().x;
  const FitParameter* parameter = page.parameter(profile.parameter);
  Panel panel;
  panel.title = profile_title(parameter, profile.parameter);
  double most = 1.5;
  for (const Point& point : curve.points) most = std::max(most, *point.y);
  panel.x = {profile.parameter, false, {}, {}};
  panel.y = {"excess of the objective", false, {}, Interval{0, 1.05 * most}};
  Series threshold = line_series("1: end of the 95 % interval", Role::theory, {"cat", 1, 5});
  threshold.points = {point_at(low, 1), point_at(high, 1)};
  if (parameter && parameter->profile) add_interval(*parameter->profile, low, high, panel);
  panel.series.push_back(threshold);
  panel.series.push_back(curve);
  return panel;
}

// ---- pairs

// Exponents and the floor against each other, then each coefficient with its exponent.
std::vector<std::pair<std::string, std::string>> pairs_of(const FitPage& page) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (page.draws_of(name) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const FitTerm& term : page.terms) add(term.exponent);
  const auto is_floor = [&](const auto& one) {
    return one.first == page.offset || one.first.starts_with(page.offset + ".");
  };
  const auto floor = std::find_if(page.draws.begin(), page.draws.end(), is_floor);
  if (!page.offset.empty() && floor != page.draws.end()) add(floor->first);
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t k = 1; k < std::min(names.size(), kMostNames); ++k) {
    for (size_t j = 0; j < k; ++j) out.emplace_back(names[j], names[k]);
  }
  for (const FitTerm& term : page.terms) {
    if (page.draws_of(term.exponent) && page.draws_of(term.coefficient))
      out.emplace_back(term.exponent, term.coefficient);
  }
  return out;
}

bool spans_decades(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low > 0 && *high > 10 * *low;
}

std::optional<Panel> pair_panel(const FitPage& page, const std::string& a, const std::string& b) {
  const auto &first = *page.draws_of(a), &second = *page.draws_of(b);
  std::vector<double> x, y;
  for (size_t i = 0; i < std::min(first.size(), second.size()); ++i) {
    if (std::isfinite(first[i]) && std::isfinite(second[i])) x.push_back(first[i]), y.push_back(second[i]);
  }
  const auto varies = [](const std::vector<double>& v) {
    return *std::max_element(v.begin(), v.end()) > *std::min_element(v.begin(), v.end());
  };
  if (x.size() < kFewestDraws || !varies(x) || !varies(y)) return {};
  Panel panel;
  panel.title = fmt::format("{} and {}", a, b);
  panel.x = axis_over(a, x, spans_decades(x)), panel.y = axis_over(b, y, spans_decades(y));
  Series dots = marks_series("fit to one resample", Role::published, {"cat", 0, 5});
  for (size_t i = 0; i < x.size(); ++i) dots.points.push_back(point_at(x[i], y[i]));
  panel.series.push_back(dots);
  const FitParameter *p = page.parameter(a), *q = page.parameter(b);
  if (p->known() && q->known()) {
    Series estimate = marks_series("fit to all rows", Role::fit, {"cat", 1, 5}, "ring");
    const double at_x = *p->known(), at_y = *q->known();
    if ((!panel.x.log || at_x > 0) && (!panel.y.log || at_y > 0)) estimate.points.push_back(point_at(at_x, at_y));
    panel.series.push_back(estimate);
  }
  return panel;
}

}  // namespace

std::optional<Figure> profiles_figure(const FitPage& page) {
  Figure out = fit_figure(
      "profiles", "Profiles",
      "The parameter is held at each value in turn and all others are fitted again. The excess is what that costs: 0 "
      "at the best value, 1 at the ends of the 95 % interval (shaded). A narrow valley is a parameter that the rows "
      "know; a curve that stays below 1 on a side has no bound there.");
  for (const FitProfile& profile : page.profiles) {
    if (auto panel = profile_panel(page, profile)) {
      panel->shown = out.panels.size() < kMostProfiles;
      out.panels.push_back(std::move(*panel));
    }
  }
  return out.panels.empty() ? std::nullopt : std::optional(out);
}

std::optional<Figure> pairs_figure(const FitPage& page) {
  Figure out = fit_figure("pairs", "Bootstrap: parameters against each other", "");
  size_t most = 0;
  for (const auto& [a, b] : pairs_of(page)) {
    if (out.panels.size() == kMostPairs) break;
    if (auto panel = pair_panel(page, a, b)) {
      most = std::max(most, panel->series.front().points.size());
      out.panels.push_back(std::move(*panel));
    }
  }
  if (out.panels.empty()) return {};
  out.caption = fmt::format(
      "Each small ring is the law fitted to one resample of the {} ({} of them drawn). A round cloud: the two "
      "parameters are "
      "known apart; a narrow slanted one: only a combination of them is.",
      text_field(member(*page.fit, "bootstrap"), "unit"), most);
  return out;
}

}  // namespace superpose::report
