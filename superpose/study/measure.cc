// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "superpose/base/philox.h"
#include "superpose/toy/toy.h"

namespace superpose::study {
namespace {

double config_number(const Json& config, const char* name) {
  return config.contains(name) && config[name].is_number() ? config[name].get<double>()
                                                           : std::numeric_limits<double>::quiet_NaN();
}

// Fields in which runs of one protocol may differ; the other fields are compared with the defaults.
bool may_differ(const std::string& name) {
  static const std::set<std::string> kNames{"dim", "law", "density", "decay", "seed", "engine"};
  return kNames.contains(name);
}

bool follows(const Json& config, const Protocol& protocol) {
  toy::Config wanted;
  wanted.features = protocol.features, wanted.steps = protocol.steps, wanted.batch = protocol.batch;
  wanted.lr_bias = wanted.lr;
  const Json expected = toy::to_json(wanted);
  for (const auto& [name, value] : config.items()) {
    if (may_differ(name)) continue;
    if (!expected.contains(name)) return false;
    const Json& other = expected[name];
    if (value.is_number() && other.is_number() ? !near(value.get<double>(), other.get<double>()) : value != other)
      return false;
  }
  return std::isfinite(config_number(config, "features")) && std::isfinite(config_number(config, "steps"));
}

// The exponent of law "power:A"; NaN for any other.
double power_exponent(const Json& config) {
  const std::string law = config.value("law", "");
  if (law == "uniform") return 0;
  double value = std::numeric_limits<double>::quiet_NaN();
  if (law.starts_with("power:")) std::from_chars(law.data() + 6, law.data() + law.size(), value);
  return value;
}

}  // namespace

Measure not_run(const std::string& why) { return {std::nullopt, std::nullopt, why}; }

bool near(double a, double b) { return std::fabs(a - b) < 1e-3; }

std::string text(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "-";
}

double Toy::number(const char* field) const {
  return result.contains(field) && result[field].is_number() ? result[field].get<double>()
                                                             : std::numeric_limits<double>::quiet_NaN();
}

std::vector<Toy> paper_runs(const std::vector<store::Run>& runs) { return protocol_runs(runs, {}); }

std::vector<Toy> protocol_runs(const std::vector<store::Run>& runs, const Protocol& protocol) {
  std::vector<Toy> out;
  for (const store::Run& run : runs) {
    if (run.kind != "toy" || run.status != "ok" || !follows(run.config, protocol)) continue;
    Toy toy;
    toy.alpha = power_exponent(run.config);
    toy.gamma = config_number(run.config, "decay");
    toy.density = config_number(run.config, "density");
    toy.m = run.config.value("dim", int64_t{0});
    toy.seed = run.config.value("seed", int64_t{0});
    toy.result = run.result;
    if (std::isfinite(toy.alpha) && std::isfinite(toy.number("loss"))) out.push_back(std::move(toy));
  }
  return out;
}

std::vector<Cell> cells(const std::vector<Toy>& runs) {
  std::vector<Cell> out;
  for (const Toy& run : runs) {
    const auto same = [&](const Cell& c) {
      return near(c.alpha, run.alpha) && near(c.gamma, run.gamma) && near(c.density, run.density);
    };
    auto found = std::find_if(out.begin(), out.end(), same);
    if (found == out.end()) found = out.insert(out.end(), Cell{run.alpha, run.gamma, run.density, {}});
    found->runs.push_back(run);
  }
  return out;
}

std::vector<Exponent> exponents(const Cell& cell) {
  std::map<int64_t, std::map<int64_t, double>> by_seed;  // seed -> m -> loss
  for (const Toy& run : cell.runs) {
    if (std::find(std::begin(kPaperWidths), std::end(kPaperWidths), run.m) != std::end(kPaperWidths)) {
      by_seed[run.seed][run.m] = run.number("loss");
    }
  }
  std::vector<Exponent> out;
  for (const auto& [seed, losses] : by_seed) {
    if (losses.size() < std::size(kPaperWidths)) continue;
    std::vector<double> m, loss;
    for (const auto& [width, value] : losses) m.push_back(static_cast<double>(width)), loss.push_back(value);
    const auto fitted = fit::fit_power(m, loss, {.brief = true});
    const fit::Parameter& alpha = fitted["alpha"];
    out.push_back({alpha.value, alpha.se.value_or(0), seed});
  }
  return out;
}

std::optional<Estimate> mean_exponent(const std::vector<Cell>& all, const std::function<double(double)>& expected) {
  if (all.empty()) return std::nullopt;
  std::map<int64_t, std::pair<int, double>> sums;  // seed -> cells, Σ(α_m - expected)
  std::map<int64_t, double> variances;
  for (const Cell& cell : all) {
    for (const Exponent& e : exponents(cell)) {
      auto& [count, sum] = sums[e.seed];
      ++count;
      sum += e.value - (expected ? expected(cell.alpha) : 0.0);
      variances[e.seed] += e.se * e.se;
    }
  }
  std::map<int64_t, double> means;  // of the seeds that are complete in every cell
  double variance = 0;
  const double k = static_cast<double>(all.size());
  for (const auto& [seed, entry] : sums) {
    if (entry.first != static_cast<int>(all.size())) continue;
    means[seed] = entry.second / k;
    variance = variances[seed] / (k * k);
  }
  if (means.empty()) return std::nullopt;
  const double value = means.begin()->second;
  const double half = std::sqrt(variance) * fit::student_t_95(k * (std::size(kPaperWidths) - 2.0));
  return over_seeds(means, {value,
                            {{value - half, value + half}},
                            fmt::format("the interval is the regression's over six widths, one seed{}",
                                        all.size() > 1 ? fmt::format(", {} cells", all.size()) : "")});
}

Estimate over_seeds(const std::map<int64_t, double>& by_seed, const Estimate& of_one) {
  if (by_seed.size() < 2) return of_one;
  Estimate out;
  const double seeds = static_cast<double>(by_seed.size());
  for (const auto& [seed, x] : by_seed) out.value += x / seeds;
  double square = 0;
  for (const auto& [seed, x] : by_seed) square += (x - out.value) * (x - out.value);
  const double half = std::sqrt(square / (seeds - 1) / seeds) * fit::student_t_95(seeds - 1);
  out.ci95 = {out.value - half, out.value + half};
  out.how = fmt::format("the interval is over {} seeds", by_seed.size());
  return out;
}

std::optional<Estimate> power_over_seeds(const std::vector<SeedPoint>& points) {
  std::map<int64_t, std::pair<std::vector<double>, std::vector<double>>> by_seed;
  size_t most = 0;
  for (const SeedPoint& point : points) {
    auto& [x, y] = by_seed[point.seed];
    x.push_back(point.x), y.push_back(point.y);
    most = std::max(most, x.size());
  }
  if (most < 3) return std::nullopt;
  std::erase_if(by_seed, [&](const auto& entry) { return entry.second.first.size() < most; });
  std::map<int64_t, double> slopes;
  Estimate of_one;
  for (const auto& [seed, xy] : by_seed) {
    const auto fitted = fit::fit_power(xy.first, xy.second, {.brief = true});
    slopes[seed] = fitted["alpha"].value;
    of_one = {fitted["alpha"].value, fitted["alpha"].ci95,
              fmt::format("the interval is the regression's over {} points, one seed", most)};
  }
  return over_seeds(slopes, of_one);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

std::pair<double, double> median_interval(const std::vector<double>& values) {
  constexpr uint32_t kResamples = 2000;
  std::vector<double> medians;
  for (uint32_t r = 0; r < kResamples; ++r) {
    RandomBlocks blocks(0, RandomStream::resample, r);
    std::vector<double> sample;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto block = blocks.next();
      sample.push_back(
          values[static_cast<size_t>(uniform_open(block[0], block[1]) * static_cast<double>(values.size()))]);
    }
    medians.push_back(median(std::move(sample)));
  }
  std::sort(medians.begin(), medians.end());
  return {medians[kResamples / 40], medians[kResamples - 1 - kResamples / 40]};
}

}  // namespace superpose::study
