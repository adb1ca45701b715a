// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figures_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "superpose/report/cells.h"

namespace superpose::report {
namespace {

constexpr size_t kMostDrawn = 1200;
constexpr size_t kMostInputPanels = 3, kMostSideBySide = 60;

// 1-2-5 steps, about five over the range.
std::vector<double> even_ticks(double low, double high) {
  const double rough = (high - low) / 5, decade = std::pow(10, std::floor(std::log10(rough)));
  const double step = decade * (rough / decade < 1.5 ? 1 : rough / decade < 3.5 ? 2 : rough / decade < 7.5 ? 5 : 10);
  std::vector<double> out;
  // Half a range more on both sides: the drawing has a margin, and keeps the ticks that are inside.
  const double first = std::ceil((low - 2.5 * rough) / step);
  if (!(step > 0) || !(std::abs(first) < 1e9)) return out;
  constexpr int kMostTicks = 32;
  for (int i = 0; i < kMostTicks; ++i) {
    const double tick = (first + i) * step;
    if (tick > 0 && tick <= high + 2.5 * rough) out.push_back(tick);
  }
  return out;
}

void add_zero_line(Panel& panel, const std::vector<double>& x) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  Series zero = line_series("no error", Role::theory, {});
  zero.points = {point_at(*low, 0), point_at(*high, 0)};
  panel.series.push_back(zero);
}

Panel residual_panel(const FitPage& page, const std::vector<size_t>& rows, const std::vector<double>& x, Axis axis) {
  Panel panel;
  panel.x = std::move(axis);
  panel.y = {page.logarithms ? "ln observed − ln predicted" : "observed − predicted", false, {}, {}};
  add_zero_line(panel, x);
  const bool coloured = page.groups.size() > 1 && page.groups.size() <= kMostColoured;
  for (size_t g = 0; g < (coloured ? page.groups.size() : 1); ++g) {
    Series series = marks_series(coloured ? group_name(page.groups[g]) : "rows of the table", Role::ours, group_hue(g),
                                 group_symbol(g));
    for (const size_t i : rows) {
      if (coloured && page.group[i] != page.groups[g]) continue;
      series.points.push_back(point_at(x[i], page.residuals[i], row_note(page, i)));
    }
    panel.series.push_back(std::move(series));
  }
  return panel;
}

// Rows of nearly one x stand side by side: each gets its own place around it.
std::vector<double> side_by_side(const std::vector<BacktestPoint>& points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return points[a].x < points[b].x; });
  std::vector<double> out(points.size());
  constexpr double kSame = 0.02;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    const double first = points[order[begin]].x;
    for (end = begin + 1; end < order.size() && points[order[end]].x <= first + kSame * std::abs(first);) ++end;
    const double count = static_cast<double>(end - begin), width = std::min(0.016, 0.24 / count);
    for (size_t k = begin; k < end; ++k) {
      out[order[k]] = points[order[k]].x * std::exp(width * (static_cast<double>(k - begin) - (count - 1) / 2));
    }
  }
  return out;
}

std::string backtest_note(const BacktestPoint& point) {
  return (point.group.empty() ? "" : group_name(point.group) + "; ") + "x = " + amount(point.x);
}

Series predicted_series() { return marks_series("predicted, 95 % interval", Role::fit, {"cat", 1, 5}, "diamond"); }

std::optional<Interval> drawn(const std::optional<OpenInterval>& interval) {
  return interval && interval->bounded() ? std::optional(Interval{interval->low, interval->high}) : std::nullopt;
}

// The losses and their intervals; one huge interval does not flatten everything.
Interval loss_range(const std::vector<BacktestPoint>& points) {
  double low = points[0].observed, high = low;
  for (const BacktestPoint& one : points) {
    low = std::min({low, one.observed, one.predicted}), high = std::max({high, one.observed, one.predicted});
  }
  const double room = 2 * std::max(high - low, 0.01 * std::abs(high));
  Interval out{low, high};
  for (const BacktestPoint& one : points) {
    if (!drawn(one.interval)) continue;
    out.first = std::min(out.first, std::max(one.interval->low, low - room));
    out.second = std::max(out.second, std::min(one.interval->high, high + room));
  }
  const double margin = 0.05 * std::max(out.second - out.first, 1e-9 + 1e-6 * std::abs(high));
  return {out.first - margin, out.second + margin};
}

Panel held_out_panel(const FitPage& page) {
  Panel panel;
  const auto at = side_by_side(page.backtest);
  Series inside = marks_series("observed", Role::ours, {"cat", 0, 5}),
         outside = marks_series("observed, outside of the interval", Role::ours, {"bad", 0, 1}, "square"),
         predicted = predicted_series();
  for (size_t i = 0; i < page.backtest.size(); ++i) {
    const BacktestPoint& point = page.backtest[i];
    const std::string note = backtest_note(point);
    predicted.points.push_back(point_at(at[i], point.predicted, note));
    predicted.points.back().interval = drawn(point.interval);
    (point.covered.value_or(true) ? inside : outside).points.push_back(point_at(at[i], point.observed, note));
  }
  panel.title = "over the held-out input";
  panel.x = axis_over(page.inputs.empty() ? "first input" : input_label(page.inputs.front()), at);
  panel.y = {page.y_name, false, {}, loss_range(page.backtest)};
  panel.series = {predicted, inside, outside};
  return panel;
}

