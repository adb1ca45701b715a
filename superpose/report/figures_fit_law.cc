// SPDX-License-Identifier: Apache-2.0
// The law over its inputs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/report/figures_fit.h"

namespace superpose::report {
namespace {

constexpr size_t kMostGroupPanels = 24, kMostBands = 4;
constexpr double kBeyond = 4;  // how far the law is drawn beyond the window
constexpr const char *kMeasured = "measured range", *kInside = "the law", *kOutside = "the law, extrapolated",
                     *kOneOfMany = "one of many laws that fit";

double value_of(const FitTerm& term, double coefficient, double exponent, double x) {
  return term.sign * coefficient * (term.exponent.empty() ? std::log(x) : std::pow(x, -exponent));
}

// The term at x where its parameters may be drawn.
std::optional<double> term_at(const FitPage& page, const FitTerm& term, double x) {
  const FitParameter *c = page.parameter(term.coefficient), *a = page.parameter(term.exponent);
  if (!c || !c->known() || (!term.exponent.empty() && (!a || !a->known()))) return {};
  const double out = value_of(term, *c->known(), a ? *a->known() : 0, x);
  return std::isfinite(out) ? std::optional(out) : std::nullopt;
}

// The middle 95 % of the term over the bootstrap's draws.
std::optional<Interval> term_band(const FitPage& page, const FitTerm& term, double x) {
  constexpr size_t kFewest = 100;
  const auto *c = page.draws_of(term.coefficient), *a = page.draws_of(term.exponent);
  const FitParameter* held = page.parameter(term.exponent);
  if (!c || (!term.exponent.empty() && !a && !(held && held->held && held->value))) return {};
  std::vector<double> values;
  for (size_t i = 0; i < c->size() && (!a || i < a->size()); ++i) {
    const double one = value_of(term, (*c)[i], a ? (*a)[i] : held ? held->value.value_or(0) : 0, x);
    if (std::isfinite(one)) values.push_back(one);
  }
  if (values.size() < kFewest) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
  };
  return Interval{at(0.025), at(0.975)};
}

std::vector<double> log_grid(double low, double high) {
  constexpr int kPoints = 60;
  std::vector<double> out;
  for (int i = 0; i < kPoints; ++i) out.push_back(low * std::pow(high / low, static_cast<double>(i) / (kPoints - 1)));
  return out;
}

std::string product_name(const FitTerm& term) {
  std::string out;
  for (const std::string& name : term.inputs) out += (out.empty() ? "" : "·") + name;
  return out;
}

std::vector<double> product_values(const FitPage& page, const FitTerm& term) {
  std::vector<double> out(page.y.size(), 1);
  for (const std::string& name : term.inputs) {
    const FitInput* input = page.input(name);
    for (size_t i = 0; i < out.size(); ++i) out[i] *= input->values[i];
  }
  return out;
}

// "A/N^alpha"
std::string term_text(const FitTerm& term) {
  const std::string inputs = product_name(term), below = term.inputs.size() > 1 ? "(" + inputs + ")" : inputs;
  return (term.sign < 0 ? "−" : "") + (term.exponent.empty()
                                           ? fmt::format("{}·ln {}", term.coefficient, below)
                                           : fmt::format("{}/{}^{}", term.coefficient, below, term.exponent));
}

// ---- the law along its first input

Point on_curve(const FitCurve& curve, size_t i) {
  Point out = point_at(curve.x[i], curve.y[i]);
  if (std::isfinite(curve.low[i]) && std::isfinite(curve.high[i])) out.interval = Interval{curve.low[i], curve.high[i]};
  return out;
}

// On the straight line from one to the other.
Point between(const Point& from, const Point& to, double x) {
  const double t = (x - from.x) / (to.x - from.x);
  const auto mix = [&](double a, double b) { return a + t * (b - a); };
  Point out = point_at(x, mix(*from.y, *to.y));
  if (from.interval && to.interval) {
    out.interval =
        Interval{mix(from.interval->first, to.interval->first), mix(from.interval->second, to.interval->second)};
  }
  return out;
}

// Only points that a logarithmic axis can show.
void keep_drawable(Series& series, bool log) {
  if (!log) return;
  std::erase_if(series.points, [](const Point& point) { return !(point.x > 0) || !(point.y && *point.y > 0); });
}

bool is_inside(const FitPage& page, double x) {
  constexpr double kRounding = 1e-9;
  return page.window && x >= page.window->first * (1 - kRounding) && x <= page.window->second * (1 + kRounding);
}

// Dashed over all of it; solid on top where there are rows, so that its band is also the darker one there. A law that
// the rows do not identify is drawn where there are rows only.
void add_curve(const FitPage& page, const FitCurve& curve, Hue hue, bool band, Panel& panel) {
  Series all = line_series(kOutside, Role::theory, hue), inside = line_series(kInside, Role::fit, hue);
  for (size_t i = 0; i < curve.x.size(); ++i) {
    const Point point = on_curve(curve, i);
    all.points.push_back(point);
    if (is_inside(page, point.x)) {
      inside.points.push_back(point);
    } else if (!inside.points.empty() && is_inside(page, curve.x[i - 1]) && curve.x[i - 1] < page.window->second) {
      inside.points.push_back(between(on_curve(curve, i - 1), point, page.window->second));
      all.points.insert(all.points.end() - 1, inside.points.back());
    }
  }
  if (!page.identified) {
    Series one = line_series(kOneOfMany, Role::theory, hue);
    for (Point point : inside.points) point.interval.reset(), one.points.push_back(point);
    panel.series.push_back(one);
    return;
  }
  all.band = inside.band = band;
  panel.series.push_back(inside);
  panel.series.push_back(all);
}

void add_window(const FitPage& page, Panel& panel) {
  if (!page.window || page.window->first >= page.window->second) return;
  Series shade = marks_series(kMeasured, Role::theory, {"ink", 1, 2}, "shade");
  Point window;
  window.x = page.window->first, window.x2 = page.window->second;
  shade.points.push_back(window);
  panel.series.push_back(shade);
}

std::string first_input(const FitPage& page) {
  return page.inputs.empty() ? "first input" : input_label(page.inputs.front());
}

void set_axes(Panel& panel, std::string x_label, std::string y_label) {
  std::vector<double> x, y;
  for (const Series& series : panel.series) {
    for (const Point& point : series.points) {
      x.push_back(point.x);
      if (point.y) y.push_back(*point.y);
    }
  }
  panel.x = axis_over(std::move(x_label), x), panel.y = axis_over(std::move(y_label), y);
  for (Series& series : panel.series) {
    if (series.symbol != "shade") keep_drawable(series, panel.x.log && panel.y.log);
  }
}

void add_rows(const FitPage& page, const std::vector<size_t>& rows, const std::string* group, size_t index,
              Panel& panel) {
  Series dots =
      marks_series(group ? group_name(*group) : "rows of the table", Role::ours, group_hue(index), group_symbol(index));
  for (const size_t i : rows) {
    if (group && page.group[i] != *group) continue;
    dots.points.push_back(point_at(page.inputs.front().values[i], page.y[i], row_note(page, i)));
  }
  panel.series.push_back(std::move(dots));
}

// The legend's lines are of text colour where each group has its own: entries of this come first.
void add_neutral_keys(Panel& panel) {
  std::vector<Series> neutral;
  for (const char* key : {kInside, kOutside, kOneOfMany}) {
    const auto found = std::find_if(panel.series.begin(), panel.series.end(),
                                    [&](const Series& one) { return one.key == key && !one.points.empty(); });
    if (found == panel.series.end()) continue;
    Series one = line_series(key, found->role, {});
    one.points.push_back(point_at(found->points.front().x, *found->points.front().y));
    neutral.push_back(one);
  }
  panel.series.insert(panel.series.begin(), neutral.begin(), neutral.end());
}

const FitCurve* curve_of(const FitPage& page, const std::string& group) {
  const auto found =
      std::find_if(page.curves.begin(), page.curves.end(), [&](const FitCurve& one) { return one.group == group; });
  return found == page.curves.end() ? nullptr : &*found;
}

// Of one input: rows and law of these groups (all rows and the one curve for none).
Panel rows_panel(const FitPage& page, const std::vector<size_t>& rows, const std::vector<std::string>& groups) {
  Panel panel;
  add_window(page, panel);
  if (groups.empty()) {
    add_rows(page, rows, nullptr, 0, panel);
    if (!page.curves.empty() && page.groups.size() < 2)
      add_curve(page, page.curves.front(), {"cat", 1, 5}, true, panel);
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    add_rows(page, rows, &groups[g], g, panel);
    const Hue hue = groups.size() == 1 ? Hue{"cat", 1, 5} : group_hue(g);
    if (const FitCurve* curve = curve_of(page, groups[g]))
      add_curve(page, *curve, hue, groups.size() <= kMostBands, panel);
  }
  if (groups.size() > 1) add_neutral_keys(panel);
  set_axes(panel, first_input(page), page.y_name);
  return panel;
}

// ---- many groups: all of them less their floors

bool floors_are_known(const FitPage& page) {
  return page.terms.size() == 1 && page.unread.empty() && !page.offset.empty() && page.window &&
         page.window->first > 0 && term_at(page, page.terms[0], page.window->first) &&
         std::all_of(page.groups.begin(), page.groups.end(), [&](const std::string& group) {
           const FitParameter* floor = page.parameter(page.offset_of(group));
           return floor && floor->known();
         });
}

FitCurve term_curve(const FitPage& page, const FitTerm& term, double low, double high) {
  FitCurve out;
  for (const double x : log_grid(low, high)) {
    const auto y = term_at(page, term, x);
    if (!y) continue;
    const auto band = term_band(page, term, x);
    out.x.push_back(x), out.y.push_back(*y);
    out.low.push_back(band ? band->first : std::nan("")), out.high.push_back(band ? band->second : std::nan(""));
  }
  return out;
}

Panel collapsed_panel(const FitPage& page, const std::vector<size_t>& rows, Figure& figure) {
  Panel panel;
  add_window(page, panel);
  Series dots = marks_series("rows of the table, less the floor of their group", Role::ours, {"cat", 0, 5});
  size_t below = 0;
  for (const size_t i : rows) {
    const double floor = page.parameter(page.offset_of(page.group[i]))->known().value_or(0), rest = page.y[i] - floor;
    below += rest <= 0;
    if (rest > 0) dots.points.push_back(point_at(page.inputs.front().values[i], rest, row_note(page, i)));
  }
  panel.series.push_back(dots);
  add_curve(page, term_curve(page, page.terms[0], page.window->first, kBeyond * page.window->second), {"cat", 1, 5},
            true, panel);
  if (below > 0)
    figure.notes.push_back(fmt::format("{} below the floor of its group and not on a log scale.",
                                       below == 1 ? "1 row is" : fmt::format("{} rows are", below)));
  set_axes(panel, first_input(page), fmt::format("{} − {}[group]", page.y_name, page.offset));
  panel.title = fmt::format("all {} groups, each less its floor", page.groups.size());
  return panel;
}

void add_group_panels(const FitPage& page, const std::vector<size_t>& rows, Figure& figure) {
  for (size_t g = 0; g < std::min(page.groups.size(), kMostGroupPanels); ++g) {
    Panel panel = rows_panel(page, rows, {page.groups[g]});
    panel.title = group_name(page.groups[g]), panel.group = "one group", panel.shown = false;
    figure.panels.push_back(std::move(panel));
  }
}

// ---- several inputs

Panel observed_panel(const FitPage& page, const std::vector<size_t>& rows) {
  Panel panel;
  const auto [low, high] = std::minmax_element(page.predicted.begin(), page.predicted.end());
  Series equal = line_series("observed = predicted", Role::theory, {});
  equal.points = {point_at(*low, *low), point_at(*high, *high)};
  panel.series.push_back(equal);
  const bool coloured = page.groups.size() > 1 && page.groups.size() <= kMostColoured;
  for (size_t g = 0; g < (coloured ? page.groups.size() : 1); ++g) {
    Series dots = marks_series(coloured ? group_name(page.groups[g]) : "rows of the table", Role::ours, group_hue(g),
                               group_symbol(g));
    for (const size_t i : rows) {
      if (coloured && page.group[i] != page.groups[g]) continue;
      dots.points.push_back(point_at(page.predicted[i], page.y[i], row_note(page, i)));
    }
    panel.series.push_back(std::move(dots));
  }
  set_axes(panel, "predicted " + page.y_name, "observed " + page.y_name);
  panel.title = "observed against predicted";
  return panel;
}

Panel forecast_panel(const FitPage& page) {
  Panel panel;
  add_window(page, panel);
  const size_t count = std::min(page.curves.size(), kMostColoured);
  for (size_t g = 0; g < count; ++g) {
    add_curve(page, page.curves[g], count == 1 ? Hue{"cat", 1, 5} : group_hue(g), count <= kMostBands, panel);
  }
  set_axes(panel, first_input(page), page.y_name);
  panel.title = fmt::format("along {}, other inputs at their geometric mean", first_input(page));
  return panel;
}

std::string range_sentence(const FitPage& page) {
  if (!page.window) return "";
  const std::string name = page.inputs.empty() ? "the first input" : page.inputs.front().name;
  if (!page.identified) {
    return fmt::format(
        " The rows do not identify the law: the line is one of many that fit them about as well, drawn over the "
        "measured "
        "range only ({} from {} to {}, shaded). It is no forecast.",
        name, amount(page.window->first), amount(page.window->second));
  }
  return fmt::format(
      " Solid: over the measured range ({} from {} to {}, shaded). Dashed, with the lighter band: beyond it, where the "
      "law is extrapolated and the interval holds only if the form of the law does.",
      name, amount(page.window->first), amount(page.window->second));
}

Figure one_input_figure(const FitPage& page) {
  Figure out = fit_figure("law", "The data and the law", "");
  const auto rows = drawn_rows(page.y.size(), out);
  out.interval = page.identified ? "Band: 95 % interval of the law's value, not of one further run." : "";
  if (page.groups.size() <= 1) {
    out.caption = "Each mark is a row of the table." + range_sentence(page);
    out.panels.push_back(rows_panel(page, rows, {}));
  } else if (page.groups.size() <= kMostColoured) {
    out.caption =
        "Each mark is a row of the table, each colour a group with a floor of its own." + range_sentence(page);
    if (page.groups.size() > kMostBands) out.interval.clear();
    out.panels.push_back(rows_panel(page, rows, page.groups));
  } else if (floors_are_known(page) && page.identified) {
    out.caption =
        fmt::format(
            "From each row the fitted floor {}[group] of its group is taken off, so that all {} groups lie on "
            "one law; a straight line on these axes is a power law.",
            page.offset, page.groups.size()) +
        range_sentence(page);
    out.interval = page.draws.empty() ? ""
                                      : fmt::format("Band: the middle 95 % of {} over the bootstrap's draws.",
                                                    term_text(page.terms[0]));
    out.panels.push_back(collapsed_panel(page, rows, out));
    add_group_panels(page, rows, out);
  } else {
    out.caption = fmt::format("Each mark is a row of the table; the {} groups have one colour.", page.groups.size());
    out.panels.push_back(rows_panel(page, rows, {}));
    add_group_panels(page, rows, out);
  }
  return out;
}

Figure many_inputs_figure(const FitPage& page) {
  Figure out = fit_figure("law", page.predicted.empty() ? "The law" : "Observed and predicted", "");
  if (!page.predicted.empty()) {
    out.caption = "Each mark is a row of the table; on the dashed line the prediction is exact.";
    const auto rows = drawn_rows(page.y.size(), out);
    out.panels.push_back(observed_panel(page, rows));
  }
  if (!page.curves.empty()) {
    out.caption += (out.caption.empty() ? "" : " The law along its first input:") + range_sentence(page);
    out.interval = page.identified ? "Band: 95 % interval of the law's value, not of one further run." : "";
    out.panels.push_back(forecast_panel(page));
  }
  return out;
}

// ---- one term of several

std::optional<Panel> term_panel(const FitPage& page, const FitTerm& term, const std::vector<size_t>& rows,
                                Figure& figure) {
  const auto x = product_values(page, term);
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  if (!(*low > 0) || !(*high > *low) || !std::isfinite(*high) || !term_at(page, term, *low)) return {};
  Panel panel;
  panel.title = term_text(term);
  Series dots = marks_series("term + residual of each row", Role::ours, {"cat", 0, 5}),
         line = line_series("the term", Role::fit, {"cat", 1, 5});
  const FitCurve curve = term_curve(page, term, *low, *high);
  const bool log = std::all_of(curve.y.begin(), curve.y.end(), [](double y) { return y > 0; });
  size_t below = 0;
  for (const size_t i : rows) {
    const double y = term_at(page, term, x[i]).value_or(0) + page.y[i] - page.predicted[i];
    if (log && y <= 0)
      ++below;
    else
      dots.points.push_back(point_at(x[i], y, row_note(page, i)));
  }
  for (size_t i = 0; i < curve.x.size(); ++i) line.points.push_back(on_curve(curve, i));
  line.band = true;
  panel.series = {line, dots};
  set_axes(panel, term.inputs.size() == 1 ? input_label(*page.input(term.inputs[0])) : product_name(term),
           fmt::format("{} due to {}", page.y_name, product_name(term)));
  if (below > 0) {
    figure.notes.push_back(fmt::format("{}: {} a residual larger than the term and {} not on a log scale.", panel.title,
                                       below == 1 ? "1 row has" : fmt::format("{} rows have", below),
                                       below == 1 ? "is" : "are"));
  }
  return panel;
}

}  // namespace

