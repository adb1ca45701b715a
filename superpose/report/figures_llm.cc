// SPDX-License-Identifier: Apache-2.0
// Language models: published losses with the fit of this program, and the overlap of head rows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/report/figures.h"

namespace superpose::report {
namespace {

const std::vector<std::string> kFamilies{"opt", "Qwen", "gpt2", "pythia"};

Hue family_hue(const std::string& family) {
  const auto found = std::find(kFamilies.begin(), kFamilies.end(), family);
  return {"cat", static_cast<int>(found - kFamilies.begin()), static_cast<int>(kFamilies.size()) + 1};
}

const char* family_symbol(const std::string& family) {
  static constexpr const char* kSymbols[] = {"dot", "triangle", "square", "diamond", "star"};
  return kSymbols[family_hue(family).index];
}

const store::Artifact* llm_fit(const Context& context) {
  for (const store::Artifact& artifact : context.artifacts) {
    if (artifact.kind == "fit" && artifact.name == "llm") return &artifact;
  }
  return nullptr;
}

struct Fitted {
  std::optional<double> value;
  std::optional<Interval> ci95;
};

Fitted parameter(const Json& fit, const std::string& name) {
  if (!fit.is_object() || !fit.contains("parameters") || !fit["parameters"].is_object()) return {};
  const Json& all = fit["parameters"];
  if (!all.contains(name)) return {};
  Fitted out{field(all[name], "value"), {}};
  if (all[name].is_object() && all[name].contains("ci95")) {
    const Json& ci = all[name]["ci95"];
    if (ci.is_array() && ci.size() == 2 && ci[0].is_number() && ci[1].is_number()) {
      out.ci95 = Interval{ci[0].get<double>(), ci[1].get<double>()};
    }
  }
  return out;
}

// The fit's line over the widths, and a band: α at the ends of its interval, turned about the geometric mean width
// (C and α are correlated at 0.998, so α alone cannot be varied with C held).
void add_fit(const Fitted& C, const Fitted& alpha, const std::vector<double>& widths, Panel& panel) {
  if (!C.value || !alpha.value || widths.empty()) return;
  Series line{"fit C/m^α", Role::fit, {}, "α " + number(alpha.value), "none", true, true, false, {}};
  double centre = 0;
  for (const double m : widths) centre += std::log(m) / static_cast<double>(widths.size());
  const auto [lo, hi] = std::minmax_element(widths.begin(), widths.end());
  constexpr int kSteps = 24;
  for (int k = 0; k <= kSteps; ++k) {
    const double m = *lo * std::pow(*hi / *lo, static_cast<double>(k) / kSteps);
    const double y = *C.value * std::pow(m, -*alpha.value);
    Point point{m, y, {}, {}, "", {}};
    if (alpha.ci95) {
      const double a = y * std::exp(-(alpha.ci95->first - *alpha.value) * (std::log(m) - centre));
      const double b = y * std::exp(-(alpha.ci95->second - *alpha.value) * (std::log(m) - centre));
      point.interval = Interval{std::min(a, b), std::max(a, b)};
    }
    line.points.push_back(point);
  }
  panel.series.push_back(line);
}

}  // namespace

Figure llm_loss(const Context& context) {
  Figure figure;
  figure.id = "llm-loss", figure.title = "Language models: loss above its floor against width";
  figure.paper = "Fig. 8b (v4: 6b)";
  const fit::Table* table = context.published.find("fig8b_llm_losses");
  const store::Artifact* artifact = llm_fit(context);
  const Json fit = artifact ? artifact->value : Json::object();
  const Fitted C = parameter(fit, "C"), alpha = parameter(fit, "alpha");
  std::map<std::string, Panel> panels;
  std::map<std::string, std::map<std::string, Series>> series;
  std::vector<double> widths;
  for (size_t row = 0; table && row < table->rows(); ++row) {
    const std::string family = cell_text(*table, "family", row), corpus = cell_text(*table, "dataset", row);
    const std::string model = cell_text(*table, "model", row);
    const auto m = cell_number(*table, "m", row), loss = cell_number(*table, "loss", row);
    const auto floor = parameter(fit, "L0." + family + "/" + corpus);
    if (!m || !loss || !floor.value) continue;
    panels[corpus];
    widths.push_back(*m);
    const double above = *loss - *floor.value;
    if (above <= 0) {
      figure.notes.push_back(fmt::format("{} on {}: {} nats below its fitted floor, so a log axis cannot show it",
                                         model, corpus, number(-above, 2)));
      continue;
    }
    series[corpus][family].points.push_back(
        {*m, above, {}, {}, fmt::format("{}: {} nats", model, number(*loss, 4)), {}});
  }
  for (auto& [corpus, panel] : panels) {
    panel = {corpus,
             "",
             true,
             {"width m", true, {512, 1024, 2048, 4096, 8192}, {}},
             {"loss − L0 (nats per token)", true, {}, {}},
             {}};
    add_fit(C, alpha, widths, panel);
    for (auto& [family, points] : series[corpus]) {
      points.key = family, points.role = Role::published, points.hue = family_hue(family),
      points.symbol = family_symbol(family);
      panel.series.push_back(points);
    }
    figure.panels.push_back(panel);
  }
  if (!artifact || !C.value || !alpha.value) {
    figure.empty = "The fit is not in this store: superpose study quick makes it from the published losses.";
  } else if (!table) {
    figure.empty = "The published losses are not part of this build.";
  }
  figure.caption = fmt::format(
      "The losses of 27 open models on four corpora, as recovered from the paper's figure (published, not measured "
      "here), minus the floor L0 that the fit gives each family and corpus. One line with one exponent runs through "
      "all "
      "panels: α = {}. Look how far each family follows it on its own.",
      with_interval(alpha.value, alpha.ci95));
  const std::string method = text_field(fit, "interval_method");
  figure.interval = "Band: the 95 % interval of α" + (method.empty() ? std::string() : fmt::format(" ({})", method)) +
                    ", the line turned about the geometric mean width.";
  figure.commands = {
      "superpose fit studies/published/fig8b_llm_losses.csv --law width --x m --y loss --group family,dataset "
      "--cluster model --bootstrap 1000"};
  figure.source = source_of("fig8b_llm_losses", "Fig. 8b (v1)");
  return figure;
}

Figure llm_overlap(const Context& context) {
  Figure figure;
  figure.id = "llm-overlap", figure.title = "Language models: overlap of head rows against width";
  figure.paper = "Fig. 8a (v4: 6a)";
  Panel panel{
      "", "", true, {"width m", true, {256, 512, 1024, 2048, 4096, 8192}, {}}, {"mean square overlap", true, {}, {}},
      {}};
  Series random{"random directions, 1/m", Role::theory, {}, "1/m", "none", true, false, false, {}};
  double lo = 512, hi = 9216;
  if (const fit::Table* table = context.published.find("fig8a_llm_mean_sq_overlap")) {
    std::map<std::string, Series> printed;
    for (size_t row = 0; row < table->rows(); ++row) {
      const std::string family = cell_text(*table, "family", row);
      const auto m = cell_number(*table, "m", row), value = cell_number(*table, "mean_sq_overlap", row);
      if (m && value) printed[family].points.push_back({*m, *value, {}, {}, cell_text(*table, "model", row), {}});
    }
    for (auto& [family, series] : printed) {
      series.key = family, series.role = Role::published, series.hue = family_hue(family),
      series.symbol = family_symbol(family);
      panel.series.push_back(series);
    }
  }
  Series plain{"inspected here", Role::ours, {"ink", 0, 2}, "", "dot", false, false, false, {}};
  Series centred{"inspected here, mean row removed", Role::ours, {"neg", 1, 3}, "", "square", false, false, false, {}};
  for (const Matrix& matrix : context.matrices) {
    if (!matrix.is_head() || !matrix.m || *matrix.m < 1) continue;
    const std::string note = fmt::format("{} {}", matrix.path, matrix.tensor);
    if (matrix.mean_square && *matrix.mean_square > 0) {
      plain.points.push_back({*matrix.m, *matrix.mean_square, {}, {}, note, {}});
      lo = std::min(lo, *matrix.m), hi = std::max(hi, *matrix.m);
    }
    if (matrix.mean_square_centered && *matrix.mean_square_centered > 0) {
      centred.points.push_back({*matrix.m, *matrix.mean_square_centered, {}, {}, note, {}});
    }
  }
  random.points = {{lo, 1 / lo, {}, {}, "", {}}, {hi, 1 / hi, {}, {}, "", {}}};
  panel.series.insert(panel.series.begin(), random);
  if (plain.points.empty())
    figure.empty = "No language-model head was inspected here: superpose inspect PATH measures one.";
  panel.series.push_back(plain);
  panel.series.push_back(centred);
  figure.panels.push_back(panel);
  figure.caption =
      "If head rows were random directions, points would lie on the dashed line 1/m. Look at two things: whether they "
      "fall with m as fast as the line, and how many times above it they are. Removing the mean row (squares) shows "
      "how "
      "much of the excess is one common direction.";
  figure.interval = "The mean square is exact, over all pairs of non-zero rows; it has no sampling error.";
  figure.commands = {"superpose inspect PATH --json"};
  figure.source = source_of("fig8a_llm_mean_sq_overlap", "Fig. 8a (v1; 25 of 27 models are in the drawing)");
  return figure;
}

}  // namespace superpose::report
