// SPDX-License-Identifier: Apache-2.0
// Figures over several inspected models, or over the training steps of one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "superpose/report/cells.h"
#include "superpose/report/figures_inspection.h"

namespace superpose::report {
namespace {

const char* symbol_of(size_t index) {
  static constexpr const char* kSymbols[] = {"dot", "triangle", "square", "diamond", "star"};
  return kSymbols[index % 5];
}

const Json& models_of(const Json& compare) {
  static const Json kNone = Json::array();
  const Json& models = member(compare, "models");
  return models.is_array() ? models : kNone;
}

std::string name_of(const Json& model) {
  const std::string label = text_field(model, "label");
  return label.empty() ? text_field(model, "path") : label;
}

// The fitted line, turned about the centre of the points for the band.
void add_fitted(const Json& fit, const std::vector<std::pair<double, double>>& logs, Interval range, Panel& panel) {
  const auto exponent = field(fit, "exponent");
  const auto ci = finite_numbers(member(fit, "ci95"));
  if (!exponent || logs.empty()) return;
  double x0 = 0, y0 = 0;
  for (const auto& [x, y] : logs)
    x0 += x / static_cast<double>(logs.size()), y0 += y / static_cast<double>(logs.size());
  if (const auto intercept = field(fit, "intercept")) y0 = *intercept - *exponent * x0;  // ln of the overlap at m = 1
  Series line{"fit, ∝ 1/m^" + number(exponent), Role::fit, {}, "", "none", true, true, false, {}};
  constexpr int kSteps = 24;
  for (int k = 0; k <= kSteps; ++k) {
    const double x = std::log(range.first) + (std::log(range.second) - std::log(range.first)) * k / kSteps;
    Point point;
    point.x = std::exp(x), point.y = std::exp(y0 - *exponent * (x - x0));
    if (ci.size() == 2) {
      const double a = std::exp(y0 - ci[0] * (x - x0)), b = std::exp(y0 - ci[1] * (x - x0));
      point.interval = Interval{std::min(a, b), std::max(a, b)};
    }
    line.points.push_back(point);
  }
  panel.series.push_back(line);
}

struct Line {
  const char* field;
  const char* key;
  int hue;
  bool times_m;
};

// One line over the steps, with the models of an alarm marked.
void add_steps(const Json& compare, const Line& what, const std::set<std::string>& alarmed, Panel& panel) {
  Series line{what.key, Role::ours, {"cat", what.hue, 5}, "", symbol_of(static_cast<size_t>(what.hue)), true, false,
              false,    {}};
  Series marked{"alarm", Role::ours, {"bad", 0, 1}, "", "ring", false, false, false, {}};
  for (const Json& model : models_of(compare)) {
    const auto step = field(model, "step"), value = field(model, what.field), m = field(model, "m");
    if (!step || !value || (what.times_m && !m)) continue;
    Point point;
    point.x = *step, point.y = what.times_m ? *value * *m : *value, point.note = name_of(model);
    line.points.push_back(point);
    if (alarmed.contains(text_field(model, "path"))) marked.points.push_back(point);
  }
  std::stable_sort(line.points.begin(), line.points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  if (line.points.empty()) return;
  panel.series.push_back(line);
  panel.series.push_back(marked);
}

}  // namespace

std::optional<Figure> overlap_against_width(const Json& compare) {
  if (member(compare, "steps") == Json(true)) return {};
  Figure out;
  out.id = "compare-width", out.title = "Mean-square overlap against width";
  out.caption =
      "Each point is one head. Dashed: 1/m, what random directions give, and the same slope through the points. A head "
      "far above it is not "
      "explained "
      "by crowding alone.";
  Panel panel;
  panel.x = {"m (width)", true, {}, {}};
  panel.y = {"mean-square overlap", true, {}, {}};
  std::map<std::string, std::vector<Point>> families;
  std::vector<std::pair<double, double>> logs;
  double lo = HUGE_VAL, hi = 0;
  for (const Json& model : models_of(compare)) {
    const auto m = field(model, "m"), y = field(model, "mean_square");
    if (!m || !y || !(*m > 0) || !(*y > 0)) continue;
    Point point;
    point.x = *m, point.y = *y, point.note = name_of(model);
    const std::string family = text_field(model, "family");
    families[family.empty() ? "models" : family].push_back(point);
    logs.emplace_back(std::log(*m), std::log(*y));
    lo = std::min(lo, *m), hi = std::max(hi, *m);
  }
  if (logs.size() < 2) return {};
  const Interval range{lo / 1.15, hi * 1.15};
  int index = 0;
  for (const auto& [family, points] : families) {
    panel.series.push_back({family,
                            Role::ours,
                            {"cat", index, 5},
                            "",
                            symbol_of(static_cast<size_t>(index)),
                            false,
                            false,
                            false,
                            points});
    ++index;
  }
  Series random{"1/m, random directions", Role::theory, {"cat", 4, 5}, "", "none", true, false, false, {}};
  for (const double m : {range.first, range.second}) {
    Point point;
    point.x = m, point.y = 1 / m;
    random.points.push_back(point);
  }
  panel.series.push_back(random);
  Series guide{"slope −1 through the points", Role::theory, {}, "", "none", true, false, false, {}};
  double level = 0;  // mean of ln(m · overlap)
  for (const auto& [x, y] : logs) level += (x + y) / static_cast<double>(logs.size());
  for (const double m : {range.first, range.second}) {
    Point point;
    point.x = m, point.y = std::exp(level) / m;
    guide.points.push_back(point);
  }
  panel.series.push_back(guide);
  add_fitted(member(compare, "fit"), logs, range, panel);
  out.panels.push_back(panel);
  if (has_role(out, Role::fit)) out.interval = "Band: the slope at the ends of its 95 % interval.";
  return out;
}

std::optional<Figure> change_over_steps(const Json& compare) {
  std::set<std::string> alarmed;
  const Json& alarms = member(compare, "alarms");
  for (const Json& alarm : alarms.is_array() ? alarms : Json::array()) {
    const Json& paths = member(alarm, "paths");
    for (const Json& path : paths.is_array() ? paths : Json::array()) {
      if (path.is_string()) alarmed.insert(path.get<std::string>());
    }
  }
  Figure out;
  out.id = "compare-steps", out.title = "Over the training steps";
  out.caption =
      "Lengths of the rows and their overlap, checkpoint by checkpoint. A smooth training run draws smooth lines; a "
      "ring "
      "marks a checkpoint with an alarm, explained above.";
  Panel norms, overlaps;
  norms.title = "row norms", norms.x = {"step", false, {}, {}}, norms.y = {"norm", false, {}, {}};
  overlaps.title = "overlap", overlaps.x = norms.x, overlaps.y = {"mean-square overlap × m", true, {}, {}};
  add_steps(compare, {"norm_mean", "mean norm", 0, false}, alarmed, norms);
  add_steps(compare, {"norm_median", "median norm", 1, false}, alarmed, norms);
  add_steps(compare, {"mean_square", "overlap", 2, true}, alarmed, overlaps);
  add_steps(compare, {"mean_square_centered", "overlap, mean row removed", 3, true}, alarmed, overlaps);
  for (Panel& panel : {std::ref(norms), std::ref(overlaps)}) {
    if (!panel.series.empty() && panel.series.front().points.size() >= 2) out.panels.push_back(panel);
  }
  return out.panels.empty() ? std::nullopt : std::optional(out);
}

}  // namespace superpose::report
