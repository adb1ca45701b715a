// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figures_inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "superpose/report/cells.h"

namespace superpose::report {
namespace {

constexpr size_t kMostBins = 4096;

struct Histogram {
  std::vector<double> edges, counts;
  double total = 0;
};

std::optional<Histogram> histogram_of(const Json& value) {
  Histogram out{finite_numbers(member(value, "edges")), finite_numbers(member(value, "counts")), 0};
  const bool fits = !out.counts.empty() && out.counts.size() <= kMostBins &&
                    out.edges.size() == out.counts.size() + 1 && std::is_sorted(out.edges.begin(), out.edges.end()) &&
                    *std::min_element(out.counts.begin(), out.counts.end()) >= 0;
  if (!fits || !(out.edges.back() > out.edges.front())) return {};
  out.total = std::accumulate(out.counts.begin(), out.counts.end(), 0.0);
  return out.total > 0 && std::isfinite(out.total) ? std::optional(out) : std::nullopt;
}

Figure xy_figure(const std::string& id, std::string title, std::string caption) {
  Figure out;
  out.id = id, out.title = std::move(title), out.caption = std::move(caption);
  return out;
}

// A vertical line with a label.
Series rule(std::string key, double x, Hue hue = {}) {
  Series out{key, Role::theory, std::move(hue), key, "rule", false, false, false, {}};
  Point point;
  point.x = x;
  out.points.push_back(point);
  return out;
}

Series bars(std::string key, Hue hue) {
  return {std::move(key), Role::ours, std::move(hue), "", "bars", false, false, false, {}};
}

Point bar(double begin, double end, double y, std::string note) {
  Point out;
  out.x = begin, out.x2 = end, out.y = y, out.note = std::move(note);
  return out;
}

// Where the bins hold all but a share of the total.
double upper_edge(const Histogram& histogram, double share) {
  double rest = histogram.total;
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    rest -= histogram.counts[i];
    if (rest <= share * histogram.total) return histogram.edges[i + 1];
  }
  return histogram.edges.back();
}

std::string percent(double share) {
  if (share > 0 && share < 0.0005) return "under 0.05 %";
  return fmt::format("{:.{}f} %", 100 * share, share < 0.0995 ? 1 : 0);
}

// Measured bars and the random density on one panel; log shows the tail.
Panel overlap_panel(const Histogram& histogram, double m, bool log) {
  Panel panel;
  panel.title = log ? "the tail, on a log scale" : "where most pairs are";
  panel.x = {"|cos| of two rows", false, {}, {}};
  panel.y = {"density", log, {}, {}};
  double reach = std::max(upper_edge(histogram, 2e-3), std::min(4.5 / std::sqrt(m), histogram.edges.back()));
  double least = 0;
  if (log) {
    double width = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i)
      width = std::max(width, histogram.edges[i + 1] - histogram.edges[i]);
    least = 0.5 / (histogram.total * width);
    reach = std::max(reach, upper_edge(histogram, 0));
    panel.y.domain = Interval{least, least};
  }
  reach = std::min(reach, histogram.edges.back());
  panel.x.domain = Interval{0, reach};
  Series measured = bars("pairs of rows of this matrix", {"cat", 0, 5});
  double most = 0;
  for (size_t i = 0; i < histogram.counts.size() && histogram.edges[i] < reach; ++i) {
    const double width = histogram.edges[i + 1] - histogram.edges[i];
    if (histogram.counts[i] <= 0 || !(width > 0)) continue;
    const double density = histogram.counts[i] / histogram.total / width;
    most = std::max(most, density);
    measured.points.push_back(bar(histogram.edges[i], std::min(histogram.edges[i + 1], reach), density,
                                  percent(histogram.counts[i] / histogram.total) + " of the pairs"));
  }
  panel.series.push_back(measured);
  if (m >= 3) {
    Series theory{"random directions", Role::theory, {"cat", 1, 5}, "", "none", true, false, false, {}};
    constexpr int kSteps = 160;
    for (int k = 0; k <= kSteps; ++k) {
      Point point;
      point.x = reach * k / kSteps;
      const double density = random_overlap_density(point.x, m);
      if (!(density > least)) break;
      most = std::max(most, density);
      point.y = density;
      theory.points.push_back(point);
    }
    panel.series.push_back(theory);
  }
  if (log) panel.y.domain = Interval{least, 2 * most};
  return panel;
}

