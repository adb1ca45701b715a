// SPDX-License-Identifier: Apache-2.0
// The page's light colours (web/src/page.css), between whose steps the pictures interpolate.
#pragma once
#include <vector>

#include "superpose/report/draw_canvas.h"
#include "superpose/report/figure.h"

namespace superpose::report {

Color color_of(const Hue& hue);
// Viridis at share in [0, 1], and whether black text can be read on it.
Color viridis(double share);
bool is_light(double share);
std::vector<Color> viridis_stops();
// Dashes that tell theory lines apart without colour.
std::vector<double> dashes_of(const Series& series);

}  // namespace superpose::report
