// SPDX-License-Identifier: Apache-2.0
// Where everything of a figure stands on the page, in points.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/report/draw_axis.h"
#include "superpose/report/draw_canvas.h"
#include "superpose/report/draw_legend.h"
#include "superpose/report/figure.h"

namespace superpose::report {

inline constexpr TextStyle kTitleText{8}, kLabelText{8}, kTickText{7}, kEndText{7};
inline constexpr double kLineHeight = 1.2;  // of a text's size

struct PanelPlan {
  const Panel* panel = nullptr;
  Box box;  // inside the axes
  Scale x, y;
  std::vector<Tick> x_ticks, y_ticks;         // of which the labels do not overlap
  std::vector<std::string> title;             // lines
  std::vector<std::string> x_label, y_label;  // lines; empty where a neighbour says the same
  bool y_numbers = true;                      // false: the panel to the left has the same
  double number_width = 0;                    // the widest label of the y ticks
};

struct Layout {
  double width = 0, height = 0;
  std::vector<PanelPlan> panels;
  Legend legend;
  Spot legend_at;
  std::optional<Box> color_bar;
};

// The figure's panels that are `shown`, in one to three columns. It points into the figure.
Layout lay_out(const Figure& figure, Canvas& canvas);

// The values of a map's columns and rows, ascending: the axis' ticks, or the points' own.
std::vector<double> map_grid(const Panel& panel, bool of_y);

}  // namespace superpose::report
