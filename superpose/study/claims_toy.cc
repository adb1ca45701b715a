// SPDX-License-Identifier: Apache-2.0
// The rows of the ledger that toy models decide. docs/claims.md says what each one compares.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "superpose/fit/fit.h"
#include "superpose/geometry/geometry.h"
#include "superpose/report/report.h"
#include "superpose/study/files.h"
#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr const char* kRunPaper = "run studies/paper.yaml";
constexpr const char* kRunQuick = "run studies/quick.yaml";

bool at_unit_density(const Toy& t) { return near(t.density, 1); }
bool strong_dial(double gamma) { return gamma <= -0.3; }                   // the paper's strong region
bool middle_strong(double gamma) { return gamma > -0.8 && gamma < -0.3; }  // the three decays of Fig. 6e

std::vector<Toy> select(const Findings& findings, const std::function<bool(const Toy&)>& keep) {
  std::vector<Toy> out;
  for (Toy& t : paper_runs(findings.toys)) {
    if (keep(t)) out.push_back(std::move(t));
  }
  return out;
}

// Cells at density 1 that pass and have at least one complete seed.
std::vector<Cell> complete_cells(const Findings& findings,
                                 const std::function<bool(double alpha, double gamma)>& keep) {
  std::vector<Cell> out;
  for (Cell& c : cells(select(findings, at_unit_density))) {
    if (keep(c.alpha, c.gamma) && !exponents(c).empty()) out.push_back(std::move(c));
  }
  return out;
}

fit::Table published(const char* file) {
  const std::string path = std::string("published/") + file;
  return fit::read_table(study_file(path), path);
}

std::string cell_names(const std::vector<Cell>& all) {
  if (all.size() > 6) return fmt::format("{} cells", all.size());
  std::string out;
  for (const Cell& c : all) out += fmt::format("{}(α={}, γ={})", out.empty() ? "" : ", ", text(c.alpha), text(c.gamma));
  return out;
}

Measure mean_over(const std::vector<Cell>& all, const std::string& what,
                  const std::function<double(double)>& expected = {}) {
  const auto estimate = mean_exponent(all, expected);
  if (!estimate) return not_run(fmt::format("no seed is complete in all of {}; {}", cell_names(all), kRunPaper));
  return {estimate->value, estimate->ci95, fmt::format("{} over {}; {}", what, cell_names(all), estimate->how)};
}

// Mean α_m of the second cells minus that of the first. Seeds that are complete in all of them are paired; with one
// seed the half widths of two independent regressions add in quadrature.
std::optional<Estimate> exponent_change(const std::vector<Cell>& from, const std::vector<Cell>& to) {
  std::map<int64_t, double> by_seed;
  std::map<int64_t, size_t> count;
  const auto add = [&](const std::vector<Cell>& all, double sign) {
    for (const Cell& cell : all) {
      for (const Exponent& e : exponents(cell)) {
        by_seed[e.seed] += sign * e.value / static_cast<double>(all.size());
        ++count[e.seed];
      }
    }
  };
  add(from, -1), add(to, 1);
  std::erase_if(by_seed, [&](const auto& entry) { return count[entry.first] != from.size() + to.size(); });
  const auto low = mean_exponent(from), high = mean_exponent(to);
  if (by_seed.empty() || !low || !high) return std::nullopt;
  const double half = std::hypot(low->value - low->ci95->first, high->value - high->ci95->first);
  const double change = high->value - low->value;
  return over_seeds(by_seed, {change, {{change - half, change + half}}, high->how});
}

std::string range(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{} to {}", text(*low), text(*high));
}

}  // namespace

Measure dial_strong_end(const Findings& findings) {
  std::vector<double> phi;
  for (const Toy& t :
       select(findings, [](const Toy& t) { return at_unit_density(t) && near(t.alpha, 1) && t.gamma < -0.5; })) {
    phi.push_back(t.number("phi_half"));
  }
  if (phi.size() < 3) return not_run(kRunQuick);
  return {*std::min_element(phi.begin(), phi.end()), std::nullopt,
          fmt::format("the smallest φ_1/2 of {} runs with γ < -0.5 at α = 1 ({}); a count, no interval", phi.size(),
                      range(phi))};
}

