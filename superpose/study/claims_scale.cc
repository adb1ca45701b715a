// SPDX-License-Identifier: Apache-2.0
// Rows about where the paper's protocol ends: widths near the number of features, other batches and lengths of
// training, and the shape of the norms.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "superpose/fit/fit.h"
#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr const char* kRunEnd = "run studies/end-of-law.yaml";
constexpr int64_t kEndFeatures = 200;  // n of that study
constexpr double kLeastLoss = 1e-9;    // what float sums leave of a loss of 0, which may come out negative
constexpr double kHalf = 0.5;          // a loss below half of what the law says has left it

// One seed of one cell at n = 200: the law through the widths up to n/4, and how far the loss is below it after.
struct Departure {
  double alpha = 0;
  std::vector<std::pair<double, double>> ratio;  // (m, L / law), m ascending, from n/4 on
  std::optional<double> end() const;             // the m at which it falls through one half, between two widths
};

std::optional<double> Departure::end() const {
  for (size_t k = 1; k < ratio.size(); ++k) {
    const auto [m0, r0] = ratio[k - 1];
    const auto [m1, r1] = ratio[k];
    if (r0 < kHalf || r1 >= kHalf) continue;
    const double t = std::log(r0 / kHalf) / std::log(r0 / r1);  // straight between the two, log-log
    return m0 * std::pow(m1 / m0, t);
  }
  return std::nullopt;
}

// By seed, those of all cells of strong superposition.
std::map<int64_t, std::vector<Departure>> departures(const Findings& findings) {
  std::map<int64_t, std::vector<Departure>> out;
  Protocol small;
  small.features = kEndFeatures;
  const double n = kEndFeatures;
  for (const Cell& cell : cells(protocol_runs(findings.toys, small))) {
    if (cell.gamma > -0.3 || !near(cell.density, 1)) continue;
    std::map<int64_t, std::map<double, double>> by_seed;
    for (const Toy& t : cell.runs) by_seed[t.seed][static_cast<double>(t.m)] = std::max(kLeastLoss, t.number("loss"));
    for (const auto& [seed, losses] : by_seed) {
      std::vector<double> m, loss;
      for (const auto& [width, value] : losses) {
        if (width <= n / 4) m.push_back(width), loss.push_back(value);
      }
      if (m.size() < 3 || losses.rbegin()->first < 2 * n) continue;
      const auto law = fit::fit_power(m, loss, {.brief = true});
      Departure d{cell.alpha, {}};
      for (const auto& [width, value] : losses) {
        if (width >= m.back())
          d.ratio.emplace_back(width, value / (law["C"].value * std::pow(width, -law["alpha"].value)));
      }
      out[seed].push_back(std::move(d));
    }
  }
  return out;
}

// The mean over cells of what `value` says of each, by seed; seeds that lack it in a cell are left out.
std::map<int64_t, double> means(const std::map<int64_t, std::vector<Departure>>& all,
                                const std::function<std::optional<double>(const Departure&)>& value) {
  size_t most = 0;
  for (const auto& [seed, cells] : all) most = std::max(most, cells.size());
  std::map<int64_t, double> out;
  for (const auto& [seed, cells] : all) {
    double sum = 0;
    size_t count = 0;
    for (const Departure& d : cells) {
      if (const auto x = value(d)) sum += *x, ++count;
    }
    if (count == most) out[seed] = sum / static_cast<double>(count);
  }
  return out;
}

Measure from_seeds(const std::map<int64_t, double>& by_seed, const std::string& what) {
  const Estimate e = over_seeds(by_seed, {by_seed.begin()->second, std::nullopt, "one seed, no interval"});
  return {e.value, e.ci95, what + "; " + e.how};
}

}  // namespace

Measure law_ends(const Findings& findings) {
  const auto all = departures(findings);
  if (all.empty()) return not_run(kRunEnd);
  const double n = kEndFeatures;
  const auto by_seed = means(all, [&](const Departure& d) -> std::optional<double> {
    const auto m = d.end();
    return m ? std::optional(std::log2(*m / n)) : std::nullopt;
  });
  std::string each;
  for (const Departure& d : all.begin()->second) {
    const auto m = d.end();
    each += fmt::format("{}α = {}: {}", each.empty() ? "" : ", ", text(d.alpha),
                        m ? fmt::format("m = {}", text(*m)) : "not up to the largest width");
  }
  const std::string what = fmt::format(
      "where the loss falls below half of the power law through m <= n/4, n = {} (first seed: {})", kEndFeatures, each);
  if (by_seed.empty()) return not_run(what);
  return from_seeds(by_seed, what);
}

