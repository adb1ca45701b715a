// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw_legend.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "superpose/report/draw_palette.h"
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

constexpr TextStyle kText{7};
constexpr double kLine = 9.6, kSwatch = 15, kSwatchGap = 4, kGap = 10, kGroupGap = 3;  // pt
constexpr size_t kMostSteps = 8;  // of an ordered quantity before it is a strip
constexpr size_t kMostEntries = 60;

using Group = std::vector<LegendEntry>;

struct Entries {
  Group steps, named, roles;  // of γ, α, m; other keys; what filled and hollow mean
};

bool is_marked(const Series& series) { return series.symbol != "none" && series.symbol != "rule"; }

template <typename Visit>
void each_series(const Figure& figure, Visit visit) {
  for (const Panel& panel : figure.panels) {
    if (!panel.shown) continue;
    for (const Series& series : panel.series) {
      if (!series.points.empty()) visit(series);
    }
  }
}

// One entry per key; how it looks is taken from ours, else from the published one, else from what there is.
std::vector<LegendEntry> keyed(const Figure& figure) {
  std::vector<LegendEntry> out;
  const auto rank = [](Role role) { return role == Role::ours ? 0 : role == Role::published ? 1 : 2; };
  each_series(figure, [&](const Series& series) {
    if (series.key.empty() || series.diverged || (series.symbol == "rule" && !series.label.empty())) return;
    Series sample = series;
    sample.points.clear();
    const LegendEntry entry{series.key, sample, series.role != Role::published};
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& other) { return other.text == series.key; });
    if (same == out.end()) {
      if (out.size() < kMostEntries) out.push_back(entry);
    } else if (rank(series.role) < rank(same->sample.role)) {
      *same = entry;
    }
  });
  return out;
}

LegendEntry role_entry(const std::string& text, Role role, const char* symbol, bool line) {
  Series sample;
  sample.role = role, sample.hue = {"ink", 1, 2}, sample.symbol = symbol, sample.line = line;
  return {text, sample, role != Role::published};
}

// What filled and hollow symbols, solid lines and crosses are.
std::vector<LegendEntry> roles(const Figure& figure) {
  bool ours = false, published = false, fit = false, diverged = false;
  each_series(figure, [&](const Series& series) {
    diverged |= series.diverged;
    ours |= series.role == Role::ours && is_marked(series) && !series.diverged;
    published |= series.role == Role::published && is_marked(series);
    if (series.role != Role::fit) return;
    each_series(figure, [&](const Series& other) { fit |= other.role == Role::ours && other.key == series.key; });
  });
  std::vector<LegendEntry> out;
  if (ours && (published || figure.recorded > 0))
    out.push_back(role_entry("filled: " + ours_text(figure), Role::ours, "dot", false));
  if (published) out.push_back(role_entry("hollow: published", Role::published, "dot", false));
  if (fit) out.push_back(role_entry("fit", Role::fit, "none", true));
  if (diverged) out.push_back(role_entry("diverged", Role::ours, "cross", false));
  return out;
}

std::vector<LegendEntry> map_entries(const Figure& figure) {
  bool crosses = false;
  each_series(figure, [&](const Series& series) {
    for (const Point& point : series.points) crosses |= !point.z || !std::isfinite(*point.z);
  });
  if (!crosses) return {};
  return {role_entry("diverged", Role::ours, "cross", false)};
}

Entries entries_of(const Figure& figure) {
  Entries out;
  if (figure.kind == "rows") return out;
  if (figure.kind == "map") return {{}, {}, map_entries(figure)};
  for (LegendEntry& entry : keyed(figure)) {
    const std::string& palette = entry.sample.hue.palette;
    const bool step = (palette == "neg" || palette == "pos" || palette == "seq") && entry.sample.role != Role::theory;
    (step ? out.steps : out.named).push_back(std::move(entry));
  }
  // Steps in the order of their quantity, whichever panel or role came first.
  std::stable_sort(out.steps.begin(), out.steps.end(), [](const LegendEntry& a, const LegendEntry& b) {
    const Hue &x = a.sample.hue, &y = b.sample.hue;
    return std::pair(x.palette, x.index) < std::pair(y.palette, y.index);
  });
  out.roles = roles(figure);
  return out;
}

// "α = 0.5" for all entries of an ordered quantity: a strip named α.
std::optional<ColorStrip> strip_of(const std::vector<LegendEntry>& entries, Canvas& canvas, double width) {
  if (entries.size() <= kMostSteps) return {};
  ColorStrip out;
  for (const LegendEntry& entry : entries) {
    const size_t at = entry.text.find(" = ");
    if (entry.sample.hue.palette != "seq" || at == std::string::npos) return {};
    if (!out.name.empty() && entry.text.substr(0, at) != out.name) return {};
    out.name = entry.text.substr(0, at);
    out.colors.push_back(color_of(entry.sample.hue));
    out.values.push_back(entry.text.substr(at + 3));
  }
  const double name = canvas.width(out.name, kText) + 6;
  const double last = canvas.width(out.values.back(), kText) / 2;
  const double room = width - name - last;
  out.box = {name, 1, std::min(room, 12.0 * static_cast<double>(entries.size())), 7};
  return out;
}

double entry_width(const LegendEntry& entry, Canvas& canvas) {
  return kSwatch + kSwatchGap + canvas.width(entry.text, kText);
}

