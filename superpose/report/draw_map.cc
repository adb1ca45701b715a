// SPDX-License-Identifier: Apache-2.0
// A map over two grids: one coloured cell with its number per point, and the scale of the colours.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/report/draw_palette.h"
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

constexpr double kLargestNumber = 6.5, kLeastNumber = 4.2;  // pt; smaller could not be read

std::string cell_text(double value) {
  if (std::abs(value) >= 99.95) return number(value, 3);
  std::string text = fmt::format("{:.{}f}", std::abs(value), std::abs(value) >= 9.995 ? 1 : 2);
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  if (text.starts_with("0.")) text.erase(0, 1);
  return (value < 0 && !zero ? "−" : "") + text;
}

size_t nearest(const std::vector<double>& grid, double value) {
  size_t best = 0;
  for (size_t i = 1; i < grid.size(); ++i) {
    if (std::abs(grid[i] - value) < std::abs(grid[best] - value)) best = i;
  }
  return best;
}

struct Cell {
  Box box;
  std::optional<double> value;
};

std::vector<Cell> cells_of(const PanelPlan& plan) {
  const auto columns = map_grid(*plan.panel, false), rows = map_grid(*plan.panel, true);
  std::vector<Cell> out;
  if (columns.empty() || rows.empty()) return out;
  const double width = plan.box.width / static_cast<double>(columns.size());
  const double height = plan.box.height / static_cast<double>(rows.size());
  for (const Series& series : plan.panel->series) {
    for (const Point& point : series.points) {
      if (!drawable(point.x, false) || !drawable(point.y, false)) continue;
      const double column = static_cast<double>(nearest(columns, point.x));
      const double row = static_cast<double>(nearest(rows, *point.y));
      Cell cell{{plan.box.x + width * column, plan.box.bottom() - height * (row + 1), width, height}, {}};
      if (drawable(point.z, false)) cell.value = point.z;
      out.push_back(cell);
    }
  }
  return out;
}

// The size at which every number fits its cell; 0 when none does.
double number_size(const std::vector<Cell>& cells, Canvas& canvas) {
  double widest = 0;
  const TextStyle unit{1};
  for (const Cell& cell : cells) {
    if (cell.value) widest = std::max(widest, canvas.width(cell_text(*cell.value), unit));
  }
  if (widest == 0) return 0;
  const Box& box = cells.front().box;
  const double size = std::min({kLargestNumber, (box.width - 2.2) / widest, (box.height - 1.5) / 0.8});
  return size < kLeastNumber ? 0 : size;
}

}  // namespace

std::vector<double> map_grid(const Panel& panel, bool of_y) {
  constexpr size_t kMostSteps = 200;
  std::vector<double> out = of_y ? panel.y.ticks : panel.x.ticks;
  if (out.empty()) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) out.push_back(of_y ? point.y.value_or(NAN) : point.x);
    }
  }
  std::erase_if(out, [](double value) { return !drawable(value, false); });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.size() > kMostSteps) out.resize(kMostSteps);
  return out;
}

Interval color_domain(const Figure& figure) {
  if (figure.color_domain && drawable(figure.color_domain->first, false) &&
      drawable(figure.color_domain->second, false) && figure.color_domain->first < figure.color_domain->second)
    return *figure.color_domain;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) {
        if (drawable(point.z, false)) low = std::min(low, *point.z), high = std::max(high, *point.z);
      }
    }
  }
  return low < high ? Interval{low, high} : Interval{0, 1};
}

void paint_map(const PanelPlan& plan, Interval colors, Canvas& canvas) {
  const auto cells = cells_of(plan);
  const double columns = plan.x.high - plan.x.low, rows = plan.y.high - plan.y.low;  // what no run filled stays white
  for (double i = 1; i < columns; ++i) {
    const double x = plan.box.x + plan.box.width * i / columns;
    canvas.line({{x, plan.box.y}, {x, plan.box.bottom()}}, {0.4, kFaint, {}});
  }
  for (double i = 1; i < rows; ++i) {
    const double y = plan.box.y + plan.box.height * i / rows;
    canvas.line({{plan.box.x, y}, {plan.box.right(), y}}, {0.4, kFaint, {}});
  }
  const double size = number_size(cells, canvas);
  for (const Cell& cell : cells) {
    const Box& box = cell.box;
    const Spot middle{box.x + box.width / 2, box.y + box.height / 2};
    if (!cell.value) {
      canvas.symbol(middle, "cross", std::min(box.width, box.height) * 0.25, kInk, false);
      continue;
    }
    const double share = std::clamp((*cell.value - colors.first) / (colors.second - colors.first), 0.0, 1.0);
    canvas.fill({box.x + 0.2, box.y + 0.2, box.width - 0.4, box.height - 0.4}, viridis(share));
    if (size == 0) continue;
    TextStyle style{size};
    style.color = is_light(share) ? kInk : kWhite;
    canvas.text({middle.x, middle.y + 0.36 * size}, cell_text(*cell.value), style, {0.5});
  }
}

void paint_color_bar(const Box& box, const std::string& label, Interval colors, Canvas& canvas) {
  canvas.gradient(box, viridis_stops());
  canvas.outline(box, {0.6, kInk, {}});
  const Scale scale{false, colors.first, colors.second, box.bottom(), box.y};
  double widest = 0;
  for (const Tick& tick : ticks_of({}, colors, static_cast<size_t>(std::max(2.0, box.height / 22)))) {
    const double y = scale.at(tick.value);
    canvas.line({{box.right(), y}, {box.right() + 2.5, y}}, {0.6, kInk, {}});
    canvas.text({box.right() + 4.5, y + 2.5}, tick.label, kTickText);
    widest = std::max(widest, canvas.width(tick.label, kTickText));
  }
  const auto lines = wrapped(canvas, label, kLabelText, box.height, 1);
  if (!lines.empty()) {
    canvas.text({box.right() + widest + 13, box.y + box.height / 2}, lines.front(), kLabelText, {0.5, true});
  }
}

}  // namespace superpose::report
