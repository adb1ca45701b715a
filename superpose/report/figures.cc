// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace superpose::report {

std::vector<Figure> all_figures(const Context& context) {
  std::vector<Figure> out{loss_story(context),
                          straightness(context),
                          loss_vs_width(context),
                          represented_vs_decay(context),
                          represented_map(context),
                          exponent_map(context),
                          exponent_vs_alpha(context),
                          overlap_vs_width(context),
                          norms(context),
                          strong_rows_vs_width(context),
                          weak_loss(context),
                          density(context),
                          emergence(context),
                          loss_by_rank(context),
                          end_of_law(context),
                          llm_loss(context),
                          llm_overlap(context)};
  if (auto toy_models = dimensions_per_feature(context)) out.push_back(std::move(*toy_models));
  return out;
}

bool same(double a, double b) { return std::abs(a - b) < 0.002; }

double snapped(double value, const std::vector<double>& grid) {
  for (const double known : grid) {
    if (same(value, known)) return known;
  }
  return value;
}

std::string decay_text(double decay) {
  // The paper's grid is ninths; two decimals name them.
  if (same(decay * 9, std::round(decay * 9))) return number(std::round(decay * 100) / 100, 3);
  return number(decay, 4);
}

Hue decay_hue(const Context& context, double decay) {
  int index = 0, count = 0;
  for (const double other : context.decays) {
    if ((other < 0) != (decay < 0)) continue;
    if (other < decay && !same(other, decay)) ++index;
    ++count;
  }
  return {decay < 0 ? "neg" : "pos", index, std::max(count, 1)};
}

Hue ordered_hue(double value, const std::vector<double>& grid) {
  int index = 0;
  for (const double other : grid) index += other < value && !same(other, value);
  return {"seq", index, static_cast<int>(std::max<size_t>(grid.size(), 1))};
}

const char* decay_symbol(double decay) { return decay < 0 ? "dot" : "triangle"; }

Axis width_axis(const Context& context) { return {"width m (dimensions)", true, context.widths, std::nullopt}; }

std::vector<double> widths_of(const Cell& cell) {
  std::vector<double> out;
  for (const ToyRun& toy : cell.runs) {
    if (out.empty() || out.back() != toy.m) out.push_back(toy.m);
  }
  return out;
}

std::optional<Point> mean_at(const Cell& cell, double m, std::string_view name) {
  Point point{m, std::nullopt, std::nullopt, {}, "", std::nullopt};
  point.at = setting_of(cell, m);
  std::vector<double> values;
  std::vector<const store::Run*> runs;
  const ToyRun* last = nullptr;
  for (const ToyRun& toy : cell.runs) {
    if (toy.m != m || !toy.loss) continue;
    const auto value = name == "loss" ? toy.loss : field(toy.run->result, name);
    if (!value) continue;
    values.push_back(*value), runs.push_back(toy.run);
    point.seeds.emplace_back(toy.seed, *value);
    if (!toy.run->recorded) point.runs.push_back(toy.run->id);
    last = &toy;
  }
  if (values.empty()) return std::nullopt;
  if (point.seeds.size() < 2) point.seeds.clear();
  point.note = with_record("", runs);
  std::sort(point.runs.begin(), point.runs.end());
  std::tie(point.y, point.interval) = mean_interval(values);
  if (name == "loss" && values.size() == 1) {
    if (const auto spread = field(last->run->result, "loss_std")) {
      point.interval = Interval{values[0] - *spread, values[0] + *spread};
    }
  }
  return point;
}

std::string no_runs(std::string_view what, std::string_view study) {
  return fmt::format("No run of ours here: this store has no {}. superpose study {} fills it.", what, study);
}

std::string toy_command(const Json& config) {
  std::string out = "superpose toy";
  for (const auto& [key, value] : config.items()) {
    if (!value.is_number() && !value.is_string() && !value.is_boolean()) continue;
    std::string flag = key;
    std::replace(flag.begin(), flag.end(), '_', '-');
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.empty()) continue;
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._-+/";
    if (text.find_first_not_of(kPlain) != std::string::npos) {
      for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
      text = "'" + text + "'";
    }
    out += fmt::format(" --{} {}", flag, text);
  }
  return out;
}

std::vector<std::string> commands(const Context& context, const std::vector<const Cell*>& cells) {
  std::vector<std::string> out;
  out.push_back(context.study.empty() ? "superpose report STORE -o report.html"
                                      : fmt::format("superpose study {}", context.study));
  for (const Cell* cell : cells) {
    for (const ToyRun& toy : cell->runs) {
      if (!toy.loss) continue;
      out.push_back(fmt::format("{}   # {} alone", toy_command(toy.run->config),
                                toy.run->recorded ? "a recorded run" : fmt::format("run {}", toy.run->id)));
      return out;
    }
  }
  return out;
}

Setting printed_setting(std::optional<double> alpha, std::optional<double> decay, std::optional<double> m) {
  return {alpha, "", decay, m, 1};
}

Point exponent_point(const Cell& cell, const Exponent& power) {
  Point out{0, power.alpha, power.ci95, run_ids(cell), with_record(power.method, cell), {}};
  out.at = setting_of(cell), out.seeds = power.each;
  return out;
}

std::string source_of(std::string_view table, std::string_view figure) {
  return fmt::format("{} of arXiv 2505.10465, read from the figure's drawing (published/{}.csv)", figure, table);
}

void add_runs(Figure& figure, const Cell& cell) {
  const std::vector<int64_t> ids = run_ids(cell);
  figure.runs.insert(figure.runs.end(), ids.begin(), ids.end());
  std::sort(figure.runs.begin(), figure.runs.end());
  figure.runs.erase(std::unique(figure.runs.begin(), figure.runs.end()), figure.runs.end());
  figure.recorded += recorded_runs(cell);
}

}  // namespace superpose::report
