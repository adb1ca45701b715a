// SPDX-License-Identifier: Apache-2.0
// Rows about which features a model resolves, as a function of its width.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "superpose/study/frontier_form.h"
#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr const char* kNoCounts =
    "needs runs with per-feature results (version 0.2 on) over four widths; run studies/quick.yaml";
constexpr double kFeatures = 1000;

// At α = 1 and density 1, of runs that resolve anything.
std::vector<Toy> counted(const Findings& findings, bool strong) {
  std::vector<Toy> out;
  for (Toy& t : paper_runs(findings.toys)) {
    if (near(t.density, 1) && near(t.alpha, 1) && (strong ? t.gamma < -0.3 : t.gamma > 0.3) &&
        t.number("features_resolved") > 0)
      out.push_back(std::move(t));
  }
  return out;
}

size_t widths_of(const std::vector<Toy>& runs) {
  std::set<int64_t> widths;
  for (const Toy& t : runs) widths.insert(t.m);
  return widths.size();
}

std::string best_form(const std::vector<Toy>& runs) {
  std::vector<double> m, count;
  for (const Toy& t : runs) m.push_back(static_cast<double>(t.m)), count.push_back(t.number("features_resolved"));
  return forms_text(compare_forms(m, count, kFeatures));
}

// Mean over runs of log2(i* / expected(m)): over seeds with several, else over runs by bootstrap of the median.
Measure level(const std::vector<Toy>& runs, const std::function<double(double)>& expected, const std::string& what) {
  std::vector<double> logs;
  double least = 1e300, most = 0;
  for (const Toy& t : runs) {
    const double count = t.number("features_resolved"), m = static_cast<double>(t.m);
    logs.push_back(std::log2(count / expected(m)));
    least = std::min(least, count / m), most = std::max(most, count / m);
  }
  return {
      median(logs), median_interval(logs),
      fmt::format("{} over {} runs at α = 1; bootstrap over runs. i* is {} to {} times m; the form that describes it "
                  "best is {}",
                  what, runs.size(), text(least), text(most), best_form(runs))};
}

}  // namespace

Measure weak_frontier(const Findings& findings) {
  const auto runs = counted(findings, false);
  if (widths_of(runs) < 4) return not_run(kNoCounts);
  std::vector<SeedPoint> points;
  for (const Toy& t : runs) points.push_back({t.seed, static_cast<double>(t.m), t.number("features_resolved")});
  const auto slope = power_over_seeds(points);
  if (!slope) return not_run(kNoCounts);
  Measure out{
      -slope->value, std::nullopt,
      fmt::format(
          "slope of ln i* on ln m over {} runs with γ > 0.3 at α = 1; {}. The form that describes it best is {}",
          runs.size(), slope->how, best_form(runs))};
  if (slope->ci95) out.ci95 = {-slope->ci95->second, -slope->ci95->first};
  return out;
}

Measure weak_frontier_level(const Findings& findings) {
  const auto runs = counted(findings, false);
  if (runs.size() < 4) return not_run(kNoCounts);
  return level(
      runs, [](double m) { return m; }, "median log2(i* / m)");
}

Measure strong_frontier(const Findings& findings) {
  auto runs = counted(findings, true);
  std::erase_if(runs, [](const Toy& t) { return t.m < 25; });
  if (runs.size() < 4) return not_run(kNoCounts);
  return level(
      runs, [](double m) { return std::min(kFeatures, m * m / 2); }, "median log2(i* / min(n, m²/2)), m >= 25,");
}

}  // namespace superpose::study
