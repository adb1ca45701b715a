// SPDX-License-Identifier: Apache-2.0
// What the functions behind the ledger's rows share. Private to study/.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "superpose/study/claims.h"

namespace superpose::study {

// A measured quantity; value absent = the findings cannot say, `because` tells why.
struct Measure {
  std::optional<double> value;
  std::optional<std::pair<double, double>> ci95;
  std::string because;
};
Measure not_run(const std::string& why);

// A finished toy run of the paper's small experiments.
struct Toy {
  double alpha = 0, gamma = 0, density = 1;
  int64_t m = 0, seed = 0;
  Json result;
  double number(const char* field) const;  // NaN when null
};
struct Protocol {
  int64_t features = 1000, steps = 20000, batch = 2048;
};
// Keeps finished runs with a power law, of these sizes and otherwise the paper's: every other field at its default (a
// shortened schedule, say, gives other exponents).
std::vector<Toy> protocol_runs(const std::vector<store::Run>& runs, const Protocol& protocol);
std::vector<Toy> paper_runs(const std::vector<store::Run>& runs);  // of the default one

// Runs that share everything but m and seed.
struct Cell {
  double alpha = 0, gamma = 0, density = 1;
  std::vector<Toy> runs;
};
std::vector<Cell> cells(const std::vector<Toy>& runs);
bool near(double a, double b);  // equal to 1e-3: -5/9, -0.5556 and -0.556 are one γ

inline constexpr int64_t kPaperWidths[] = {10, 15, 25, 39, 63, 100};

// α_m of a cell: minus the slope of ln L on ln m over the paper's six widths, per seed.
struct Exponent {
  double value = 0;
  double se = 0;  // of the regression
  int64_t seed = 0;
};
std::vector<Exponent> exponents(const Cell& cell);  // of the seeds that have all six widths

// The mean over cells of (α_m - expected(α)). With two seeds or more that are complete in every cell, the interval is
// Student's over the seeds' means; with one it is the regressions', combined. Empty when no seed is complete.
struct Estimate {
  double value = 0;
  std::optional<std::pair<double, double>> ci95;
  std::string how;  // "the interval is the regression's ..., one seed" or "the interval is over 5 seeds"
};
std::optional<Estimate> mean_exponent(const std::vector<Cell>& cells,
                                      const std::function<double(double)>& expected = {});

// The mean of one value per seed and Student's interval of it. With one seed: that value, with the interval given, and
// `how` as given.
Estimate over_seeds(const std::map<int64_t, double>& by_seed, const Estimate& of_one);

// minus the slope of ln y on ln x, per seed over the seeds' common points. Runs: (seed, x, y). With several seeds the
// interval is over their slopes, with one it is the regression's. Empty for fewer than three points.
struct SeedPoint {
  int64_t seed = 0;
  double x = 0, y = 0;
};
std::optional<Estimate> power_over_seeds(const std::vector<SeedPoint>& points);

// The 95 % interval of the median by case resampling, 2000 times, seed 0. At least 3 values.
std::pair<double, double> median_interval(const std::vector<double>& values);
double median(std::vector<double> values);

std::string text(double value, int digits = 3);

// The rows' functions, by file. Each is one line of ledger.cc.
Measure dial_strong_end(const Findings&);
Measure dial_weak_end(const Findings&);
Measure dial_map(const Findings&);
Measure weak_loss_is_unlearned(const Findings&);
Measure weak_exponent_asymptotic(const Findings&);
Measure weak_exponent_exact(const Findings&);
Measure strong_exponent_flat_data(const Findings&);
Measure strong_exponent_alpha_one(const Findings&);
Measure weak_exponent_small(const Findings&);
Measure strong_exponent_region(const Findings&);
Measure strong_exponent_rise(const Findings&);
Measure steep_exponent(const Findings&);
Measure strong_row_count(const Findings&);
Measure strong_overlap_bounds(const Findings&);
Measure strong_overlap_published(const Findings&);
Measure all_rows_overlap_slope(const Findings&);
Measure density_and_exponent(const Findings&);
Measure density_and_loss(const Findings&);
Measure norms_dip_at_one(const Findings&);
Measure batch_and_steps(const Findings&);
Measure law_ends(const Findings&);
Measure loss_beyond_the_end(const Findings&);
Measure weak_frontier(const Findings&);
Measure weak_frontier_level(const Findings&);
Measure strong_frontier(const Findings&);
Measure toy_models_plateau_one(const Findings&);
Measure toy_models_plateau_half(const Findings&);
Measure toy_models_phase_boundary(const Findings&);
Measure toy_models_correlated(const Findings&);
Measure toy_models_anticorrelated(const Findings&);
Measure toy_models_linear(const Findings&);
Measure toy_models_relu(const Findings&);
Measure head_overlap_slope(const Findings&);
Measure head_overlap_level(const Findings&);
Measure heads_strong(const Findings&);
Measure llm_alpha(const Findings&);
Measure llm_coefficient(const Findings&);
Measure llm_error_bar(const Findings&);
Measure llm_alpha_is_one(const Findings&);

// The joint fit of the 27 models' recovered losses, with a bootstrap over models.
fit::Result fit_language_models();

}  // namespace superpose::study