Measure dial_weak_end(const Findings& findings) {
  const fit::Table table = published("fig3a_phi_half.csv");
  const auto gamma = table.numbers("gamma"), m = table.numbers("m"), phi = table.numbers("phi_half");
  std::string where;
  std::vector<double> differences, multiples;
  for (const Toy& t :
       select(findings, [](const Toy& t) { return at_unit_density(t) && near(t.alpha, 1) && t.gamma > 0.3; })) {
    for (size_t i = 0; i < table.rows(); ++i) {
      if (!near(gamma[i], t.gamma) || m[i] != static_cast<double>(t.m)) continue;
      differences.push_back(std::fabs(t.number("phi_half") - phi[i]));
      multiples.push_back(t.number("phi_half") * 1000 / static_cast<double>(t.m));
      if (differences.back() < *std::max_element(differences.begin(), differences.end())) continue;
      where = fmt::format("{} here, {} published at γ = {}, m = {}", text(t.number("phi_half")), text(phi[i]),
                          text(t.gamma), t.m);
    }
  }
  if (differences.size() < 4) return not_run(kRunQuick);
  return {median(differences), median_interval(differences),
          fmt::format("over {} runs with γ > 0.3, bootstrap over runs; the largest difference is {}. φ_1/2 is {} times "
                      "m/n, so \"φ ~ m/n\" is an order of magnitude",
                      differences.size(), where, range(multiples))};
}

Measure dial_map(const Findings& findings) {
  const fit::Table table = published("fig3b_phi_half_heatmap_m39.csv");
  const auto alpha = table.numbers("alpha"), gamma = table.numbers("gamma"), phi = table.numbers("phi_half");
  std::vector<double> differences;
  for (const Toy& t : select(findings, [](const Toy& t) { return at_unit_density(t) && t.m == 39; })) {
    for (size_t i = 0; i < table.rows(); ++i) {
      if (near(alpha[i], t.alpha) && near(gamma[i], t.gamma))
        differences.push_back(std::fabs(t.number("phi_half") - phi[i]));
    }
  }
  if (differences.size() < 50) {
    return not_run(fmt::format("{} of the map's 170 cells were run; {}", differences.size(), kRunPaper));
  }
  return {
      median(differences), median_interval(differences),
      fmt::format("median |difference| of φ_1/2 over {} cells at m = 39; bootstrap over cells", differences.size())};
}

Measure weak_loss_is_unlearned(const Findings& findings) {
  std::vector<double> errors;
  for (const Toy& t : select(findings, [](const Toy& t) { return at_unit_density(t) && t.gamma > 0.3; })) {
    if (t.number("loss_unlearned") > 0) errors.push_back(std::fabs(t.number("loss") / t.number("loss_unlearned") - 1));
  }
  if (errors.size() < 4) return not_run(kRunQuick);
  return {median(errors), median_interval(errors),
          fmt::format("median |L / Σ unlearned - 1| over {} runs with γ > 0.3 (largest {}); bootstrap over runs",
                      errors.size(), text(*std::max_element(errors.begin(), errors.end())))};
}

namespace {
std::vector<Cell> weak_steep(const Findings& findings) {
  return complete_cells(findings, [](double alpha, double gamma) { return near(gamma, 1.0 / 3) && alpha > 1.2; });
}

// α_m of the ideal weak model at this n: k = m features learned, Σ_{i>m} (4/3 p_i - p_i²) lost.
double ideal_exponent(double alpha) {
  const std::vector<double> widths(std::begin(kPaperWidths), std::end(kPaperWidths));
  return report::ideal_weak_exponent(alpha, 1, 1000, widths);
}
}  // namespace

Measure weak_exponent_asymptotic(const Findings& findings) {
  const auto all = weak_steep(findings);
  if (all.empty()) return not_run(kRunQuick);
  return mean_over(all, "mean of α_m - (α - 1)", [](double alpha) { return alpha - 1; });
}

Measure weak_exponent_exact(const Findings& findings) {
  const auto all = weak_steep(findings);
  if (all.empty()) return not_run(kRunQuick);
  return mean_over(all, "mean of α_m - (slope of the exact sum)", ideal_exponent);
}

Measure strong_exponent_flat_data(const Findings& findings) {
  const auto all =
      complete_cells(findings, [](double alpha, double gamma) { return near(alpha, 0) && middle_strong(gamma); });
  if (all.empty()) return not_run(kRunPaper);
  return mean_over(all, "mean α_m at α = 0");
}

Measure strong_exponent_alpha_one(const Findings& findings) {
  const auto all =
      complete_cells(findings, [](double alpha, double gamma) { return near(alpha, 1) && strong_dial(gamma); });
  if (all.empty()) return not_run(kRunQuick);
  return mean_over(all, "mean α_m at α = 1");
}