Hue baseline_hue(Baseline::Kind kind) {
  switch (kind) {
    case Baseline::Kind::itself:
      return {"cat", 0, 5};
    case Baseline::Kind::changed:
      return {"cat", 1, 5};
    case Baseline::Kind::subset:
      return {"cat", 2, 5};
    case Baseline::Kind::reference:
      break;
  }
  return {"cat", 4, 5};
}

void add_baseline(std::vector<Baseline>& out, std::string name, const std::optional<double>& mean_square, double m,
                  Baseline::Kind kind, std::string meaning) {
  if (mean_square) out.push_back({std::move(name), std::move(meaning), kind, *mean_square * m, {}});
}

void add_frequency(const Json& frequency, double m, std::vector<Baseline>& out) {
  using Kind = Baseline::Kind;
  const auto part = [&](const Json& value, const std::string& name, const std::string& which) {
    add_baseline(out, name, field(value, "mean_square"), m, Kind::subset,
                 "only " + which + ", everything else ignored");
    add_baseline(out, name + ", centred", field(value, "mean_square_centered"), m, Kind::subset,
                 "the same rows with their own mean row removed");
  };
  part(member(frequency, "seen"), "rows of seen tokens", "the rows whose tokens occur in the table of counts");
  part(member(frequency, "unseen"), "rows of unseen tokens",
       "the rows whose tokens never occur in the table of counts");
}

}  // namespace

double random_overlap_density(double c, double m) {
  const double log_scale = std::lgamma(m / 2) - std::lgamma((m - 1) / 2) + std::log(2 / std::sqrt(std::numbers::pi));
  const double rest = 1 - c * c;
  if (rest <= 0) return m > 3 ? 0 : m == 3 ? std::exp(log_scale) : HUGE_VAL;
  return std::exp(log_scale + (m - 3) / 2 * std::log(rest));
}

std::vector<Baseline> baselines_of(const Json& matrix) {
  using Kind = Baseline::Kind;
  std::vector<Baseline> out, references;
  const double m = field(matrix, "m").value_or(0);
  if (!(m > 0)) return out;
  bool itself = false, centred = false, random = false, welch = false;
  const Json& list = member(member(matrix, "baselines"), "list");
  for (const Json& one : list.is_array() ? list : Json::array()) {
    Baseline row{text_field(one, "name"), text_field(one, "meaning"), Kind::changed, 0, {}};
    auto value = field(one, "times_m");
    if (const auto plain = field(one, "mean_square"); !value && plain) value = *plain * m;
    if (!value || row.name.empty()) continue;
    row.times_m = *value;
    if (const auto se = field(one, "se"); se && *se > 0) row.se = *se * m;
    itself |= row.name == "all rows";
    random |= row.name.starts_with("random"), welch |= row.name.starts_with("Welch");
    centred |= row.name == "mean row removed";
    const bool reference = row.name.starts_with("random") || row.name.starts_with("Welch");
    if (reference) row.kind = Kind::reference;
    if (row.name == "all rows") row.kind = Kind::itself;
    (reference ? references : out).push_back(row);
  }
  if (!itself) {
    const auto plain = field(member(matrix, "overlap"), "mean_square");
    const std::string meaning = "mean squared cosine over all pairs of rows, as the model has them";
    if (plain) out.insert(out.begin(), Baseline{"all rows", meaning, Kind::itself, *plain * m, {}});
  }
  if (!centred) {
    add_baseline(out, "mean row removed", field(member(matrix, "overlap_centered"), "mean_square"), m, Kind::changed,
                 "the direction that all rows share is taken away");
  }
  add_frequency(member(matrix, "frequency"), m, out);
  if (!random) references.push_back({"random directions", "what independent random rows give", Kind::reference, 1, {}});
  if (!welch) {
    add_baseline(references, "Welch bound", field(matrix, "welch_bound_mean_square"), m, Kind::reference,
                 "no set of this many directions overlaps less");
  }
  out.insert(out.end(), references.begin(), references.end());
  return out;
}