Panel forecast_panel(const FitPage& page, bool intervals) {
  Panel panel;
  std::vector<double> losses;
  Series inside = marks_series("observed", Role::ours, {"cat", 0, 5}),
         outside = marks_series("observed, outside of the interval", Role::ours, {"bad", 0, 1}, "square");
  for (const BacktestPoint& point : page.backtest) {
    Point dot = point_at(point.observed, point.predicted, backtest_note(point));
    if (intervals) dot.interval = drawn(point.interval);
    (point.covered.value_or(true) ? inside : outside).points.push_back(std::move(dot));
    losses.insert(losses.end(), {point.observed, point.predicted});
  }
  const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
  Series equal = line_series("predicted = observed", Role::theory, {});
  equal.points = {point_at(*low, *low), point_at(*high, *high)};
  panel.title = "predicted against observed";
  panel.x = axis_over("observed " + page.y_name, losses, false);
  panel.y = {"predicted " + page.y_name, false, {}, loss_range(page.backtest)};
  panel.series = {equal, inside, outside};
  return panel;
}

}  // namespace

Figure fit_figure(const char* id, std::string title, std::string caption) {
  Figure out;
  out.id = id, out.title = std::move(title), out.caption = std::move(caption);
  return out;
}

Series marks_series(std::string key, Role role, Hue hue, std::string symbol) {
  return {std::move(key), role, std::move(hue), "", std::move(symbol), false, false, false, {}};
}

Series line_series(std::string key, Role role, Hue hue) {
  return {std::move(key), role, std::move(hue), "", "none", true, false, false, {}};
}

Point point_at(double x, double y, std::string note) {
  Point out;
  out.x = x, out.y = y, out.note = std::move(note);
  return out;
}

// Colour and symbol of a group: no pair of them twice up to kMostColoured.
Hue group_hue(size_t index) { return {"cat", static_cast<int>(index % 5), 5}; }

std::string group_symbol(size_t index) {
  constexpr std::array<const char*, 5> kSymbols{"dot", "triangle", "square", "diamond", "star"};
  return kSymbols[(index + index / 5) % kSymbols.size()];
}

std::string group_name(const std::string& group) { return group.empty() ? "(no name)" : group; }

Axis axis_over(std::string label, const std::vector<double>& values, bool log) {
  Axis out{std::move(label), log, {}, {}};
  if (values.empty()) return out;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  out.log = log && *low > 0;
  if (out.log && *high > *low && *high < 4 * *low) out.ticks = even_ticks(*low, *high);
  return out;
}

std::string input_label(const FitInput& input) {
  constexpr size_t kLongest = 28;  // longer: made from several columns
  const bool plain = input.column.empty() || input.column == input.name || input.column.size() > kLongest;
  return plain ? input.name : fmt::format("{} ({})", input.name, input.column);
}

std::vector<size_t> drawn_rows(size_t n, Figure& figure) {
  std::vector<size_t> out;
  // Multiples of the golden ratio are spread evenly over [0, 1) and follow no period of the table.
  constexpr double kGolden = 0.6180339887498949;
  const double share = static_cast<double>(kMostDrawn) / static_cast<double>(std::max(n, kMostDrawn));
  for (size_t i = 0; i < n; ++i) {
    const double turn = static_cast<double>(i) * kGolden;
    if (n <= kMostDrawn || turn - std::floor(turn) < share) out.push_back(i);
  }
  if (out.size() < n && figure.notes.empty()) {
    figure.notes.push_back(fmt::format("Drawn are {} of the {} rows, picked without regard to their values.",
                                       count_text(static_cast<double>(out.size())),
                                       count_text(static_cast<double>(n))));
  }
  return out;
}

std::string row_note(const FitPage& page, size_t row) {
  std::string out = fmt::format("row {}", row + 1);
  if (!page.group.empty()) out += "; " + group_name(page.group[row]);
  if (!page.unit.empty() && !page.unit[row].empty()) out += "; " + page.unit[row];
  return out;
}

std::optional<Figure> residuals_figure(const FitPage& page) {
  if (page.residuals.empty() || page.inputs.empty()) return {};
  Figure out = fit_figure("residuals", "Residuals",
                          "What the law leaves over, row by row. A law of the right form leaves a cloud around zero "
                          "without a bend and of one width; a bend is structure that it does not have.");
  if (page.logarithms) out.caption += " A difference of logarithms of 0.01 is about 1 %.";
  const auto rows = drawn_rows(page.residuals.size(), out);
  for (size_t k = 0; k < std::min(page.inputs.size(), kMostInputPanels); ++k) {
    const FitInput& input = page.inputs[k];
    out.panels.push_back(residual_panel(page, rows, input.values, axis_over(input_label(input), input.values)));
  }
  if (!page.predicted.empty()) {
    out.panels.push_back(
        residual_panel(page, rows, page.predicted, axis_over("predicted " + page.y_name, page.predicted)));
  }
  return out;
}

std::optional<Figure> backtest_figure(const FitPage& page) {
  if (page.backtest.empty()) return {};
  const Json& backtest = member(*page.fit, "backtest");
  Figure out = fit_figure("backtest", "Backtest: rows that the law had not seen", "");
  const auto from = field(backtest, "largest_x_used"), factor = field(backtest, "extrapolation_factor");
  const auto used = field(backtest, "rows_used"), covered = field(backtest, "covered");
  if (from && used) {
    out.caption += fmt::format("The law was fitted again to the {} rows up to {} only, and asked for the rest.",
                               count_text(used), amount(*from));
  }
  if (factor) out.caption += fmt::format(" That reaches {} times as far as what it saw.", number(factor));
  if (covered) {
    out.caption +=
        fmt::format(" {} of {} rows are inside of their 95 % interval.", count_text(covered), page.backtest.size());
  }
  const bool few = page.backtest.size() <= kMostSideBySide;
  if (few) {
    out.interval = "Intervals: 95 %, of one further row. Rows of one x stand side by side.";
    out.panels.push_back(held_out_panel(page));
  }
  if (page.backtest.size() > 2) out.panels.push_back(forecast_panel(page, few));
  return out;
}

}  // namespace superpose::report