Measure weak_exponent_small(const Findings& findings) {
  const auto all = complete_cells(findings, [](double alpha, double gamma) { return near(alpha, 1) && gamma > 0.1; });
  if (all.empty()) return not_run(kRunQuick);
  return mean_over(all, "mean α_m in the weak regime");
}

// The region of D14: α <= 1 and the three middle decays. One α alone says nothing about "flat data".
Measure strong_exponent_region(const Findings& findings) {
  const auto all =
      complete_cells(findings, [](double alpha, double gamma) { return alpha < 1.001 && middle_strong(gamma); });
  const auto has = [&](double low, double high) {
    return std::any_of(all.begin(), all.end(), [&](const Cell& c) { return c.alpha > low && c.alpha < high; });
  };
  if (!has(-1, 0.26) || !has(0.3, 0.7) || !has(0.74, 1.01)) {
    return not_run(fmt::format("needs data exponents from 0 to 1, {} run; {}",
                               all.empty() ? "none was" : "only " + cell_names(all), kRunPaper));
  }
  return mean_over(all, "mean α_m");
}

Measure strong_exponent_rise(const Findings& findings) {
  const auto at = [&](double wanted) {
    return complete_cells(findings,
                          [&](double alpha, double gamma) { return near(alpha, wanted) && middle_strong(gamma); });
  };
  auto flat = at(0);
  auto steep = at(1);
  // The same decays on both sides.
  const auto without_partner = [](std::vector<Cell>& a, const std::vector<Cell>& b) {
    std::erase_if(a, [&](const Cell& c) {
      return std::none_of(b.begin(), b.end(), [&](const Cell& other) { return near(c.gamma, other.gamma); });
    });
  };
  without_partner(flat, steep);
  without_partner(steep, flat);
  if (flat.empty()) return not_run(fmt::format("needs α = 0 and α = 1 at one decay; {}", kRunPaper));
  const auto change = exponent_change(flat, steep);
  if (!change) return not_run(fmt::format("no seed is complete at α = 0 and α = 1; {}", kRunPaper));
  return {change->value, change->ci95,
          fmt::format("α_m({}) at α = 1 minus {} at α = 0; {}", text(change->value + mean_exponent(flat)->value),
                      text(mean_exponent(flat)->value), change->how)};
}

Measure steep_exponent(const Findings& findings) {
  const auto all =
      complete_cells(findings, [](double alpha, double gamma) { return alpha > 1.49 && middle_strong(gamma); });
  if (all.empty()) return not_run(kRunQuick);
  return mean_over(all, "mean of α_m - 2(α - 1)", [](double alpha) { return 2 * (alpha - 1); });
}

Measure strong_row_count(const Findings& findings) {
  std::vector<double> logs;
  for (const Toy& t :
       select(findings, [](const Toy& t) { return at_unit_density(t) && near(t.gamma, -1) && t.m >= 25; })) {
    const double m = static_cast<double>(t.m);
    logs.push_back(std::log2(t.number("rows_strong") / std::min(1000.0, m * m / 2)));
  }
  if (logs.size() < 4) return not_run(fmt::format("{} runs at γ = -1 with m >= 25; {}", logs.size(), kRunPaper));
  return {median(logs), median_interval(logs),
          fmt::format("median of log2(strong rows / min(n, m²/2)) over {} runs at γ = -1, m >= 25; bootstrap over runs",
                      logs.size())};
}

Measure strong_overlap_bounds(const Findings& findings) {
  std::vector<double> scaled;
  size_t inside = 0;
  std::string outside;
  double welch_gap = 0;
  for (const Toy& t : select(findings, [](const Toy& t) { return at_unit_density(t) && t.gamma < -0.3; })) {
    const double overlap = t.number("overlap_mean_square_strong");
    if (!std::isfinite(overlap)) continue;
    const double m = static_cast<double>(t.m);
    const double kappa_square = *geometry::kappa_square(1000, static_cast<size_t>(t.m));
    scaled.push_back(overlap * m);
    const bool ok = overlap >= 0.95 * kappa_square && overlap <= 1.13 / m;
    inside += ok;
    if (!ok)
      outside += fmt::format("{}(α={}, γ={}, m={}: {}/m)", outside.empty() ? "" : ", ", text(t.alpha), text(t.gamma),
                             t.m, text(overlap * m));
    const double bound = t.number("welch_bound_strong");
    if (std::isfinite(bound)) welch_gap = std::max(welch_gap, overlap / std::max(bound, 1e-12));
  }
  if (scaled.size() < 6) return not_run(kRunQuick);
  const double share = static_cast<double>(inside) / static_cast<double>(scaled.size());
  if (outside.size() > 200) outside = outside.substr(0, outside.find("), ", 150) + 1) + ", ...";
  return {share, std::nullopt,
          fmt::format(
              "{} of {} runs with γ < -0.3 lie between 0.95 κ² and 1.13/m; overlap·m is {}{}. Welch's bound for the "
              "actual number of strong rows is passed by a factor of at most {}",
              inside, scaled.size(), range(scaled), outside.empty() ? "" : "; outside: " + outside, text(welch_gap))};
}

