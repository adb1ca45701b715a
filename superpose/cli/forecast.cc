// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/fit/fit.h"

namespace superpose::cli {
namespace {

struct ForecastFlags {
  std::string path;
  std::map<std::string, std::vector<double>> values;  // by input
  std::vector<std::string> groups;
  std::optional<double> vocabulary, threshold;
  std::vector<double> compute;
  double max_factor = 4;
  int resamples = 400;
  bool force = false, json = false;
};

fit::StoredFit read_fit(const std::string& path) {
  constexpr size_t kMostBytes = size_t{1} << 28;
  try {
    return fit::stored_fit(parse_json(read_text(path, kMostBytes), path));
  } catch (const Error& e) {
    throw std::string_view(e.what()).starts_with(path) ? e : e.in(path);
  }
}

fit::ForecastRequest request_of(const ForecastFlags& flags, const fit::Law& law) {
  fit::ForecastRequest out;
  const std::string& first = law.inputs[0];
  for (const auto& [input, values] : flags.values) {
    if (values.empty()) continue;
    if (input == first || input == "x") {
      if (!out.x.empty())
        throw Error(ErrorKind::usage,
                    fmt::format("forecast: --x is the law's first input, {0}, and --{0} is given too", first));
      out.x = values;
    } else {
      out.inputs[input] = values;
    }
  }
  if (out.x.empty() && flags.compute.empty() && !flags.threshold) {
    throw Error(ErrorKind::usage, fmt::format("forecast: at which {}? Say --{} A,B,C (law {})", first,
                                              first.size() == 1 ? first : "x", law.name));
  }
  out.groups = flags.groups;
  out.vocabulary = flags.vocabulary;
  out.threshold = flags.threshold;
  out.compute = flags.compute;
  out.max_factor = flags.max_factor;
  out.force = flags.force;
  out.resamples = flags.resamples;
  return out;
}

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

int run_forecast(const ForecastFlags& flags) {
  const fit::StoredFit stored = read_fit(flags.path);
  const fit::ForecastRequest request = request_of(flags, stored.law);
  const fit::Forecast forecast = fit::forecast(stored, request);
  if (flags.json) {
    const auto or_null = [](const auto& v) { return v ? Json(*v) : Json(nullptr); };
    Json values = Json::object();
    for (const auto& [input, list] : flags.values) {
      if (!list.empty()) values[input] = list;
    }
    const Json config{{"fit", flags.path},
                      {"law", stored.law.name},
                      {"inputs", values},
                      {"group", flags.groups},
                      {"vocab", or_null(flags.vocabulary)},
                      {"threshold", or_null(flags.threshold)},
                      {"compute", flags.compute},
                      {"max_factor", flags.max_factor},
                      {"force", flags.force},
                      {"resamples", flags.resamples}};
    print_json("forecast", config, fit::to_json(forecast, stored.law));
  } else {
    fmt::print("{}", forecast_text(forecast, stored.law));
  }
  if (!forecast.refused) return 0;
  fmt::print(stderr, "superpose: error: forecast refused: {}\n", forecast.because);
  return exit_code(ErrorKind::numeric);
}

}  // namespace

Action declare_forecast(CLI::App& app) {
  auto flags = std::make_shared<ForecastFlags>();
  app.add_option("fit", flags->path, "what `superpose fit ... --json` printed, or `fit -o NAME.json` wrote")
      ->required();
  const auto values = [&](const char* names, const char* input, const char* help) {
    app.add_option(names, flags->values[input], help)->delimiter(',')->allow_extra_args(false);
  };
  values("--m,--width", "m", "widths, A,B,C");
  values("--l,--depth", "l", "depths: one, or one per width (default: as depth goes with width over the table)");
  values("--N", "N", "parameters");
  values("--D,--tokens", "D", "tokens: one, or one per width (default: the most of the table)");
  values("--C", "C", "FLOPs, of a formula that takes them");
  values("--t", "t", "steps, law time");
  values("--V", "V", "vocabulary sizes, law vocab");
  values("--d", "d", "embedding widths, law vocab");
  values("--x", "x", "values of the law's first input, whatever it is");
  app.add_option("--group", flags->groups, "of which group (default: every one)")->allow_extra_args(false);
  app.add_option("--vocab", flags->vocabulary,
                 "vocabulary of the model: the law of the width ends where width reaches it")
      ->check(CLI::PositiveNumber);
  app.add_option("--threshold", flags->threshold,
                 "least gain in loss per doubling that is worth it: where does it stop?")
      ->check(CLI::PositiveNumber);
  app.add_option("--compute", flags->compute, "training FLOPs to split between N and D, law chinchilla")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--max-factor", flags->max_factor, "farthest extrapolation beyond the fitted data")
      ->check(CLI::Range(1.0, 1e12))
      ->capture_default_str();
  app.add_option("--resamples", flags->resamples, "refits per law for the intervals")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_flag("--force", flags->force, "answer all the same, and mark the answer");
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return run_forecast(*flags); };
}

}  // namespace superpose::cli
