// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "superpose/base/error.h"
#include "superpose/report/draw_axis.h"
#include "superpose/report/draw_canvas.h"
#include "superpose/report/draw_layout.h"
#include "superpose/report/draw_panels.h"
#include "superpose/report/figure_csv.h"
#include "superpose/report/figure_files.h"

namespace superpose::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

Point at(double x, std::optional<double> y) { return {x, y, {}, {}, "", {}, {}}; }

Series series(const std::string& key, Role role, std::vector<Point> points) {
  Series out;
  out.key = key, out.role = role, out.points = std::move(points);
  return out;
}

Panel panel_of(std::vector<Series> all, bool log = true) {
  Panel out;
  out.title = "data exponent α = 1";
  out.x = {"width m", log, {}, {}}, out.y = {"loss", log, {}, {}};
  out.series = std::move(all);
  return out;
}

// A panel with everything that figure.h can say.
Figure everything() {
  Figure figure;
  figure.id = "everything", figure.title = "All of it";
  Series ours = series("γ = −0.56", Role::ours, {at(10, 1), at(100, 0.1), at(1000, 0.01)});
  ours.hue = {"neg", 2, 5}, ours.line = true, ours.points[1].interval = Interval{0.05, 0.2};
  Series published = series("γ = −0.56", Role::published, {at(10, 1.1), at(100, 0.12)});
  published.hue = ours.hue;
  Series fit = series("γ = −0.56", Role::fit, {at(10, 1), at(1000, 0.01)});
  fit.symbol = "none", fit.line = true, fit.band = true, fit.label = "αₘ 1.00", fit.hue = ours.hue;
  for (Point& point : fit.points) point.interval = Interval{*point.y / 2, *point.y * 2};
  Series theory = series("random, 1/m", Role::theory, {at(10, 0.1), at(1000, 0.001)});
  theory.symbol = "none", theory.line = true, theory.label = "1/m";
  Series diverged = series("γ = 1", Role::ours, {at(10, {}), at(100, {})});
  diverged.diverged = true;
  std::vector<Series> all{ours, published, fit, theory, diverged};
  for (const char* symbol : {"triangle", "square", "diamond", "star", "bars", "rule", "shade", "ring"}) {
    Series one = series(std::string("a ") + symbol, Role::ours, {at(30, 0.03)});
    one.symbol = symbol, one.points[0].x2 = 60, one.hue = {"cat", 1, 5};
    all.push_back(one);
  }
  figure.panels = {panel_of(all)};
  return figure;
}

Figure map_figure() {
  Figure figure;
  figure.id = "map", figure.kind = "map", figure.color_label = "exponent";
  Series cells = series("ours", Role::ours, {});
  for (const double x : {-1.0, -0.55556, 1.0}) {
    for (const double y : {0.0, 0.125}) cells.points.push_back({x, y, {}, {}, "", x * y + 0.5, {}});
  }
  cells.points.back().z = std::nullopt;
  figure.panels = {panel_of({cells}, false), panel_of({cells}, false)};
  return figure;
}

Figure rows_figure() {
  Figure figure;
  figure.id = "rows", figure.kind = "rows";
  Series row = series("centred", Role::ours, {at(1.7, 0)});
  row.points[0].interval = Interval{1.2, 2};
  figure.panels = {panel_of({row, series("columns shuffled", Role::ours, {at(0.9, 0)})})};
  return figure;
}

