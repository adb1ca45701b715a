// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/fit_text.h"
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
  out.groups = flags.groups;
  out.vocabulary = flags.vocabulary;
  out.threshold = flags.threshold;
  out.compute = flags.compute;
  out.max_factor = flags.max_factor;
  out.force = flags.force;
  out.resamples = flags.resamples;
  fit::set_inputs(out, law, flags.values);
  return out;
}

int run_forecast(const ForecastFlags& flags) {
  const fit::StoredFit stored = read_fit(flags.path);
  const fit::ForecastRequest request = request_of(flags, stored.law);
  const fit::Forecast forecast = fit::forecast(stored, request);
  if (flags.json) {
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
