// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw_canvas.h"

#include <cmath>
#include <numbers>

#include "superpose/base/error.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SUPERPOSE_LEAKS_ARE_COUNTED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SUPERPOSE_LEAKS_ARE_COUNTED
#endif
#ifdef SUPERPOSE_LEAKS_ARE_COUNTED
// Fontconfig never frees about 400 bytes per font face that Cairo asks it for, however often.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig\n"; }
#endif

namespace superpose::report {
namespace {

constexpr double kEdge = 0.35;    // pt: the white edge of a filled symbol
constexpr double kHollow = 0.75;  // pt: the line of a hollow one

// Corners of a symbol about (0, 0) with radius 1, of about equal areas; empty: a circle.
std::vector<Spot> corners(std::string_view symbol) {
  if (symbol == "triangle") return {{0, -1.3}, {1.15, 0.8}, {-1.15, 0.8}};
  if (symbol == "square") return {{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}};
  if (symbol == "diamond") return {{0, -1.3}, {1.15, 0}, {0, 1.3}, {-1.15, 0}};
  std::vector<Spot> out;
  if (symbol == "star") {
    for (int i = 0; i < 10; ++i) {
      const double angle = std::numbers::pi * i / 5, radius = i % 2 == 0 ? 1.5 : 0.65;
      out.push_back({radius * std::sin(angle), -radius * std::cos(angle)});
    }
  }
  return out;
}

}  // namespace

Canvas::Canvas(cairo_surface_t* surface) {
  cairo_surface_t* const own = surface ? nullptr : cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
  cairo_.reset(cairo_create(surface ? surface : own));
  if (own) cairo_surface_destroy(own);
  // Without hinting a text is as wide on every surface.
  cairo_font_options_t* const options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(cairo_.get(), options);
  cairo_font_options_destroy(options);
}

void Canvas::color(const Color& color) {
  cairo_set_source_rgba(cairo_.get(), color.red, color.green, color.blue, color.alpha);
}

void Canvas::choose(const TextStyle& style, double scale) {
  cairo_select_font_face(cairo_.get(), "DejaVu Sans", style.italic ? CAIRO_FONT_SLANT_OBLIQUE : CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_.get(), style.size * scale);
}

double Canvas::width(std::string_view text, const TextStyle& style) {
  double out = 0;
  for (const TextRun& run : text_runs(text)) {
    choose(style, run.scale);
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_.get(), run.text.c_str(), &extents);
    out += extents.x_advance;
  }
  return out;
}

void Canvas::text(Spot at, std::string_view text, const TextStyle& style, Anchor anchor) {
  if (text.empty()) return;
  double x = -anchor.across * width(text, style);
  cairo_t* const cairo = cairo_.get();
  cairo_save(cairo);
  cairo_translate(cairo, at.x, at.y);
  if (anchor.upright) cairo_rotate(cairo, -std::numbers::pi / 2);
  color(style.color);
  for (const TextRun& run : text_runs(text)) {
    choose(style, run.scale);
    cairo_move_to(cairo, x, -run.raise * style.size);
    cairo_show_text(cairo, run.text.c_str());
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, run.text.c_str(), &extents);
    x += extents.x_advance;
  }
  cairo_restore(cairo);
  texts_.emplace_back(text);
}

void Canvas::line(const std::vector<Spot>& points, const Stroke& stroke) {
  if (points.size() < 2) return;
  cairo_t* const cairo = cairo_.get();
  color(stroke.color);
  cairo_set_line_width(cairo, stroke.width);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_BUTT);
  cairo_set_dash(cairo, stroke.dashes.data(), static_cast<int>(stroke.dashes.size()), 0);
  cairo_move_to(cairo, points.front().x, points.front().y);
  for (size_t i = 1; i < points.size(); ++i) cairo_line_to(cairo, points[i].x, points[i].y);
  cairo_stroke(cairo);
}

void Canvas::clear(const Color& with) {
  color(with);
  cairo_paint(cairo_.get());
}

void Canvas::fill(const Box& box, const Color& with) {
  color(with);
  cairo_rectangle(cairo_.get(), box.x, box.y, box.width, box.height);
  cairo_fill(cairo_.get());
}

void Canvas::outline(const Box& box, const Stroke& stroke) {
  color(stroke.color);
  cairo_set_line_width(cairo_.get(), stroke.width);
  cairo_set_line_join(cairo_.get(), CAIRO_LINE_JOIN_MITER);
  cairo_set_dash(cairo_.get(), stroke.dashes.data(), static_cast<int>(stroke.dashes.size()), 0);
  cairo_rectangle(cairo_.get(), box.x, box.y, box.width, box.height);
  cairo_stroke(cairo_.get());
}

void Canvas::polygon(const std::vector<Spot>& points, const Color& with) {
  if (points.size() < 3) return;
  color(with);
  cairo_move_to(cairo_.get(), points.front().x, points.front().y);
  for (size_t i = 1; i < points.size(); ++i) cairo_line_to(cairo_.get(), points[i].x, points[i].y);
  cairo_close_path(cairo_.get());
  cairo_fill(cairo_.get());
}

void Canvas::gradient(const Box& box, const std::vector<Color>& colors) {
  cairo_pattern_t* const pattern = cairo_pattern_create_linear(0, box.bottom(), 0, box.y);
  const double last = static_cast<double>(colors.size()) - 1;
  for (size_t i = 0; i < colors.size(); ++i) {
    cairo_pattern_add_color_stop_rgb(pattern, static_cast<double>(i) / last, colors[i].red, colors[i].green,
                                     colors[i].blue);
  }
  cairo_set_source(cairo_.get(), pattern);
  cairo_rectangle(cairo_.get(), box.x, box.y, box.width, box.height);
  cairo_fill(cairo_.get());
  cairo_pattern_destroy(pattern);
}

void Canvas::symbol(Spot at, std::string_view symbol, double radius, const Color& with, bool filled) {
  cairo_t* const cairo = cairo_.get();
  if (symbol == "cross") {
    const double r = radius * 0.9;
    line({{at.x - r, at.y - r}, {at.x + r, at.y + r}}, {1.1, with, {}});
    line({{at.x - r, at.y + r}, {at.x + r, at.y - r}}, {1.1, with, {}});
    return;
  }
  cairo_new_path(cairo);
  if (const auto shape = corners(symbol); !shape.empty()) {
    for (const Spot& corner : shape) cairo_line_to(cairo, at.x + radius * corner.x, at.y + radius * corner.y);
    cairo_close_path(cairo);
  } else {
    cairo_arc(cairo, at.x, at.y, radius, 0, 2 * std::numbers::pi);
    cairo_close_path(cairo);
  }
  cairo_set_dash(cairo, nullptr, 0, 0);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_MITER);
  if (filled) {
    color(with);
    cairo_fill_preserve(cairo);
    color(kWhite);
    cairo_set_line_width(cairo, kEdge);
  } else {
    color(with);
    cairo_set_line_width(cairo, symbol == "ring" ? 1.2 : kHollow);
  }
  cairo_stroke(cairo);
}

void Canvas::finish() {
  cairo_show_page(cairo_.get());
  if (const cairo_status_t status = cairo_status(cairo_.get()); status != CAIRO_STATUS_SUCCESS) {
    throw Error(ErrorKind::io, std::string("Cairo could not draw: ") + cairo_status_to_string(status));
  }
}

}  // namespace superpose::report
