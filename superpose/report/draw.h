// SPDX-License-Identifier: Apache-2.0
// A figure as a picture for a paper, without a browser: one drawing code on Cairo's SVG, PDF and image surfaces.
// White background, DejaVu Sans of 6 to 8 pt, boxed axes, lines of 0.6 to 1.25 pt. One panel is one column wide
// (3.25 in), several are the text width of ICLR and NeurIPS (5.5 in); the height follows.
//
//   Figure ─> layout (draw_layout.h: boxes, scales, ticks) ─> panels (draw_panels.h), legend (draw_legend.h) ─> Canvas
#pragma once
#include <string>
#include <string_view>

#include "superpose/report/figure.h"

namespace superpose::report {

enum class Picture { svg, pdf, png };

inline constexpr double kColumnInches = 3.25, kTextInches = 5.5;
inline constexpr double kPictureDpi = 300;  // of a PNG

// The file's bytes. A pure function: same figure and fonts, same bytes. Panels that are not `shown` are left out; text
// in an SVG is drawn as outlines and said once more in its <desc>. Nothing in a figure makes this throw; Error{io} when
// Cairo fails.
std::string draw(const Figure& figure, Picture picture);

}  // namespace superpose::report