// A strict enough reader: tags nest and close, attributes are quoted, & only in entities. Returns what is wrong.
std::string ill_formed(const std::string& xml) {
  std::vector<std::string> open;
  const std::regex tag(R"(^<(/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(/?)>)");
  for (size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      static const std::regex entity("^&(amp|lt|gt|quot|#[0-9]+);");
      if (!std::regex_search(xml.substr(at, 12), entity)) return "a bare & at " + std::to_string(at);
    }
    if (xml[at] == '>') return "a bare > at " + std::to_string(at);
    if (xml[at] != '<') {
      ++at;
      continue;
    }
    if (xml.compare(at, 2, "<?") == 0) {
      at = xml.find("?>", at) + 2;
      continue;
    }
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return "an open tag";
    const std::string text = xml.substr(at, end + 1 - at);
    std::smatch match;
    if (!std::regex_match(text, match, tag)) return "no tag: " + text.substr(0, 80);
    if (match[1] == "/") {
      if (open.empty() || open.back() != match[2]) return "closes what is not open: " + text;
      open.pop_back();
    } else if (match[4] != "/") {
      open.push_back(match[2]);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

// The numbers of all paths that are drawn on the page itself (glyphs have their own coordinates), transforms applied.
std::vector<Spot> drawn_spots(const std::string& svg) {
  std::vector<Spot> out;
  const std::string body = svg.substr(svg.find("</defs>") == std::string::npos ? 0 : svg.find("</defs>"));
  const std::regex path(R"re(<path [^>]*?\bd="([^"]*)"[^>]*>)re"), pair(R"((-?[\d.]+) (-?[\d.]+))");
  for (std::sregex_iterator it(body.begin(), body.end(), path), end; it != end; ++it) {
    const std::string shape = (*it)[1], whole = (*it)[0];
    double scale_y = 1, move_y = 0;
    if (std::smatch m; std::regex_search(whole, m, std::regex(R"(matrix\(1,0,0,(-?[\d.]+),0,(-?[\d.]+)\))")))
      scale_y = std::stod(m[1]), move_y = std::stod(m[2]);
    for (std::sregex_iterator p(shape.begin(), shape.end(), pair); p != end; ++p)
      out.push_back({std::stod((*p)[1]), std::stod((*p)[2]) * scale_y + move_y});
  }
  const std::regex use(R"re(<use [^>]*x="(-?[\d.]+)" y="(-?[\d.]+)")re");
  for (std::sregex_iterator it(body.begin(), body.end(), use), end; it != end; ++it)
    out.push_back({std::stod((*it)[1]), std::stod((*it)[2])});
  return out;
}

void expect_inside_the_page(const std::string& svg, const std::string& what) {
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, std::regex(R"re(viewBox="0 0 ([\d.]+) ([\d.]+)")re"))) << what;
  const double width = std::stod(size[1]), height = std::stod(size[2]);
  for (const Spot& spot : drawn_spots(svg)) {
    EXPECT_TRUE(spot.x >= -1e-6 && spot.x <= width && spot.y >= -1e-6 && spot.y <= height)
        << what << ": (" << spot.x << ", " << spot.y << ") of " << width << " x " << height;
  }
}

double png_side(const std::string& png, size_t at) {
  double out = 0;
  for (size_t i = 0; i < 4; ++i) out = out * 256 + static_cast<unsigned char>(png[at + i]);
  return out;
}

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& tick : ticks) {
    if (!tick.label.empty()) out.push_back(tick.label);
  }
  return out;
}

TEST(Draw, same_figure_same_bytes_in_every_format) {
  for (const Figure& figure : {everything(), map_figure(), rows_figure()}) {
    for (const Picture picture : {Picture::svg, Picture::pdf, Picture::png}) {
      const std::string first = draw(figure, picture);
      EXPECT_EQ(first, draw(figure, picture)) << figure.id;
      EXPECT_NE(first, draw(Figure{}, picture)) << figure.id;
    }
  }
}

TEST(Draw, svg_is_well_formed_stays_on_its_page_and_says_its_texts) {
  for (const Figure& figure : {everything(), map_figure(), rows_figure(), Figure{}}) {
    const std::string svg = draw(figure, Picture::svg);
    EXPECT_EQ(ill_formed(svg), "") << figure.id;
    expect_inside_the_page(svg, figure.id);
  }
  const std::string svg = draw(everything(), Picture::svg);
  EXPECT_GT(drawn_spots(svg).size(), 100u);
  for (const char* text : {"<title>All of it</title>", "10−2", "\n103\n", "width m", "\nloss\n", "αm 1.00", "γ = −0.56",
                           "random, 1/m", "hollow: published", "filled: measured here", "diverged", "a star"}) {
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  }
}