std::optional<Figure> baseline_rows(const Json& matrix, const std::string& id) {
  Figure out = xy_figure(id, "Overlap, and what is left of it",
                         "Mean squared cosine of two rows in units of 1/m: 1 is what random directions give. What "
                         "disappears when something simple is taken away was not crowding of features.");
  out.kind = "rows";
  Panel panel;
  panel.x = {"mean-square overlap × m (random = 1)", true, {}, {}};
  double lo = 1, hi = 1;
  for (const Baseline& one : baselines_of(matrix)) {
    if (!(one.times_m > 0)) {
      out.notes.push_back(fmt::format("{}: {}, not drawn on a log scale", one.name, number(one.times_m)));
      continue;
    }
    Series row{one.name,
               one.kind == Baseline::Kind::reference ? Role::theory : Role::ours,
               baseline_hue(one.kind),
               "",
               "dot",
               false,
               false,
               false,
               {}};
    Point point;
    point.x = one.times_m, point.note = one.meaning;
    if (one.se)
      point.interval = Interval{std::max(one.times_m - 1.96 * *one.se, one.times_m / 10), one.times_m + 1.96 * *one.se};
    row.points.push_back(point);
    panel.series.push_back(row);
    lo = std::min(lo, one.times_m), hi = std::max(hi, one.times_m);
  }
  if (panel.series.size() < 2) return {};
  panel.x.domain = Interval{lo / 1.25, hi * 1.25};
  out.panels.push_back(panel);
  return out;
}

std::optional<Figure> norm_distribution(const Json& matrix, const std::string& id) {
  const Json& norm = member(matrix, "norm");
  const auto histogram = histogram_of(member(norm, "histogram"));
  if (!histogram) return {};
  Figure out = xy_figure(id, "Row norms",
                         "How many rows have which length. A model that represents only some features shows two "
                         "heaps, one of them near zero.");
  const Json& modes = member(norm, "modes");
  if (const Json& two = member(modes, "two_modes"); two.is_boolean()) {
    out.caption += two.get<bool>() ? " Here: two heaps" : " Here: no two separate heaps";
    if (const auto b = field(modes, "bimodality_coefficient")) {
      out.caption += fmt::format(" (bimodality coefficient {}; a flat distribution has 0.56)", number(b));
    }
    out.caption += ".";
  }
  Panel panel;
  panel.x = {"norm of a row", false, {}, {}};
  panel.y = {"rows", false, {}, {}};
  Series counts = bars("rows of this matrix", {"cat", 0, 5});
  for (size_t i = 0; i < histogram->counts.size(); ++i) {
    if (histogram->counts[i] <= 0) continue;
    counts.points.push_back(bar(histogram->edges[i], histogram->edges[i + 1], histogram->counts[i],
                                percent(histogram->counts[i] / histogram->total) + " of the rows"));
  }
  const double lo = histogram->edges.front(), hi = histogram->edges.back(), room = 0.02 * (hi - lo);
  panel.x.domain = Interval{std::max(0.0, lo - room), hi + room};
  const double most = *std::max_element(histogram->counts.begin(), histogram->counts.end());
  panel.y.domain = Interval{0, 1.18 * most};
  panel.series.push_back(counts);
  if (const auto mean = field(norm, "mean")) panel.series.push_back(rule("mean " + number(mean), *mean));
  if (0.5 > panel.x.domain->first && 0.5 < panel.x.domain->second) {
    panel.series.push_back(rule("½: counts as represented", 0.5, {"cat", 4, 5}));
  }
  out.panels.push_back(panel);
  return out;
}

std::optional<Figure> overlap_distribution(const Json& matrix, const std::string& id) {
  const Json& overlap = member(matrix, "overlap");
  const auto histogram = histogram_of(member(overlap, "histogram"));
  const double m = field(matrix, "m").value_or(0);
  if (!histogram || !(m >= 1)) return {};
  Figure out = xy_figure(
      id, "Overlaps of pairs of rows",
      fmt::format(
          "|cos| of {} pairs of rows ({}), against the density of random directions in {:.0f} dimensions. Bars to the "
          "right of the curve are pairs more alike than chance; a far tail is near-duplicates.",
          count_text(histogram->total), text_field(overlap, "pairs") == "sampled" ? "a sample" : "all of them", m));
  out.panels = {overlap_panel(*histogram, m, false), overlap_panel(*histogram, m, true)};
  return out;
}

