// SPDX-License-Identifier: Apache-2.0
// The inside of one panel, and its axes.
#pragma once
#include <vector>

#include "superpose/report/draw_layout.h"

namespace superpose::report {

inline constexpr double kBandShare = 0.15, kBandBarShare = 0.25;  // how opaque bands are
inline constexpr double kRuleLine = 9.2;                          // pt from one label of a vertical line to the next
inline constexpr double kBandWidth = 5;                           // pt, of the band at one point
double line_width(const Series& series);                          // pt

// Labels at the lines' ends, which stand to the right of the axes.
struct EndLabel {
  std::string text;
  double wanted = 0, at = 0;  // y of its middle: at the line's end, and where nothing overlaps
  Color color;
  bool italic = false;
};
std::vector<EndLabel> end_labels(const PanelPlan& plan, Canvas& canvas);

void paint_xy(const PanelPlan& plan, Canvas& canvas);
void paint_map(const PanelPlan& plan, Interval colors, Canvas& canvas);
// The value of a row: its last point's.
std::string row_text(const Series& series);
inline constexpr TextStyle kRowText{7, kInk, true};
void paint_rows(const PanelPlan& plan, Canvas& canvas);
void paint_axes(const PanelPlan& plan, Canvas& canvas);
void paint_color_bar(const Box& box, const std::string& label, Interval colors, Canvas& canvas);
// The values that a map's colours stand for: the figure's, else the data's.
Interval color_domain(const Figure& figure);

}  // namespace superpose::report