TEST(Draw, sizes_are_those_of_a_column_and_of_the_text) {
  Figure one = everything(), two = one;
  two.panels.push_back(two.panels[0]);
  for (const auto& [figure, inches] : {std::pair(one, kColumnInches), std::pair(two, kTextInches)}) {
    const std::string png = draw(figure, Picture::png);
    EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
    EXPECT_EQ(png_side(png, 16), inches * kPictureDpi);
    EXPECT_EQ(png.substr(37, 4), "pHYs");
    EXPECT_EQ(png_side(png, 41), 11811);  // per metre: 300 dpi
    Canvas canvas;
    const Layout layout = lay_out(figure, canvas);
    EXPECT_EQ(layout.width, inches * 72);
    EXPECT_NEAR(png_side(png, 20), layout.height / 72 * kPictureDpi, 1e-6);
  }
}

TEST(Draw, hidden_panels_are_left_out_and_dozens_find_their_place) {
  Figure figure = everything();
  figure.panels.resize(40, figure.panels[0]);
  for (size_t i = 0; i < 40; ++i) figure.panels[i].title = fmt::format("panel {}", i);
  figure.panels[7].shown = false;
  Canvas canvas;
  const Layout layout = lay_out(figure, canvas);
  ASSERT_EQ(layout.panels.size(), 39u);
  for (size_t i = 0; i < layout.panels.size(); ++i) {
    const Box& a = layout.panels[i].box;
    EXPECT_NE(layout.panels[i].panel->title, "panel 7");
    EXPECT_GT(a.width, 50);
    for (size_t j = 0; j < i; ++j) {
      const Box& b = layout.panels[j].box;
      EXPECT_TRUE(a.x >= b.right() || b.x >= a.right() || a.y >= b.bottom() || b.y >= a.bottom()) << i << " " << j;
    }
  }
  expect_inside_the_page(draw(figure, Picture::svg), "40 panels");
}

TEST(Draw, published_symbols_are_hollow_and_ours_are_filled) {
  const auto fills = [](Role role) {
    Figure figure;
    Series one = series("", role, {at(1, 1)});
    one.hue = {"cat", 0, 5};
    figure.panels = {panel_of({one}, false)};
    const std::string svg = draw(figure, Picture::svg);
    return svg.find("fill:rgb(0%,44.705882%,69.803922%)") != std::string::npos ||
           svg.find("fill=\"rgb(0%, 44.705882%, 69.803922%)\"") != std::string::npos;
  };
  EXPECT_TRUE(fills(Role::ours));
  EXPECT_FALSE(fills(Role::published));
}

TEST(Draw, hostile_text_and_numbers_do_no_harm) {
  Figure figure = everything();
  const std::string evil = "<script>alert(1)</script>&\"'\x01\xff\xed\xa0\x80\xef\xbf\xbe]]>" + std::string(5000, 'W');
  figure.title = evil, figure.color_label = evil;
  figure.panels[0].title = evil, figure.panels[0].x.label = evil, figure.panels[0].y.label = evil;
  for (Series& one : figure.panels[0].series) {
    one.key += evil, one.label = evil;
    for (const double bad : {kNan, kInf, -kInf, 1e308, -1e308, 5e-324, 0.0, -1.0}) {
      Point both = at(bad, bad);
      both.interval = Interval{bad, bad}, both.z = bad, both.x2 = bad;
      one.points.push_back(both);
      one.points.push_back(at(10, bad));
      one.points.push_back(at(bad, 10));
      one.points.push_back(at(50, 0.5));
      one.points.back().interval = Interval{-kInf, bad};
    }
  }
  figure.panels[0].x.ticks = {kNan, 1, kInf, -5, 10, 1e308}, figure.panels[0].y.domain = Interval{kNan, 3};
  for (const char* kind : {"xy", "map", "rows", "unknown"}) {
    for (const bool log : {true, false}) {
      figure.kind = kind, figure.panels[0].x.log = figure.panels[0].y.log = log;
      figure.color_domain = Interval{kInf, -kInf};
      const std::string svg = draw(figure, Picture::svg);
      EXPECT_EQ(ill_formed(svg), "") << kind << log;
      EXPECT_EQ(svg.find("<script"), std::string::npos);
      EXPECT_EQ(svg.find("nan"), std::string::npos) << kind << log;
      expect_inside_the_page(svg, fmt::format("{} {}", kind, log));
      EXPECT_EQ(draw(figure, Picture::pdf).substr(0, 5), "%PDF-");
    }
  }
}

