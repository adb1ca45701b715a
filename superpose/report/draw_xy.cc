// SPDX-License-Identifier: Apache-2.0
// Points, lines, bands, bars and rules of one panel.
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "superpose/report/draw_palette.h"
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

constexpr double kEndLine = 8.2;   // pt between labels at line ends
constexpr double kWidestEnd = 60;  // pt
constexpr double kCrossRadius = 3;

// The part of a segment inside the box (Liang and Barsky); nothing when it misses.
std::optional<std::pair<Spot, Spot>> clipped(Spot a, Spot b, const Box& box) {
  double from = 0, to = 1;
  const double dx = b.x - a.x, dy = b.y - a.y;
  const auto cut = [&](double step, double room) {  // keeps t·step <= room
    if (step == 0) return room >= 0;
    const double t = room / step;
    step < 0 ? from = std::max(from, t) : to = std::min(to, t);
    return from <= to;
  };
  if (!cut(-dx, a.x - box.x) || !cut(dx, box.right() - a.x) || !cut(-dy, a.y - box.y) || !cut(dy, box.bottom() - a.y))
    return {};
  return std::pair(Spot{a.x + from * dx, a.y + from * dy}, Spot{a.x + to * dx, a.y + to * dy});
}

// Draws the parts of a line through the points that are inside the axes.
void paint_line(const std::vector<Spot>& points, const Box& box, const Stroke& stroke, Canvas& canvas) {
  std::vector<Spot> piece;
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const auto part = clipped(points[i], points[i + 1], box);
    const bool joins = part && !piece.empty() && piece.back().x == part->first.x && piece.back().y == part->first.y;
    if (!joins) {
      canvas.line(piece, stroke);
      piece.clear();
      if (part) piece.push_back(part->first);
    }
    if (part) piece.push_back(part->second);
  }
  canvas.line(piece, stroke);
}

class XyPanel {
 public:
  XyPanel(const PanelPlan& plan, Canvas& canvas) : plan_(plan), canvas_(canvas) {
    size_t points = 0;
    for (const Series& series : plan.panel->series) points += series.symbol == "none" ? 0 : series.points.size();
    radius_ = points > 400 ? 1.2 : points > 150 ? 1.5 : 1.9;
  }
  void paint(const Series& series) {
    const Color color = color_of(series.hue);
    if (series.symbol == "bars" || series.symbol == "shade") return paint_bars(series, color);
    if (series.symbol == "rule") return paint_rules(series, color);
    if (series.symbol == "ring") return paint_symbols(series, color, radius_ * 2, false);
    paint_intervals(series, color);
    if (series.line) paint_line(spots(series), plan_.box, {line_width(series), color, dashes_of(series)}, canvas_);
    const bool published = series.role == Role::published;
    if (series.symbol != "none" && !series.diverged)
      paint_symbols(series, published ? color.faded(0.9) : color, published ? radius_ * 1.15 : radius_, !published);
    if (series.diverged) paint_crosses(series, color);
  }

 private:
  bool holds(const Point& point) const {
    return plan_.x.holds(point.x) && point.y && drawable(*point.y, plan_.y.log) && plan_.y.holds(*point.y);
  }
  std::vector<Spot> spots(const Series& series) const {
    std::vector<Spot> out;
    for (const Point& point : series.points) {
      if (drawable(point.x, plan_.x.log) && drawable(point.y, plan_.y.log))
        out.push_back({plan_.x.at(point.x), plan_.y.at(*point.y)});
    }
    return out;
  }
  void paint_bars(const Series& series, const Color& color) {
    const bool shade = series.symbol == "shade";
    for (const Point& point : series.points) {
      if (!drawable(point.x, plan_.x.log) || !drawable(point.x2, plan_.x.log)) continue;
      const double a = plan_.x.inside(std::min(point.x, *point.x2)), b = plan_.x.inside(std::max(point.x, *point.x2));
      if (!shade && !drawable(point.y, plan_.y.log)) continue;
      const double top = shade ? plan_.box.y : plan_.y.inside(*point.y);
      canvas_.fill({a, top, b - a, plan_.box.bottom() - top}, color.faded(shade ? 0.09 : 0.75));
    }
  }
  void paint_rules(const Series& series, const Color& color) {
    for (const Point& point : series.points) {
      if (!plan_.x.holds(point.x)) continue;
      const double x = plan_.x.at(point.x);
      canvas_.line({{x, plan_.box.bottom()}, {x, plan_.box.y}}, {1, color, {3.6, 2.4}});
    }
  }
  void paint_intervals(const Series& series, const Color& color) {
    std::vector<Spot> low, high;
    for (const Point& point : series.points) {
      if (!point.interval || std::isnan(point.interval->first) || std::isnan(point.interval->second) ||
          !drawable(point.x, plan_.x.log))
        continue;
      low.push_back({plan_.x.inside(point.x), plan_.y.inside(point.interval->first)});
      high.push_back({low.back().x, plan_.y.inside(point.interval->second)});
      if (series.band && series.symbol == "none" && series.line) continue;
      if (!plan_.x.holds(point.x)) continue;
      const Stroke bar = series.band ? Stroke{kBandWidth, color.faded(kBandBarShare), {}}
                                     : Stroke{0.7, color.faded(series.role == Role::published ? 0.45 : 0.8), {}};
      canvas_.line({low.back(), high.back()}, bar);
    }
    if (!series.band || series.symbol != "none" || !series.line) return;
    low.insert(low.end(), high.rbegin(), high.rend());
    canvas_.polygon(low, color.faded(kBandShare));
  }
  void paint_symbols(const Series& series, const Color& color, double radius, bool filled) {
    for (const Point& point : series.points) {
      if (holds(point))
        canvas_.symbol({plan_.x.at(point.x), plan_.y.at(*point.y)}, series.symbol, radius, color, filled);
    }
  }
  // Runs without a loss: at the panel's upper edge.
  void paint_crosses(const Series& series, const Color& color) {
    for (const Point& point : series.points) {
      if (plan_.x.holds(point.x))
        canvas_.symbol({plan_.x.at(point.x), plan_.box.y + kCrossRadius + 2.5}, "cross", kCrossRadius, color, false);
    }
  }

