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
    "needs runs that counted resolved features (older versions did not) over four widths; run studies/quick.yaml";
constexpr double kFeatures = 1000;

constexpr double kWeak = 1.0 / 3, kStrong = -5.0 / 9;  // one decay of each regime, the quick study's: no mixture

// At α = 1 and density 1, of runs that resolve anything.
std::vector<Toy> counted(const Findings& findings, double gamma) {
  std::vector<Toy> out;
  for (Toy& t : paper_runs(findings.toys)) {
    if (near(t.density, 1) && near(t.alpha, 1) && near(t.gamma, gamma) && t.number("features_resolved") > 0)
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

// The median of log2(i* / expected(m)) over the runs from width `from` on; the form is that of all widths.
Measure level(const std::vector<Toy>& runs, int64_t from, const std::function<double(double)>& expected,
              const std::string& what) {
  std::vector<double> logs;
  double least = 1e300, most = 0;
  for (const Toy& t : runs) {
    if (t.m < from) continue;
    const double count = t.number("features_resolved"), m = static_cast<double>(t.m);
    logs.push_back(std::log2(count / expected(m)));
    least = std::min(least, count / m), most = std::max(most, count / m);
  }
  if (logs.size() < 4) return not_run(kNoCounts);
  return {median(logs), median_interval(logs),
          fmt::format("{} over {} runs at γ = {}, α = 1; bootstrap over runs. i* is {} to {} times m. The form that "
                      "describes all widths best is {}",
                      what, logs.size(), text(runs[0].gamma), text(least), text(most), best_form(runs))};
}

}  // namespace

Measure weak_frontier(const Findings& findings) {
  const auto runs = counted(findings, kWeak);
  if (widths_of(runs) < 4) return not_run(kNoCounts);
  std::vector<SeedPoint> points;
  for (const Toy& t : runs) points.push_back({t.seed, static_cast<double>(t.m), t.number("features_resolved")});
  const auto slope = power_over_seeds(points);
  if (!slope) return not_run(kNoCounts);
  Measure out{
      -slope->value, std::nullopt,
      fmt::format("slope of ln i* on ln m over {} runs at γ = 0.333, α = 1; {}. The form that describes it best is {}",
                  runs.size(), slope->how, best_form(runs))};
  if (slope->ci95) out.ci95 = {-slope->ci95->second, -slope->ci95->first};
  return out;
}

Measure weak_frontier_level(const Findings& findings) {
  return level(
      counted(findings, kWeak), 0, [](double m) { return m; }, "median log2(i* / m)");
}

Measure strong_frontier(const Findings& findings) {
  const auto runs = counted(findings, kStrong);
  return level(
      runs, 25, [](double m) { return std::min(kFeatures, m * m / 2); }, "median log2(i* / min(n, m²/2)), m >= 25,");
}

}  // namespace superpose::study