// Entries in columns of equal width, filled downwards, on lines of their own.
void flow(const Group& group, double column, double width, Legend& legend) {
  if (group.empty()) return;
  const size_t most = std::max<size_t>(1, static_cast<size_t>((width + kGap) / (column + kGap)));
  const size_t rows = (group.size() + most - 1) / most;
  for (size_t i = 0; i < group.size(); ++i) {
    const double x = static_cast<double>(i / rows) * (column + kGap);
    legend.items.push_back({group[i], {x, legend.height + (static_cast<double>(i % rows) + 0.5) * kLine}});
  }
  const size_t columns = (group.size() + rows - 1) / rows;
  legend.width = std::max(legend.width, static_cast<double>(columns) * (column + kGap) - kGap);
  legend.height += static_cast<double>(rows) * kLine;
}

// The steps of γ: below and above 0 on lines of their own, in the same columns, unless one line holds
// all or only two columns fit.
void flow_steps(const Group& steps, double column, double width, Legend& legend) {
  const auto positive = std::find_if(steps.begin(), steps.end(),
                                     [](const LegendEntry& entry) { return entry.sample.hue.palette == "pos"; });
  const size_t most = static_cast<size_t>((width + kGap) / (column + kGap));
  if (most < 3 || most >= steps.size() || positive == steps.begin() || positive == steps.end()) {
    return flow(steps, column, width, legend);
  }
  flow({steps.begin(), positive}, column, width, legend);
  flow({positive, steps.end()}, column, width, legend);
}

void paint_strip(const ColorStrip& strip, Spot at, Canvas& canvas) {
  const Box box{at.x + strip.box.x, at.y + strip.box.y, strip.box.width, strip.box.height};
  canvas.text({at.x, box.y + box.height - 1}, strip.name, kText);
  const double step = box.width / static_cast<double>(strip.colors.size());
  double free_from = -1e9;
  for (size_t i = 0; i < strip.colors.size(); ++i) {
    const double x = box.x + step * static_cast<double>(i);
    canvas.fill({x, box.y, box.right() - x, box.height}, strip.colors[i]);  // no seams
    const double half = canvas.width(strip.values[i], kText) / 2;
    const double last = box.right() - step / 2 - canvas.width(strip.values.back(), kText) / 2;
    const bool is_last = i + 1 == strip.colors.size();
    if (x + step / 2 - half < free_from || (!is_last && x + step / 2 + half + 3 > last)) continue;
    canvas.text({x + step / 2, box.bottom() + 7.5}, strip.values[i], kText, {0.5});
    free_from = x + step / 2 + half + 3;
  }
  canvas.outline(box, {0.5, kInk, {}});
}

// One step of the series in a box of kSwatch: line, band, symbol as in the panel.
void paint_swatch(const LegendEntry& entry, Spot at, Canvas& canvas) {
  const Series& series = entry.sample;
  const Color color = color_of(series.hue);
  const double middle = at.x + kSwatch / 2;
  if (series.symbol == "shade" || series.symbol == "bars") {
    canvas.fill({at.x + 2, at.y - 3, kSwatch - 4, 6}, color.faded(series.symbol == "bars" ? 0.75 : 0.12));
    return;
  }
  if (series.symbol == "rule") {
    canvas.line({{middle, at.y - 4}, {middle, at.y + 4}}, {1, color, {3, 2}});
    return;
  }
  if (series.band && series.line) {
    canvas.fill({at.x, at.y - 3, kSwatch, 6}, color.faded(kBandShare));
  } else if (series.band) {
    canvas.fill({middle - kBandWidth / 2, at.y - 4, kBandWidth, 8}, color.faded(kBandBarShare));
  }
  if (series.line) {
    canvas.line({{at.x, at.y}, {at.x + kSwatch, at.y}}, {line_width(series), color, dashes_of(series)});
  }
  if (series.symbol != "none") {
    const double radius = entry.filled ? 2.2 : 2.5;
    canvas.symbol({middle, at.y}, series.symbol, radius, color, entry.filled && series.symbol != "ring");
  }
}

}  // namespace

std::string ours_text(const Figure& figure) {
  if (figure.recorded == 0) return "measured here";
  return figure.runs.empty() ? "recorded runs" : "measured here, and recorded runs";
}

Legend plan_legend(const Figure& figure, Canvas& canvas, double width) {
  Legend out;
  Entries entries = entries_of(figure);
  const auto widest = [&](Group& group) {
    double column = 0;
    for (LegendEntry& entry : group) {
      entry.text = wrapped(canvas, entry.text, kText, std::max(width - kSwatch - kSwatchGap, 1.0), 1).front();
      column = std::max(column, entry_width(entry, canvas));
    }
    return column;
  };
  if (auto strip = strip_of(entries.steps, canvas, width)) {
    out.height = strip->box.bottom() + 10;
    out.width = strip->box.right() + canvas.width(strip->values.back(), kText) / 2;
    out.strips.push_back(std::move(*strip));
  } else {
    flow_steps(entries.steps, widest(entries.steps), width, out);
  }
  for (Group* const group : {&entries.named, &entries.roles}) {
    if (!out.empty() && !group->empty()) out.height += kGroupGap;
    flow(*group, widest(*group), width, out);
  }
  return out;
}

void paint(const Legend& legend, Spot at, Canvas& canvas) {
  for (const ColorStrip& strip : legend.strips) paint_strip(strip, at, canvas);
  for (const LegendItem& item : legend.items) {
    paint_swatch(item.entry, {at.x + item.at.x, at.y + item.at.y}, canvas);
    canvas.text({at.x + item.at.x + kSwatch + kSwatchGap, at.y + item.at.y + 2.5}, item.entry.text, kText);
  }
}

}  // namespace superpose::report
