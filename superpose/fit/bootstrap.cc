// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/base/threads.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"
#include "superpose/fit/statistics.h"

namespace superpose::fit {
namespace {

// Fewer units than this make percentile intervals too narrow (their coverage falls below about 90 %).
constexpr size_t kFewUnits = 10;
// Above this share of resamples without an answer, what is left is no longer a sample of what could have been.
constexpr double kMostFailures = 0.1;
constexpr size_t kMostStoredValues = size_t{1} << 27;  // 1 GiB of doubles
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// One refit: a value per parameter, NaN where the resample says nothing (its group is empty).
struct Refit {
  std::vector<double> values;
  bool unique = true;     // false: the law has no unique answer on this resample
  bool at_bound = false;  // an exponent ended at a bound of its search
};

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

Refit refit(const Fit& fit, const Eigen::VectorXd& weights) {
  const Model& model = fit.model;
  // One exponent, few rows: the whole range is cheap, and a resample of few rows may well end elsewhere in it.
  constexpr size_t kFewRows = 150;
  const bool search = model.solver().system().basis->shapes.size() <= 1 && fit.data.y.size() <= kFewRows;
  Solution best = search ? model.search(weights, 1)[0] : model.polish(weights, fit.at());
  constexpr size_t kOthers = 2;
  for (size_t i = 1; i < fit.optima.size() && i <= kOthers && !search; ++i) {
    if (fit.optima[i].objective > 1.3 * fit.optima[0].objective) break;
    const Solution other = model.polish(weights, fit.optima[i].at);
    if (other.objective < best.objective) best = other;
  }
  Refit out;
  const Curvature curvature = model.curvature(weights, best.at);
  out.unique = curvature.free.empty() || curvature.smallest > kUndetermined;
  if (!out.unique) return out;
  out.values = model.values(best.at);
  const auto gone = model.vanished(best.at);
  std::vector<bool> present(model.groups().size());
  const auto& group = model.solver().system().group;
  for (size_t i = 0; i < group.size(); ++i) {
    if (weights[static_cast<Eigen::Index>(i)] > 0) present[group[i]] = true;
  }
  for (size_t p = 0; p < out.values.size(); ++p) {
    const auto& place = model.parameters()[p];
    const auto index = static_cast<size_t>(place.index);
    if (place.kind == ParameterKind::shape && !place.held) {
      out.at_bound = out.at_bound || model.solver().at_bound(best.at, place.index);
      if (gone[index]) out.values[p] = kUnknown;
    }
    if (place.kind == ParameterKind::offset && !present[index]) out.values[p] = kUnknown;
  }
  return out;
}

void summarize(std::vector<double> draws, int resamples, std::string_view name, Parameter& parameter,
               std::vector<std::string>& warnings) {
  const auto last = std::remove_if(draws.begin(), draws.end(), [](double v) { return !std::isfinite(v); });
  draws.erase(last, draws.end());
  constexpr int kFewest = 40;  // below that no draw lies beyond the 2.5 % quantile
  if (resamples < kFewest) {
    warnings.push_back(fmt::format("{} has no bootstrap interval: {} resamples are too few, ask for {} or more", name,
                                   resamples, kFewest));
    return;
  }
  const double missing = resamples - static_cast<double>(draws.size());
  if (missing > kMostFailures * resamples || draws.size() < 2) {
    warnings.push_back(
        fmt::format("{} has no bootstrap interval: {} of {} resamples say nothing about it", name, missing, resamples));
    return;
  }
  double sum = 0, squares = 0;
  for (const double v : draws) sum += v;
  const double mean = sum / static_cast<double>(draws.size());
  for (const double v : draws) squares += (v - mean) * (v - mean);
  parameter.bootstrap_sd = std::sqrt(squares / static_cast<double>(draws.size() - 1));
  parameter.bootstrap = Interval{quantile(draws, 0.025), quantile(draws, 0.975)};
}

void warn_of_empty_groups(const Fit& fit, const Result& result, std::vector<std::string>& warnings) {
  size_t most = 0;
  std::string worst;
  for (size_t p = 0; p < result.parameters.size(); ++p) {
    if (fit.model.parameters()[p].kind != ParameterKind::offset || fit.model.groups().size() < 2) continue;
    const auto& draws = result.resampling->draws[p];
    const auto absent =
        static_cast<size_t>(std::count_if(draws.begin(), draws.end(), [](double v) { return std::isnan(v); }));
    if (absent > most) most = absent, worst = fit.model.groups()[static_cast<size_t>(fit.model.parameters()[p].index)];
  }
  if (most > 0) {
    warnings.push_back(fmt::format(
        "resamples without any row of a group are left out of that group's interval (at most {} of {}, group {})", most,
        result.resampling->resamples, worst));
  }
}

}  // namespace

std::vector<uint32_t> units_of(const Data& data) {
  std::vector<uint32_t> out(data.y.size());
  std::unordered_map<std::string_view, uint32_t> seen;
  for (size_t row = 0; row < out.size(); ++row) {
    const auto fresh = static_cast<uint32_t>(data.cluster.empty() ? row : seen.size());
    out[row] = data.cluster.empty() ? fresh : seen.try_emplace(data.cluster[row], fresh).first->second;
  }
  return out;
}

std::string unit_text(const Data& data) { return data.cluster.empty() ? "rows" : data.unit; }

void set_bootstrap(const Fit& fit, Result& result) {
  const int resamples = fit.options.bootstrap;
  if (resamples == 0 || !fit.determined) return;
  const auto unit = units_of(fit.data);
  const size_t n_units = unit.empty() ? 0 : *std::max_element(unit.begin(), unit.end()) + size_t{1};
  const size_t n_parameters = result.parameters.size();
  if (static_cast<size_t>(resamples) > kMostStoredValues / n_parameters) {
    throw Error(ErrorKind::usage,
                fmt::format("bootstrap = {} resamples of {} parameters do not fit in memory; ask for at most {}",
                            resamples, n_parameters, kMostStoredValues / n_parameters));
  }
  std::vector<Refit> refits(static_cast<size_t>(resamples));
  ThreadPool pool(fit.options.threads > 0 ? fit.options.threads : available_cores());
  constexpr size_t kChunk = 16;
  const size_t chunks = (refits.size() + kChunk - 1) / kChunk;
  std::mutex lock;
  int done = 0;
  pool.parallel_for(chunks, [&](size_t chunk) {
    std::vector<double> counts(n_units);
    Eigen::VectorXd weights = fit.model.weights();
    const size_t end = std::min(refits.size(), (chunk + 1) * kChunk);
    for (size_t r = chunk * kChunk; r < end; ++r) {
      draw_units(fit.options.seed, static_cast<uint32_t>(r), counts);
      for (size_t row = 0; row < unit.size(); ++row) {
        const auto i = static_cast<Eigen::Index>(row);
        weights[i] = fit.model.weights()[i] * counts[unit[row]];
      }
      refits[r] = refit(fit, weights);
    }
    if (!fit.options.progress) return;
    const std::scoped_lock guard(lock);
    done += static_cast<int>(end - chunk * kChunk);
    fit.options.progress(done, resamples);
  });
  Resampling summary{unit_text(fit.data), n_units, resamples, 0, 0, std::vector<std::vector<double>>(n_parameters)};
  for (const Refit& one : refits) {
    summary.failed += !one.unique;
    summary.at_bound += one.unique && one.at_bound;
    for (size_t p = 0; p < n_parameters && one.unique; ++p) summary.draws[p].push_back(one.values[p]);
  }
  if (summary.failed > 0) {
    result.warnings.push_back(fmt::format(
        "{} of {} resamples had too few different x for a unique answer and are left out", summary.failed, resamples));
  }
  if (n_units < kFewUnits) {
    result.warnings.push_back(fmt::format("only {} {} to resample: bootstrap intervals from so few are too narrow",
                                          n_units, unit_text(fit.data)));
  }
  for (size_t p = 0; p < n_parameters; ++p) {
    auto& [name, parameter] = result.parameters[p];
    if (parameter.held) continue;
    summarize(summary.draws[p], resamples, name, parameter, result.warnings);
    // The asymptotic error of a robust fit rests on the few residuals within delta.
    if (is_robust(fit.model.objective()) && parameter.bootstrap_sd) parameter.se = parameter.bootstrap_sd;
  }
  result.resampling = std::move(summary);
  warn_of_empty_groups(fit, result, result.warnings);
}

}  // namespace superpose::fit