TEST(Draw, nothing_one_point_and_no_finite_point_are_drawn) {
  for (const std::vector<Point>& points : {std::vector<Point>{}, {at(3, 4)}, {at(kNan, kInf), at(1, {})}}) {
    for (const char* kind : {"xy", "map", "rows"}) {
      for (const bool log : {true, false}) {
        Figure figure;
        figure.kind = kind, figure.panels = {panel_of({series("key", Role::ours, points)}, log)};
        const std::string svg = draw(figure, Picture::svg);
        EXPECT_EQ(ill_formed(svg), "");
        expect_inside_the_page(svg, kind);
      }
    }
  }
  EXPECT_NE(draw(Figure{}, Picture::svg).find("nothing to draw"), std::string::npos);
}

TEST(DrawAxis, powers_of_ten_have_real_superscripts_and_minor_ticks_between) {
  const auto ticks = ticks_of({"", true, {}, {}}, {0.05, 200}, 6);
  EXPECT_EQ(labels(ticks), (std::vector<std::string>{"10⁻¹", "10⁰", "10¹", "10²"}));
  ASSERT_EQ(ticks.front().value, 0.05);
  ASSERT_EQ(ticks.back().value, 200);
  EXPECT_EQ(ticks.size(), 5 + 9 + 9 + 9 + 2u);  // .05 ... .09, three whole decades, 100 and 200
  const Scale scale{true, 0.05, 200, 0, 100};
  EXPECT_NEAR(scale.at(1), 100 * std::log(20) / std::log(4000), 1e-9);
  const auto runs = text_runs("10⁻²");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].text, "−2");
  EXPECT_GT(runs[1].raise, 0.2);
  EXPECT_LT(runs[1].scale, 0.8);
  EXPECT_LT(text_runs("αₘ")[1].raise, 0);
}

TEST(DrawAxis, ticks_for_every_range) {
  using Texts = std::vector<std::string>;
  const Axis log{"", true, {}, {}}, even{"", false, {}, {}};
  EXPECT_EQ(labels(ticks_of(log, {0.15, 0.9}, 6)), (Texts{"0.2", "0.5"}));
  EXPECT_EQ(labels(ticks_of(log, {1e-8, 3}, 5)), (Texts{"10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"}));
  EXPECT_EQ(labels(ticks_of(log, {1.01, 1.04}, 4)), (Texts{"1.01", "1.02", "1.03", "1.04"}));
  EXPECT_EQ(labels(ticks_of(even, {-1, 1}, 5)), (Texts{"−1.0", "−0.5", "0", "0.5", "1.0"}));
  EXPECT_EQ(labels(ticks_of(even, {0, 40000}, 5)),
            (Texts{"0", "10\u202f000", "20\u202f000", "30\u202f000", "40\u202f000"}));
  EXPECT_EQ(labels(ticks_of(even, {0, 2e-5}, 2)), (Texts{"0", "10⁻⁵", "2×10⁻⁵"}));
  EXPECT_EQ(labels(ticks_of({"", true, {10, 15, 25, 1000}, {}}, {9, 110}, 5)), (Texts{"10", "15", "25"}));
}