Measure strong_overlap_published(const Findings& findings) {
  const fit::Table table = published("fig6d_mean_sq_overlap_range.csv");
  const auto m = table.numbers("m"), low = table.numbers("min_over_alpha"), high = table.numbers("max_over_alpha");
  size_t count = 0, inside = 0;
  for (const Toy& t : select(findings, [](const Toy& t) { return at_unit_density(t) && t.gamma < -0.3; })) {
    const double overlap = t.number("overlap_mean_square_strong");
    for (size_t i = 0; i < m.size(); ++i) {
      if (m[i] != static_cast<double>(t.m) || !std::isfinite(overlap)) continue;
      ++count;
      inside += overlap >= 0.95 * low[i] && overlap <= 1.05 * high[i];
    }
  }
  if (count < 6) return not_run(kRunQuick);
  return {static_cast<double>(inside) / static_cast<double>(count), std::nullopt,
          fmt::format("{} of {} runs with γ < -0.3 lie within 5 % of the published range at their m", inside, count)};
}

Measure all_rows_overlap_slope(const Findings& findings) {
  std::vector<SeedPoint> points;
  std::set<int64_t> widths;
  for (const Toy& t :
       select(findings, [](const Toy& t) { return at_unit_density(t) && near(t.alpha, 1) && near(t.gamma, -1); })) {
    if (!(t.number("overlap_mean_square_all") > 0)) continue;
    points.push_back({t.seed, static_cast<double>(t.m), t.number("overlap_mean_square_all")});
    widths.insert(t.m);
  }
  const auto slope = power_over_seeds(points);
  if (widths.size() < std::size(kPaperWidths) || !slope)
    return not_run(fmt::format("needs the six widths at α = 1, γ = -1; {}", kRunPaper));
  return {slope->value, slope->ci95,
          fmt::format("minus the slope of ln overlap on ln m over all rows of {} runs at α = 1, γ = -1; {}",
                      points.size(), slope->how)};
}

namespace {
// α = 1, one strong decay; by density.
std::vector<Cell> density_cells(const Findings& findings, double gamma) {
  auto out = cells(select(findings, [&](const Toy& t) { return near(t.alpha, 1) && near(t.gamma, gamma); }));
  std::sort(out.begin(), out.end(), [](const Cell& a, const Cell& b) { return a.density < b.density; });
  return out;
}
}  // namespace

Measure density_and_exponent(const Findings& findings) {
  auto all = density_cells(findings, -5.0 / 9);
  std::erase_if(all, [](const Cell& c) { return exponents(c).empty(); });
  if (all.size() < 2 || all.back().density < 4)
    return not_run(fmt::format("needs densities from 1 to 7.5; {}", kRunPaper));
  const auto change = exponent_change({all.front()}, {all.back()});
  if (!change) return not_run(fmt::format("no seed is complete at both densities; {}", kRunPaper));
  const double low = mean_exponent({all.front()})->value;
  return {change->value, change->ci95,
          fmt::format("α_m {} at E = {} minus {} at E = {}; {}", text(low + change->value), text(all.back().density),
                      text(low), text(all.front().density), change->how)};
}

Measure density_and_loss(const Findings& findings) {
  std::vector<SeedPoint> points;
  std::set<double> densities;
  for (const Cell& c : density_cells(findings, -5.0 / 9)) {
    for (const Toy& t : c.runs) {
      if (t.m == 63) points.push_back({t.seed, c.density, t.number("loss")}), densities.insert(c.density);
    }
  }
  const auto slope = power_over_seeds(points);
  if (densities.size() < 4 || !slope)
    return not_run(fmt::format("needs densities from 1 to 7.5 at m = 63; {}", kRunPaper));
  Measure out{-slope->value, std::nullopt,
              fmt::format("slope of ln L on ln E at m = 63, γ = -0.556, {} runs; {}", points.size(), slope->how)};
  if (slope->ci95) out.ci95 = {-slope->ci95->second, -slope->ci95->first};
  return out;
}

}  // namespace superpose::study
