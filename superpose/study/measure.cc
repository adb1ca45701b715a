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

bool paper_protocol(const Json& c) {
  return toy::is_paper_model(c) && config_number(c, "features") == 1000 && config_number(c, "steps") == 20000 &&
         config_number(c, "batch") == 2048 && near(config_number(c, "lr"), 0.01) &&
         near(config_number(c, "lr_bias"), 0.01) && near(config_number(c, "warmup"), 0.1) &&
         near(config_number(c, "lr_floor"), 0.05) && config_number(c, "loss_scale") == 1;
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

std::vector<Toy> paper_runs(const std::vector<store::Run>& runs) {
  std::vector<Toy> out;
  for (const store::Run& run : runs) {
    if (run.kind != "toy" || run.status != "ok" || !paper_protocol(run.config)) continue;
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
    const auto fitted = fit::fit_power(m, loss);
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
  std::vector<double> means;
  double variance = 0;
  const double k = static_cast<double>(all.size());
  for (const auto& [seed, entry] : sums) {
    if (entry.first != static_cast<int>(all.size())) continue;
    means.push_back(entry.second / k);
    variance = variances[seed] / (k * k);
  }
  if (means.empty()) return std::nullopt;
  Estimate out;
  const double seeds = static_cast<double>(means.size());
  for (const double x : means) out.value += x / seeds;
  double half = 0;
  if (means.size() == 1) {
    const double freedom = k * (std::size(kPaperWidths) - 2.0);
    half = std::sqrt(variance) * fit::student_t_95(freedom);
    out.how = fmt::format("the interval is the regression's over six widths, one seed{}",
                          all.size() > 1 ? fmt::format(", {} cells", all.size()) : "");
  } else {
    double square = 0;
    for (const double x : means) square += (x - out.value) * (x - out.value);
    half = std::sqrt(square / (seeds - 1) / seeds) * fit::student_t_95(seeds - 1);
    out.how = fmt::format("the interval is over {} seeds", means.size());
  }
  out.ci95 = {out.value - half, out.value + half};
  return out;
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
