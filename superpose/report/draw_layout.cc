// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw_layout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/report/draw.h"
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

constexpr double kPointsPerInch = 72;
constexpr double kStep = kPointsPerInch / 100;  // heights are whole hundredths of an inch, and so whole pixels
constexpr double kMargin = 3;                   // around the page
constexpr double kColumnGap = 9, kRowGap = 8, kLegendGap = 7;
constexpr double kLeastPlot = 86;  // pt of width that a panel of three columns must have
constexpr double kTickRoom = 5;    // the tick and the gap to its number
constexpr double kTextOver = 12;   // how much wider than its axis a title or label of the x axis may be
constexpr double kLabelOver = 22;  // how much longer than its axis a label of the y axis may be
constexpr double kColorBar = 52;   // the bar of a map with its numbers and label
constexpr double kRow = 22;        // of a figure of rows

struct Margins {
  double left = 0, right = 0, top = 0, bottom = 0;
};

class Grid {
 public:
  Grid(const Figure& figure, std::vector<const Panel*> panels, size_t columns, Canvas& canvas)
      : figure_(figure), panels_(std::move(panels)), columns_(columns), canvas_(canvas) {
    width_ = kPointsPerInch * (panels_.size() <= 1 ? kColumnInches : kTextInches);
    rows_ = (panels_.size() + columns_ - 1) / columns_;
    right_edge_ = width_ - kMargin - (figure.kind == "map" ? kColorBar : 0);
    plot_width_ = (right_edge_ - kMargin) / static_cast<double>(columns_) - 40;
    plans_.resize(panels_.size());
    for (int pass = 0; pass < 2; ++pass) {  // ticks and lines of text need the width, the width needs their room
      for (size_t i = 0; i < panels_.size(); ++i) plan(i);
      measure();
    }
  }
  double plot_width() const { return plot_width_; }
  Layout layout();

 private:
  bool same_grid(size_t i, size_t j) const { return map_grid(*panels_[i], true) == map_grid(*panels_[j], true); }
  double plot_height(const Panel& panel) const;
  void plan(size_t i);
  void plan_scales(PanelPlan& plan);
  void measure();
  void place_legend(Layout& out, double bottom);

  const Figure& figure_;
  std::vector<const Panel*> panels_;
  size_t columns_, rows_ = 0;
  Canvas& canvas_;
  double width_ = 0, right_edge_ = 0, plot_width_ = 0;
  std::vector<PanelPlan> plans_;
  std::vector<Margins> margins_;                              // of each panel
  std::vector<double> left_, right_, top_, bottom_, height_;  // of each column, each row
};

// Blanks labels so that none comes closer than `gap` to the next: every second, third, ... stays.
void thin(std::vector<Tick>& ticks, const Scale& scale, double gap, bool horizontal, Canvas& canvas) {
  std::vector<Tick*> labelled;
  for (Tick& tick : ticks) {
    if (!tick.label.empty()) labelled.push_back(&tick);
  }
  const auto half = [&](const Tick& tick) {
    return horizontal ? canvas.width(tick.label, kTickText) / 2 : 0.4 * kTickText.size;
  };
  for (size_t stride = 1; stride < labelled.size(); ++stride) {
    bool fits = true;
    for (size_t i = stride; fits && i < labelled.size(); i += stride) {
      const Tick &a = *labelled[i - stride], &b = *labelled[i];
      fits = std::abs(scale.at(b.value) - scale.at(a.value)) >= half(a) + half(b) + gap;
    }
    if (!fits && stride + 1 < labelled.size()) continue;
    for (size_t i = 0; i < labelled.size(); ++i) {
      if (i % stride != 0) labelled[i]->label.clear();
    }
    return;
  }
}

std::vector<Tick> grid_ticks(const std::vector<double>& grid) {
  std::vector<Tick> out;
  for (size_t i = 0; i < grid.size(); ++i) {
    const double two = std::round(grid[i] * 100) / 100;  // ninths of the paper's grid read well with two decimals
    out.push_back({static_cast<double>(i), number(std::abs(two - grid[i]) < 0.0046 ? two : grid[i], 4)});
  }
  return out;
}

// The domain of y, with room at the top for the labels of vertical lines.
Interval with_headroom(const Panel& panel, double height) {
  const Interval domain = domain_of(panel, true);
  const auto rules = std::count_if(panel.series.begin(), panel.series.end(),
                                   [](const Series& series) { return series.symbol == "rule"; });
  if (rules == 0 || panel.y.domain) return domain;
  const double share = std::min((static_cast<double>(rules) * kRuleLine + 2) / height, 0.35),
               more = share / (1 - share);
  if (panel.y.log) return {domain.first, domain.second * std::pow(domain.second / domain.first, more)};
  return {domain.first, domain.second + more * (domain.second - domain.first)};
}