std::optional<Figure> law_figure(const FitPage& page) {
  Figure out = page.inputs.size() == 1 ? one_input_figure(page) : many_inputs_figure(page);
  if (page.y.empty() && page.rows > 0) {
    out.notes.push_back("The fit does not carry the rows of the table: they are too many, and not drawn.");
  }
  return out.panels.empty() ? std::nullopt : std::optional(out);
}

std::optional<Figure> terms_figure(const FitPage& page) {
  if (page.inputs.size() < 2 || page.terms.empty() || page.predicted.empty()) return {};
  Figure out = fit_figure("terms", "What each input contributes",
                          "One term of the law each (line), and what a row leaves for it when the other terms and the "
                          "floor are taken off (mark: the term plus the row's residual). A bend of the marks away from "
                          "the line says that this term has another form.");
  const auto rows = drawn_rows(page.y.size(), out);
  for (const FitTerm& term : page.terms) {
    if (auto panel = term_panel(page, term, rows, out)) {
      out.panels.push_back(std::move(*panel));
    } else {
      out.notes.push_back(term_text(term) + " is not drawn: the rows do not identify it.");
    }
  }
  if (out.panels.empty()) return {};
  if (!page.draws.empty()) out.interval = "Band: the middle 95 % of the term over the bootstrap's draws.";
  return out;
}

}  // namespace superpose::report
