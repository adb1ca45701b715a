// SPDX-License-Identifier: Apache-2.0
// What colours, symbols and lines of a figure mean: one entry per key over all panels that are shown, then what filled
// and hollow symbols are. Many steps of one ordered quantity become a strip of colours.
#pragma once
#include <string>
#include <vector>

#include "superpose/report/draw_canvas.h"
#include "superpose/report/figure.h"

namespace superpose::report {

struct LegendEntry {
  std::string text;
  Series sample;       // without points: how it is drawn
  bool filled = true;  // of ours
};

struct LegendItem {
  LegendEntry entry;
  Spot at;  // left end and middle of its line, relative to the legend
};

struct ColorStrip {
  std::string name;  // "α"
  std::vector<Color> colors;
  std::vector<std::string> values;  // one per colour
  Box box;                          // of the colours, relative to the legend
};

struct Legend {
  double width = 0, height = 0;
  std::vector<LegendItem> items;
  std::vector<ColorStrip> strips;
  bool empty() const { return items.empty() && strips.empty(); }
};

// What the figure's runs are called: "measured here", and whose they are when not all are of this store.
std::string ours_text(const Figure& figure);

Legend plan_legend(const Figure& figure, Canvas& canvas, double width);
void paint(const Legend& legend, Spot at, Canvas& canvas);

}  // namespace superpose::report