  const PanelPlan& plan_;
  Canvas& canvas_;
  double radius_ = 1.9;
};

int layer(const Series& series) {
  if (series.symbol == "shade") return -1;
  switch (series.role) {
    case Role::theory:
      return 0;
    case Role::published:
      return 1;
    case Role::fit:
      return 2;
    case Role::ours:
      return 3;
  }
  return 3;
}

// Labels of vertical lines, one under the other from the top, on the side with more room.
void paint_rule_labels(const PanelPlan& plan, Canvas& canvas) {
  double y = plan.box.y + 8;
  for (const Series& series : plan.panel->series) {
    if (series.symbol != "rule" || series.points.empty() || !plan.x.holds(series.points.front().x)) continue;
    if (y > plan.box.bottom() - 2) break;
    TextStyle style = kEndText;
    style.color = color_of(series.hue);
    const double x = plan.x.at(series.points.front().x);
    const bool left = x > plan.box.x + plan.box.width / 2;
    const double room = (left ? x - plan.box.x : plan.box.right() - x) - 5;
    const auto lines = wrapped(canvas, series.label.empty() ? series.key : series.label, style, room, 1);
    if (lines.empty()) continue;
    const double width = canvas.width(lines.front(), style), begin = left ? x - 3 - width : x + 3;
    canvas.fill({begin - 1, y - 6.5, width + 2, 8.5}, kWhite);
    canvas.text({begin, y}, lines.front(), style);
    y += kRuleLine;
  }
}

}  // namespace

double line_width(const Series& series) { return series.role == Role::theory ? 1.0 : 1.2; }

std::vector<EndLabel> end_labels(const PanelPlan& plan, Canvas& canvas) {
  std::vector<EndLabel> out;
  for (const Series& series : plan.panel->series) {
    if (series.label.empty() || series.symbol == "rule") continue;
    const Point* end = nullptr;
    for (const Point& point : series.points) {
      if (drawable(point.x, plan.x.log) && drawable(point.y, plan.y.log) && (!end || point.x >= end->x)) end = &point;
    }
    if (!end) continue;
    const double y = plan.y.inside(*end->y);
    const std::string text = wrapped(canvas, series.label, kEndText, kWidestEnd, 1).front();
    out.push_back({text, y, y, color_of(series.hue), series.role == Role::theory});
  }
  std::stable_sort(out.begin(), out.end(), [](const EndLabel& a, const EndLabel& b) { return a.wanted < b.wanted; });
  const size_t most = static_cast<size_t>(std::max(1.0, plan.box.height / kEndLine));
  if (out.size() > most) out.resize(most);
  // Each at its place or below the one before; then up from the bottom where they ran out of room.
  double floor = plan.box.y;
  for (EndLabel& label : out) label.at = std::max(label.wanted, floor), floor = label.at + kEndLine;
  double ceiling = plan.box.bottom();
  for (size_t i = out.size(); i-- > 0;) out[i].at = std::min(out[i].at, ceiling), ceiling = out[i].at - kEndLine;
  return out;
}

void paint_xy(const PanelPlan& plan, Canvas& canvas) {
  std::vector<std::reference_wrapper<const Series>> drawn(plan.panel->series.begin(), plan.panel->series.end());
  std::stable_sort(drawn.begin(), drawn.end(), [](const Series& a, const Series& b) { return layer(a) < layer(b); });
  XyPanel panel(plan, canvas);
  bool any = false;
  for (const Series& series : drawn) panel.paint(series), any |= !series.points.empty();
  if (!any) {
    TextStyle style = kEndText;
    style.color = kSoft;
    canvas.text({plan.box.x + plan.box.width / 2, plan.box.y + plan.box.height / 2}, "no data", style, {0.5});
  }
  paint_rule_labels(plan, canvas);
  for (const EndLabel& label : end_labels(plan, canvas)) {
    TextStyle style = kEndText;
    style.color = label.color, style.italic = label.italic;
    canvas.text({plan.box.right() + 4, label.at + 2.5}, label.text, style);
  }
}

}  // namespace superpose::report