double Grid::plot_height(const Panel& panel) const {
  if (figure_.kind == "rows") return kRow * static_cast<double>(std::clamp<size_t>(panel.series.size(), 1, 60)) + 4;
  if (figure_.kind != "map") return std::clamp(0.76 * plot_width_, 68.0, 150.0);
  const double columns = static_cast<double>(std::max<size_t>(map_grid(panel, false).size(), 1));
  const double rows = static_cast<double>(std::max<size_t>(map_grid(panel, true).size(), 1));
  return std::min(rows * std::clamp(0.75 * plot_width_ / columns, 9.0, 18.0), 560.0);
}

void Grid::plan_scales(PanelPlan& plan) {
  const Panel& panel = *plan.panel;
  const auto count = [](double length, double each) { return static_cast<size_t>(std::max(2.0, length / each)); };
  if (figure_.kind == "map") {
    const auto x = map_grid(panel, false), y = map_grid(panel, true);
    plan.x = {false, -0.5, static_cast<double>(std::max<size_t>(x.size(), 1)) - 0.5, 0, 0};
    plan.y = {false, -0.5, static_cast<double>(std::max<size_t>(y.size(), 1)) - 0.5, 0, 0};
    plan.x_ticks = grid_ticks(x), plan.y_ticks = grid_ticks(y);
  } else {
    Panel shown = panel;
    if (figure_.kind == "rows" && !shown.x.domain) shown.x.domain = Interval{0.1, 10};
    const Interval x = domain_of(shown, false), y = with_headroom(panel, plan.box.height);
    plan.x = {panel.x.log, x.first, x.second, 0, 0};
    plan.y = {panel.y.log, y.first, y.second, 0, 0};
    plan.x_ticks = ticks_of(panel.x, x, count(plan.box.width, 30));
    plan.y_ticks = figure_.kind == "rows" ? std::vector<Tick>{} : ticks_of(panel.y, y, count(plan.box.height, 20));
  }
  plan.x.from = 0, plan.x.to = plan.box.width;
  plan.y.from = plan.box.height, plan.y.to = 0;
  thin(plan.x_ticks, plan.x, 3.5, true, canvas_);
  thin(plan.y_ticks, plan.y, 1.5, false, canvas_);
}

void Grid::plan(size_t i) {
  const Panel& panel = *panels_[i];
  PanelPlan plan;
  plan.panel = &panel;
  plan.box = {0, 0, std::max(plot_width_, 20.0), plot_height(panel)};
  plan_scales(plan);
  plan.title = wrapped(canvas_, panel.title, kTitleText, plan.box.width + kTextOver, 2);
  const bool map = figure_.kind == "map", first = i % columns_ == 0;
  const bool last = i + columns_ >= panels_.size();
  const bool y_again = !first && panels_[i - 1]->y.label == panel.y.label;
  plan.y_numbers = !(map && y_again && same_grid(i, i - 1));
  if (!y_again && figure_.kind != "rows") {
    plan.y_label = wrapped(canvas_, panel.y.label, kLabelText, plan.box.height + kLabelOver, 2);
  }
  if (last || panels_[i + columns_]->x.label != panel.x.label) {
    plan.x_label = wrapped(canvas_, panel.x.label, kLabelText, plan.box.width + kTextOver, 2);
  }
  if (plan.y_numbers) {
    for (const Tick& tick : plan.y_ticks)
      plan.number_width = std::max(plan.number_width, canvas_.width(tick.label, kTickText));
  }
  plans_[i] = std::move(plan);
}

