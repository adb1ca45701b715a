// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/cli/fit_text.h"
#include "superpose/cli/output.h"

namespace superpose::cli {
namespace {

std::string points_text(const fit::Forecast& forecast, const fit::Law& law) {
  std::vector<std::vector<std::string>> rows{{law.inputs[0], "group", "loss", "95% interval", "a new model",
                                              "beyond data", "gain of doubling", "95% interval", "rests on"}};
  const bool grouped =
      std::any_of(forecast.points.begin(), forecast.points.end(), [](const auto& p) { return !p.group.empty(); });
  for (const auto& p : forecast.points) {
    const std::string beyond = p.extrapolation_factor > 1 ? fmt::format("{:.3g} x", p.extrapolation_factor) : "within";
    rows.push_back({number(p.x, 6), p.group, p.loss ? number(p.loss) : "refused", interval_text(p.ci95),
                    interval_text(p.prediction95), beyond, number(p.gain, 3), interval_text(p.gain95), p.rests_on});
  }
  if (!grouped) {
    for (auto& row : rows) row.erase(row.begin() + 1);
  }
  return aligned(rows);
}

// The laws side by side, for the answer that matters most: the farthest point that has one.
std::string views_text(const fit::Forecast& forecast, const fit::Law& law) {
  const fit::ForecastPoint* farthest = nullptr;
  for (const auto& p : forecast.points) {
    if (p.loss && (!farthest || p.x > farthest->x)) farthest = &p;
  }
  if (!farthest || farthest->views.size() < 2) return "";
  std::vector<std::vector<std::string>> rows{{"law", "weight", "loss", "95% interval"}};
  for (const auto& view : farthest->views) {
    rows.push_back({view.law, fmt::format("{:.3f}", view.weight), number(view.loss), interval_text(view.ci95)});
  }
  return fmt::format("\nlaw by law at {} = {} (averaged by weight above)\n{}", law.inputs[0], number(farthest->x, 6),
                     aligned(rows));
}

std::string compute_text(const fit::Forecast& forecast) {
  std::vector<std::vector<std::string>> rows{
      {"FLOPs", "N", "95% interval", "D", "95% interval", "tokens/parameter", "95% interval", "loss", "beyond data"}};
  for (const auto& s : forecast.compute) {
    const auto shown = [&](double v) { return s.refused ? std::string("refused") : number(v, 3); };
    const auto ends = [&](const fit::Interval& i) { return s.refused ? std::string("-") : interval_text(i); };
    rows.push_back({number(s.compute, 3), shown(s.N), ends(s.N95), shown(s.D), ends(s.D95), shown(s.D / s.N),
                    ends(s.tokens_per_parameter95), shown(s.loss), fmt::format("{:.3g} x", s.extrapolation_factor)});
  }
  std::string out = "\ncompute-optimal split of C = 6·N·D\n" + aligned(rows);
  if (forecast.exponent_N) {
    out += fmt::format("N* grows as C^a, a in {}; D* as C^b, b in {} (95 %)\n", interval_text(forecast.exponent_N),
                       interval_text(forecast.exponent_D));
  }
  return out;
}

}  // namespace

std::string forecast_text(const fit::Forecast& forecast, const fit::Law& law) {
  std::string out = fmt::format("law {}: {}{}\n", law.name, law.formula,
                                forecast.forced ? "   FORCED: past what the data support" : "");
  if (!forecast.points.empty()) out += "\n" + points_text(forecast, law) + views_text(forecast, law);
  if (const auto& stop = forecast.stop) {
    out += fmt::format(
        "\na doubling of {0} gains less than {1} from {0} = {2}{3}{4}\n", law.inputs[0], number(stop->threshold),
        stop->x ? number(stop->x) : "?",
        stop->ci95 && std::isfinite(stop->ci95->first) ? ", 95 % interval " + interval_text(stop->ci95) : "",
        stop->because.empty() ? "" : " (" + stop->because + ")");
  }
  if (!forecast.compute.empty()) out += compute_text(forecast);
  if (!forecast.because.empty()) {
    out += fmt::format("\n{}: {}\n", forecast.refused ? "refused" : "forced", forecast.because);
    if (forecast.refused) out += "--force answers all the same, and marks the answer\n";
  }
  for (const auto& note : forecast.notes) out += fmt::format("note: {}\n", note);
  return out;
}

}  // namespace superpose::cli