Measure loss_beyond_the_end(const Findings& findings) {
  const auto all = departures(findings);
  if (all.empty()) return not_run(kRunEnd);
  const double n = kEndFeatures;
  const auto at = [&](const Departure& d, double width) -> std::optional<double> {
    for (const auto& [m, ratio] : d.ratio) {
      if (m == width) return ratio;
    }
    return std::nullopt;
  };
  const auto by_seed = means(all, [&](const Departure& d) { return at(d, 2 * n); });
  if (by_seed.empty()) return not_run(kRunEnd);
  std::string each;
  for (const Departure& d : all.begin()->second) {
    each += fmt::format("{}α = {}: {} at m = n, {} at 2n", each.empty() ? "" : "; ", text(d.alpha),
                        text(at(d, n).value_or(NAN)), text(at(d, 2 * n).value_or(NAN)));
  }
  return from_seeds(
      by_seed, fmt::format("loss over the power law through m <= n/4, n = {} (first seed: {})", kEndFeatures, each));
}

Measure batch_and_steps(const Findings& findings) {
  const auto base = protocol_runs(findings.toys, {});
  std::vector<double> changes;
  std::string each;
  const auto compare = [&](const Protocol& other, const char* what) {
    for (const Toy& changed : protocol_runs(findings.toys, other)) {
      for (const Toy& t : base) {
        if (!near(t.alpha, changed.alpha) || !near(t.gamma, changed.gamma) || !near(t.density, changed.density) ||
            t.m != changed.m || t.seed != changed.seed)
          continue;
        changes.push_back(std::fabs(changed.number("loss") / t.number("loss") - 1));
        if (each.size() < 400) {
          each += fmt::format("{}γ = {}, m = {}, {}: {:+.1f} %", each.empty() ? "" : "; ", text(t.gamma), t.m, what,
                              100 * (changed.number("loss") / t.number("loss") - 1));
        }
      }
    }
  };
  compare({.batch = 8192}, "batch 8192");
  compare({.steps = 80000}, "80,000 steps");
  if (changes.size() < 4) return not_run("run studies/ablation.yaml");
  return {median(changes), median_interval(changes),
          fmt::format("median |change of the loss| over {} runs; bootstrap over runs. {}", changes.size(), each)};
}

// Rows of norm near 1, against the modes on both sides of it.
Measure norms_dip_at_one(const Findings& findings) {
  std::vector<double> dips;
  for (const Toy& t : paper_runs(findings.toys)) {
    if (!near(t.density, 1) || t.gamma < -0.8 || t.gamma > -0.3 || t.alpha < 0.45 || t.alpha > 1.05) continue;
    const Json histogram = t.result.value("norm_histogram", Json());
    if (!histogram.is_object()) continue;
    const auto counts = histogram["counts"].get<std::vector<double>>();
    const double width = histogram["max"].get<double>() / static_cast<double>(counts.size());
    double below = 0, above = 0, at_one = 1e300;
    for (size_t k = 0; k < counts.size(); ++k) {
      const double low = static_cast<double>(k) * width, high = low + width;
      if (low > 0.9 && high < 1.1) at_one = std::min(at_one, counts[k]);
      if (high <= 1) below = std::max(below, counts[k]);
      if (low >= 1) above = std::max(above, counts[k]);
    }
    if (at_one < 1e300 && std::min(below, above) > 0) dips.push_back(at_one / std::min(below, above));
  }
  if (dips.size() < 4) return not_run("run studies/quick.yaml (a results table keeps no histogram of norms)");
  const auto [low, high] = std::minmax_element(dips.begin(), dips.end());
  return {median(dips), median_interval(dips),
          fmt::format("the emptiest bin between .9 and 1.1 over the lower of the two modes, median over {} runs with "
                      "-0.8 < γ < -0.3 and .5 <= α <= 1 ({} to {}); bootstrap over runs",
                      dips.size(), text(*low), text(*high))};
}

}  // namespace superpose::study
