// SPDX-License-Identifier: Apache-2.0
// One value per named row, as a line from 1 (the reference) to a dot. The name stands above its line.
#include <algorithm>
#include <cmath>

#include "superpose/report/draw_palette.h"
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

struct Row {
  const Series& series;
  double middle = 0;  // y of its line
};

void paint_row(const Row& row, const PanelPlan& plan, Canvas& canvas) {
  const Color color = color_of(row.series.hue);
  const double origin = plan.x.inside(1);
  for (const Point& point : row.series.points) {
    if (!std::isfinite(point.x)) continue;
    const double x = plan.x.inside(point.x);
    canvas.line({{origin, row.middle}, {x, row.middle}}, {2, color.faded(0.55), {}});
    if (point.interval && !std::isnan(point.interval->first) && !std::isnan(point.interval->second)) {
      canvas.line(
          {{plan.x.inside(point.interval->first), row.middle}, {plan.x.inside(point.interval->second), row.middle}},
          {5, color.faded(0.35), {}});
    }
    canvas.symbol({x, row.middle}, "dot", 2.5, color, row.series.role != Role::published);
  }
  canvas.text({plan.box.right() + 4, row.middle + 2.5}, row_text(row.series), kRowText);
}

}  // namespace

std::string row_text(const Series& series) { return series.points.empty() ? "" : number(series.points.back().x); }

void paint_rows(const PanelPlan& plan, Canvas& canvas) {
  const double step = plan.box.height / static_cast<double>(std::max<size_t>(plan.panel->series.size(), 1));
  const double origin = plan.x.inside(1);
  for (const Tick& tick : plan.x_ticks) {
    if (tick.label.empty()) continue;
    const double x = plan.x.at(tick.value);
    canvas.line({{x, plan.box.y}, {x, plan.box.bottom()}}, {0.4, kFaint, {}});
  }
  canvas.line({{origin, plan.box.y}, {origin, plan.box.bottom()}}, {0.8, kSoft, {}});
  double top = plan.box.y;
  for (const Series& series : plan.panel->series) {
    const auto name = wrapped(canvas, series.key, kTickText, plan.box.width - 8, 1);
    if (!name.empty()) {
      canvas.fill({plan.box.x + 3, top + 1.5, canvas.width(name.front(), kTickText) + 2, 8.5}, kWhite);
      canvas.text({plan.box.x + 4, top + 8.5}, name.front(), kTickText);
    }
    paint_row({series, top + step - 6}, plan, canvas);
    top += step;
  }
}

}  // namespace superpose::report