TEST(DrawAxis, domains_are_never_inverted_or_empty) {
  Panel panel = panel_of({series("", Role::ours, {at(5, 3)})});
  for (const bool log : {true, false}) {
    for (const auto& given : {std::optional<Interval>{}, {{3, 1}}, {{kNan, 1}}, {{-1, 10}}, {{2, 2}}}) {
      panel.y = {"", log, {}, given};
      const Interval domain = domain_of(panel, true);
      EXPECT_LT(domain.first, domain.second);
      EXPECT_TRUE(!log || domain.first > 0);
    }
  }
  panel.y = {"", true, {}, {}};
  panel.series[0].points[0].interval = Interval{1e-30, 1e30};  // one huge interval flattens nothing
  EXPECT_GT(domain_of(panel, true).first, 1);
  EXPECT_LT(domain_of(panel, true).second, 8);
}

TEST(DrawPanels, end_labels_stay_in_order_and_apart) {
  std::vector<Series> all;
  for (int i = 0; i < 9; ++i) {
    Series one = series("", Role::fit, {at(1, 1), at(2, 1 + 1e-3 * i)});
    one.label = fmt::format("label {}", i);
    all.push_back(one);
  }
  all.push_back(series("", Role::ours, {at(1, 0.1), at(2, 10)}));
  Figure figure;
  figure.panels = {panel_of(all)};
  Canvas canvas;
  const Layout layout = lay_out(figure, canvas);
  const auto placed = end_labels(layout.panels[0], canvas);
  ASSERT_EQ(placed.size(), 9u);
  for (size_t i = 0; i < placed.size(); ++i) {
    EXPECT_EQ(placed[i].text, fmt::format("label {}", 8 - i));  // the highest first
    EXPECT_GE(placed[i].at, i == 0 ? 0 : placed[i - 1].at + 8);
    EXPECT_LE(placed[i].at, layout.panels[0].box.bottom() + 1e-9);
    EXPECT_LT(layout.panels[0].box.right() + canvas.width(placed[i].text, kEndText), layout.width);
  }
}

TEST(DrawText, wrapping_keeps_the_words_and_cuts_what_has_no_room) {
  Canvas canvas;
  const TextStyle style{8};
  const auto lines = wrapped(canvas, "mean square overlap × m", style, 90, 2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0] + " " + lines[1], "mean square overlap × m");
  EXPECT_GT(lines[1].size(), 8u) << "no orphan";
  const auto cut = wrapped(canvas, std::string(300, 'x'), style, 60, 1);
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_TRUE(cut[0].ends_with("…"));
  EXPECT_LE(canvas.width(cut[0], style), 60);
  EXPECT_TRUE(wrapped(canvas, "", style, 60, 2).empty());
  EXPECT_EQ(wrapped(canvas, "words", style, 0, 1).size(), 1u);
}

TEST(FigureFiles, formats_are_a_list_of_known_names) {
  EXPECT_EQ(figure_formats("svg,pdf,svg"), (std::vector<std::string>{"svg", "pdf"}));
  for (const char* wrong : {"", "eps", "svg,", "SVG", "svg pdf"}) {
    try {
      figure_formats(wrong);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find("svg, pdf, png, csv"), std::string::npos);
    }
  }
}

TEST(FigureFiles, csv_quotes_text_and_leaves_out_what_is_not_finite) {
  Figure figure;
  Series one = series("=1+1, \"x\"", Role::published, {{0.1, kInf, Interval{0.5, kNan}, {1, 2, 4}, "a\nb", {}, 3}});
  figure.panels = {panel_of({one})};
  figure.panels[0].shown = false;
  EXPECT_EQ(figure_csv(figure),
            "panel,series,role,x,x2,y,z,lo,hi,alpha_or_law,decay,dim,density,seed,runs,note\r\n"
            "data exponent α = 1,\"'=1+1, \"\"x\"\"\",published,0.1,3,,,0.5,,,,,,,\"1–2, 4\",\"a\nb\"\r\n");
}

}  // namespace
}  // namespace superpose::report