// The room around each panel, the same for all of a column or row, so that boxes are aligned.
void Grid::measure() {
  left_.assign(columns_, 0), right_.assign(columns_, 0);
  top_.assign(rows_, 0), bottom_.assign(rows_, 0), height_.assign(rows_, 0);
  for (size_t i = 0; i < plans_.size(); ++i) {
    const PanelPlan& plan = plans_[i];
    const size_t column = i % columns_, row = i / columns_;
    const double lines = static_cast<double>(plan.y_label.size()), label = kLabelText.size * kLineHeight;
    double left = plan.number_width + kTickRoom + (lines > 0 ? 5 + lines * label : 0);
    double right = 4, first = 0;  // the numbers of the x axis may stand out on both sides
    for (const Tick& tick : plan.x_ticks) {
      const double half = canvas_.width(tick.label, kTickText) / 2, x = plan.x.at(tick.value);
      first = std::max(first, half - x), right = std::max(right, x + half - plan.box.width);
    }
    left = std::max(left, first);
    if (figure_.kind == "rows") {
      for (const Series& series : plan.panel->series)
        right = std::max(right, 6 + canvas_.width(row_text(series), kRowText));
    } else if (figure_.kind != "map") {
      for (const EndLabel& end : end_labels(plan, canvas_))
        right = std::max(right, 6 + canvas_.width(end.text, kEndText));
    }
    left_[column] = std::max(left_[column], left), right_[column] = std::max(right_[column], right);
    const double title = static_cast<double>(plan.title.size()) * kTitleText.size * kLineHeight;
    top_[row] = std::max(top_[row], title > 0 ? title + 3 : 4);
    for (const std::string& line : plan.y_label)
      top_[row] = std::max(top_[row], (canvas_.width(line, kLabelText) - plan.box.height) / 2 + 1);
    const double below = kTickRoom + kTickText.size * 1.1 + static_cast<double>(plan.x_label.size()) * label + 1.5;
    bottom_[row] = std::max(bottom_[row], below);
    height_[row] = std::max(height_[row], plan.box.height);
  }
  const double around = std::accumulate(left_.begin(), left_.end(), 0.0) +
                        std::accumulate(right_.begin(), right_.end(), 0.0) +
                        kColumnGap * static_cast<double>(columns_ - 1);
  plot_width_ = std::max(20.0, (right_edge_ - kMargin - around) / static_cast<double>(columns_));
}

// In the free cells of the last row when it fits there, else below everything.
void Grid::place_legend(Layout& out, double bottom) {
  const size_t used = panels_.size() % columns_;
  if (used != 0 && figure_.kind != "map") {
    double x = kMargin;
    for (size_t c = 0; c < used; ++c) x += left_[c] + plot_width_ + right_[c] + kColumnGap;
    x += 8;
    const double top = plans_.back().box.y;
    out.legend = plan_legend(figure_, canvas_, right_edge_ - x);
    if (out.legend.width <= right_edge_ - x && top + out.legend.height <= bottom) {
      out.legend_at = {x, top};
      return;
    }
  }
  const double least = kMargin + (figure_.kind == "map" ? left_[0] : 0);
  out.legend = plan_legend(figure_, canvas_, width_ - kMargin - least);
  if (out.legend.empty()) return;
  out.legend_at = {std::max(least, (width_ - out.legend.width) / 2), bottom + kLegendGap};
  out.height = out.legend_at.y + out.legend.height + kMargin;
}

Layout Grid::layout() {
  Layout out;
  out.width = width_;
  double y = kMargin;
  for (size_t row = 0; row < rows_; ++row) {
    double x = kMargin;
    y += top_[row];
    for (size_t column = 0; column < columns_ && row * columns_ + column < plans_.size(); ++column) {
      PanelPlan& plan = plans_[row * columns_ + column];
      x += left_[column];
      plan.box = {x, y, plot_width_, height_[row]};
      plan_scales(plan);
      plan.x.from = plan.box.x, plan.x.to = plan.box.right();
      plan.y.from = plan.box.bottom(), plan.y.to = plan.box.y;
      x += plot_width_ + right_[column] + kColumnGap;
    }
    y += height_[row] + bottom_[row] + kRowGap;
  }
  const double bottom = y - kRowGap;
  out.height = bottom + kMargin;
  if (figure_.kind == "map") {
    const Box& first = plans_.front().box;
    out.color_bar = Box{right_edge_ + 8, first.y, 8, first.height};
  }
  place_legend(out, bottom);
  out.height = std::ceil(out.height / kStep) * kStep;
  out.panels = plans_;
  return out;
}

bool has_end_labels(const Panel& panel) {
  return std::any_of(panel.series.begin(), panel.series.end(),
                     [](const Series& series) { return !series.label.empty() && series.symbol != "rule"; });
}

}  // namespace

Layout lay_out(const Figure& figure, Canvas& canvas) {
  std::vector<const Panel*> panels;
  bool labelled = false;
  for (const Panel& panel : figure.panels) {
    if (panel.shown) panels.push_back(&panel), labelled |= has_end_labels(panel);
  }
  if (panels.empty()) return {kPointsPerInch * kColumnInches, kPointsPerInch, {}, {}, {}, {}};
  if (panels.size() == 1 || figure.kind == "rows") return Grid(figure, panels, 1, canvas).layout();
  const bool two = panels.size() == 2 || panels.size() == 4 || figure.kind == "map" || (labelled && panels.size() == 3);
  if (!two) {
    Grid three(figure, panels, 3, canvas);
    if (three.plot_width() >= kLeastPlot) return three.layout();
  }
  return Grid(figure, panels, 2, canvas).layout();
}

}  // namespace superpose::report