std::optional<Figure> singular_value_decay(const Json& matrix, const std::string& id) {
  const Json& spectrum = member(matrix, "spectrum");
  const std::vector<double> values = finite_numbers(member(spectrum, "singular_values"));
  std::vector<double> ranks = finite_numbers(member(spectrum, "ranks"));
  if (values.size() < 2 || values.size() > kMostBins) return {};
  if (ranks.size() != values.size()) {
    ranks.resize(values.size());
    std::iota(ranks.begin(), ranks.end(), 1.0);
  }
  if (ranks.front() == 0) std::for_each(ranks.begin(), ranks.end(), [](double& rank) { ++rank; });
  Figure out =
      xy_figure(id, "Singular values",
                "How much of the matrix lies along its principal directions, the strongest first. The vertical lines "
                "are four ways to say how many directions carry it.");
  Panel panel;
  panel.x = {"rank", true, {}, {}};
  panel.y = {"singular value", true, {}, {}};
  Series line{
      "singular values", Role::ours, {"cat", 0, 5}, "", values.size() <= 32 ? "dot" : "none", true, false, false, {}};
  size_t zeros = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > 0)) {
      ++zeros;
      continue;
    }
    Point point;
    point.x = ranks[i], point.y = values[i];
    line.points.push_back(point);
  }
  if (zeros > 0) out.notes.push_back(fmt::format("{} of the values are zero and not drawn on a log scale", zeros));
  if (line.points.size() < 2) return {};
  panel.series.push_back(line);
  const Json& old = matrix;  // the first two stood beside the spectrum once
  const std::pair<const char*, const char*> marks[] = {{"stable_rank", "stable rank"},
                                                       {"participation_ratio", "participation ratio"},
                                                       {"eigenvalue_effective_rank", "eff. rank of σ²"},
                                                       {"effective_rank", "effective rank"}};
  for (const auto& [name, label] : marks) {
    auto value = field(spectrum, name);
    if (!value) value = field(old, name);
    if (value && *value >= 1) panel.series.push_back(rule(fmt::format("{} {}", label, number(value)), *value));
  }
  out.panels.push_back(panel);
  return out;
}

std::optional<Figure> overlap_against_frequency(const Json& matrix, const std::string& id) {
  const Json& top = member(member(matrix, "frequency"), "top");
  const double m = field(matrix, "m").value_or(0);
  if (!top.is_array() || !(m > 0)) return {};
  Figure out =
      xy_figure(id, "Overlap among the most frequent tokens",
                "Only the K most frequent tokens of the table of counts, for growing K. A rise towards the right says "
                "that rare tokens, which training hardly moved, make the overlap.");
  Series plain{"as they are", Role::ours, {"cat", 0, 5}, "", "dot", true, false, false, {}};
  Series centred{"their mean row removed", Role::ours, {"cat", 1, 5}, "", "triangle", true, false, false, {}};
  for (const Json& one : top) {
    const auto k = field(one, "k"), a = field(one, "mean_square"), b = field(one, "mean_square_centered");
    Point point;
    if (!k || !(*k > 0)) continue;
    point.x = *k;
    if (a && *a > 0) point.y = *a * m, plain.points.push_back(point);
    if (b && *b > 0) point.y = *b * m, centred.points.push_back(point);
  }
  if (plain.points.size() < 2) return {};
  Panel panel;
  panel.x = {"K most frequent tokens", true, {}, {}};
  panel.y = {"mean-square overlap × m", true, {}, {}};
  panel.series = {plain, centred};
  Series one{"random directions", Role::theory, {"cat", 4, 5}, "", "none", true, false, false, {}};
  for (const Point& end : {plain.points.front(), plain.points.back()}) {
    one.points.push_back(end);
    one.points.back().y = 1;
  }
  panel.series.push_back(one);
  out.panels.push_back(panel);
  return out;
}

}  // namespace superpose::report
