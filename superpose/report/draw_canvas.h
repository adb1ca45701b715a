// SPDX-License-Identifier: Apache-2.0
// What the figures are drawn on: Cairo with units of points, colours and text whose superscripts are raised.
#pragma once
#include <cairo.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace superpose::report {

struct Color {
  double red = 0, green = 0, blue = 0, alpha = 1;
  Color faded(double share) const { return {red, green, blue, alpha * share}; }
};

inline constexpr Color kInk{0.1, 0.1, 0.1}, kSoft{0.35, 0.39, 0.43}, kFaint{0.82, 0.85, 0.88}, kWhite{1, 1, 1};

struct Box {  // points, y downwards
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

struct Spot {
  double x = 0, y = 0;
};

struct TextStyle {
  double size = 8;  // pt
  Color color = kInk;
  bool bold = false, italic = false;
};

struct Anchor {
  double across = 0;     // 0: the text begins here, 0.5: centred, 1: it ends here
  bool upright = false;  // read from below
};

struct Stroke {
  double width = 1;  // pt
  Color color = kInk;
  std::vector<double> dashes;  // pt on, off, ...; empty = solid
};

// A piece of text of one size and height.
struct TextRun {
  std::string text;
  double scale = 1, raise = 0;  // both in units of the text's size
};

// Unicode's super- and subscript characters, and what stands behind a ^, as raised and lowered runs of plain ones.
// Invalid UTF-8 and control characters become U+FFFD: Cairo refuses them.
std::vector<TextRun> text_runs(std::string_view text);

// "10⁻³" for -3.
std::string power_of_ten(int exponent);

class Canvas {
 public:
  // Draws on a surface of the caller; with nullptr it only measures.
  explicit Canvas(cairo_surface_t* surface = nullptr);

  double width(std::string_view text, const TextStyle& style);
  // y: the baseline (for text read from below: x).
  void text(Spot at, std::string_view text, const TextStyle& style, Anchor anchor = {});
  void line(const std::vector<Spot>& points, const Stroke& stroke);
  void clear(const Color& color);  // the whole page
  void fill(const Box& box, const Color& color);
  void outline(const Box& box, const Stroke& stroke);
  void polygon(const std::vector<Spot>& points, const Color& color);
  // Colours from the bottom to the top of the box, evenly spaced.
  void gradient(const Box& box, const std::vector<Color>& colors);
  // symbol: as in figure.h ("dot", "triangle", ..., "ring", "cross"). Filled with an edge, or hollow.
  void symbol(Spot at, std::string_view symbol, double radius, const Color& color, bool filled);

  const std::vector<std::string>& texts() const { return texts_; }  // all that was written, in order
  void finish();                                                    // Error{io} when Cairo failed

 private:
  struct Gone {
    void operator()(cairo_t* context) const { cairo_destroy(context); }
  };
  void choose(const TextStyle& style, double scale);
  void color(const Color& color);
  std::unique_ptr<cairo_t, Gone> cairo_;
  std::vector<std::string> texts_;
};

// The text in lines of at most `width` pt and `most` lines; the last is cut with "…" where it would be wider.
std::vector<std::string> wrapped(Canvas& canvas, std::string_view text, const TextStyle& style, double width,
                                 size_t most);

}  // namespace superpose::report
