// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/fit/statistics.h"

namespace superpose::fit {
namespace {

// Fewer units than this make percentile intervals too narrow (their coverage falls below about 90 %).
constexpr size_t kFewUnits = 10;
// Above this share of resamples without an answer, what is left is no longer a sample of what could have been.
constexpr double kMostFailures = 0.1;
constexpr size_t kMostStoredValues = size_t{1} << 27;  // 1 GiB of doubles

// Rows -> units, numbered in the order of first appearance so that the file alone decides the draws.
std::vector<uint32_t> units_of(const Data& data) {
  std::vector<uint32_t> out(data.y.size());
  std::unordered_map<std::string_view, uint32_t> seen;
  for (size_t row = 0; row < out.size(); ++row) {
    const auto fresh = static_cast<uint32_t>(data.cluster.empty() ? row : seen.size());
    out[row] = data.cluster.empty() ? fresh : seen.try_emplace(data.cluster[row], fresh).first->second;
  }
  return out;
}

void draw_units(uint64_t seed, uint32_t resample, std::vector<double>& counts) {
  std::fill(counts.begin(), counts.end(), 0.0);
  RandomBlocks blocks(seed, RandomStream::resample, resample);
  PhiloxBlock block{};
  for (size_t i = 0; i < counts.size(); ++i) {
    if (i % 4 == 0) block = blocks.next();
    // floor(u·n) with u in [0, 1) of 32 bits: each unit's chance is off by at most n/2^32 of itself.
    ++counts[(uint64_t{block[i % 4]} * counts.size()) >> 32];
  }
}

void summarize(std::vector<double>& draws, int resamples, std::string_view name, Parameter& parameter,
               std::vector<std::string>& warnings) {
  const auto last = std::remove_if(draws.begin(), draws.end(), [](double v) { return !std::isfinite(v); });
  draws.erase(last, draws.end());
  parameter.ci95.reset();
  constexpr int kFewest = 40;  // below that no draw lies beyond the 2.5 % quantile
  if (resamples < kFewest) {
    warnings.push_back(
        fmt::format("{} has no interval: {} resamples are too few, ask for {} or more", name, resamples, kFewest));
    return;
  }
  const double missing = resamples - static_cast<double>(draws.size());
  if (missing > kMostFailures * resamples || draws.size() < 2) {
    warnings.push_back(
        fmt::format("{} has no interval: {} of {} resamples say nothing about it", name, missing, resamples));
    return;
  }
  double sum = 0, squares = 0;
  for (const double v : draws) sum += v;
  const double mean = sum / static_cast<double>(draws.size());
  for (const double v : draws) squares += (v - mean) * (v - mean);
  parameter.bootstrap_sd = std::sqrt(squares / static_cast<double>(draws.size() - 1));
  parameter.ci95 = Interval{quantile(draws, 0.025), quantile(draws, 0.975)};
}

}  // namespace

void bootstrap(const Data& data, const Options& options,
               const std::function<Refit(const std::vector<double>& weights)>& refit, Result& result) {
  if (options.bootstrap == 0) return;
  const auto unit = units_of(data);
  const std::string unit_name = data.cluster.empty() ? "rows" : data.unit;
  const size_t n_units = unit.empty() ? 0 : *std::max_element(unit.begin(), unit.end()) + size_t{1};
  const size_t n_parameters = result.parameters.size();
  if (static_cast<size_t>(options.bootstrap) > kMostStoredValues / n_parameters) {
    throw Error(ErrorKind::usage,
                fmt::format("bootstrap = {} resamples of {} parameters do not fit in memory; ask for at most {}",
                            options.bootstrap, n_parameters, kMostStoredValues / n_parameters));
  }
  std::vector<std::vector<double>> draws(n_parameters);
  for (auto& column : draws) column.reserve(static_cast<size_t>(options.bootstrap));
  Resampling summary{unit_name, n_units, options.bootstrap};
  std::vector<double> counts(n_units), weights(unit.size());
  for (int r = 0; r < options.bootstrap; ++r) {
    draw_units(options.seed, static_cast<uint32_t>(r), counts);
    for (size_t row = 0; row < unit.size(); ++row) weights[row] = counts[unit[row]];
    const Refit one = refit(weights);
    summary.failed += !one.unique;
    if (!one.unique) continue;
    summary.at_bound += one.at_bound;
    for (size_t p = 0; p < n_parameters; ++p) draws[p].push_back(one.values[p]);
  }
  result.interval_method =
      fmt::format("bootstrap: {} resamples of {} {}, seed {}", options.bootstrap, n_units, unit_name, options.seed);
  if (summary.failed > 0) {
    result.warnings.push_back(
        fmt::format("{} of {} resamples had too few different x for a unique answer and are left out", summary.failed,
                    options.bootstrap));
  }
  if (n_units < kFewUnits) {
    result.warnings.push_back(
        fmt::format("only {} {} to resample: intervals from so few are too narrow", n_units, unit_name));
  }
  for (size_t p = 0; p < n_parameters; ++p) {
    auto& [name, parameter] = result.parameters[p];
    if (!parameter.held) summarize(draws[p], options.bootstrap, name, parameter, result.warnings);
  }
  result.resampling = summary;
}

}  // namespace superpose::fit
