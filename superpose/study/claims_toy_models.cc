// SPDX-License-Identifier: Apache-2.0
// The ledger's rows about "Toy Models of Superposition" (Elhage et al. 2022), decided by the runs of
// studies/toy-models.yaml. docs/claims.md says what each one compares.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "superpose/study/measure.h"
#include "superpose/toy/toy.h"

namespace superpose::study {
namespace {

constexpr const char* kRunToyModels = "run studies/toy-models.yaml";
constexpr int64_t kLeastSteps = 2000;  // a shorter run has not settled and decides nothing
constexpr double kPresent = 0.3;       // |w| above which one of two features is represented; they jump from 0 to 0.7

// A finished run on x ~ U(0, 1) with equal frequencies and a tied decoder.
struct Run {
  toy::Config config;
  Json result;
  double p() const { return config.density / static_cast<double>(config.features); }
  double loss() const { return result.value("eval_loss", 0.0); }
};

std::vector<Run> runs_with(const Findings& findings, int64_t n, int64_t m) {
  std::vector<Run> out;
  for (const store::Run& run : findings.toys) {
    if (run.kind != "toy" || run.status != "ok") continue;
    try {
      const toy::Config c = toy::config_from_json(run.config);
      const bool equal = c.law == "uniform" || c.law == "power:0";
      if (!equal || c.values != "uniform:0:1" || c.decoder != "tied" || !c.bias || c.steps < kLeastSteps) continue;
      if (c.features != n || c.dim != m || !run.result.contains("eval_loss") || !run.result["eval_loss"].is_number())
        continue;
      out.push_back({c, run.result});
    } catch (const Error&) {
      continue;  // written by a later version
    }
  }
  return out;
}

using Rows = std::vector<std::vector<double>>;

// W, where the result holds it.
std::optional<Rows> weights_of(const Run& run) {
  if (!run.result.contains("weights") || !run.result["weights"].is_array()) return std::nullopt;
  Rows out;
  for (const Json& row : run.result["weights"]) out.push_back(row.get<std::vector<double>>());
  return out;
}

// W of the run with the lowest loss: training has local minima, the claims are about the best one.
template <class Loss>
std::optional<Rows> best_weights(const std::vector<Run>& runs, const Loss& loss) {
  const Run* best = nullptr;
  for (const Run& run : runs) {
    if (weights_of(run) && (!best || loss(run) < loss(*best))) best = &run;
  }
  return best ? weights_of(*best) : std::nullopt;
}

// The loss of n = 2 features in one dimension over all data, not a sample: two minima that are nearly as deep could not
// be told apart by samples. Midpoints of 64 cells per feature; 1 and r are the importances.
double exact_pair_loss(const Run& run, double r) {
  const auto W = weights_of(run);
  if (!W || !run.result.contains("biases") || !run.result["biases"].is_array()) return INFINITY;
  const double w[2] = {(*W)[0][0], (*W)[1][0]}, b[2] = {run.result["biases"][0], run.result["biases"][1]};
  constexpr int kCells = 64;
  const double p = run.p();
  const auto at = [&](double x0, double x1) {
    const double h = w[0] * x0 + w[1] * x1;
    const double e0 = std::max(0.0, w[0] * h + b[0]) - x0, e1 = std::max(0.0, w[1] * h + b[1]) - x1;
    return e0 * e0 + r * e1 * e1;
  };
  double alone = 0, both = 0;
  for (int i = 0; i < kCells; ++i) {
    const double x = (i + 0.5) / kCells;
    alone += (at(x, 0) + at(0, x)) / kCells;
    for (int k = 0; k < kCells; ++k) both += at(x, (k + 0.5) / kCells) / (kCells * kCells);
  }
  return (1 - p) * (1 - p) * at(0, 0) + p * (1 - p) * alone + p * p * both;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < a.size(); ++k) ab += a[k] * b[k], aa += a[k] * a[k], bb += b[k] * b[k];
  return ab / std::sqrt(std::max(aa * bb, 1e-300));
}

// The largest |D* - plateau| over the runs with 1/p in [from, to], D* = m/|W|² the dimensions per feature.
Measure plateau(const Findings& findings, double plateau, double from, double to) {
  std::optional<double> worst;
  std::string list;
  size_t count = 0;
  for (const Run& run : runs_with(findings, 200, 20)) {
    const double inverse = 1 / run.p();
    constexpr double kRounding = 1.002;  // densities are written with five digits
    if (run.config.importance != "uniform" || run.config.correlation != "none" || run.config.activation != "relu" ||
        inverse * kRounding < from || inverse > to * kRounding)
      continue;
    if (!run.result.contains("frobenius_square") || !run.result["frobenius_square"].is_number()) continue;
    const double per_feature = 20 / run.result["frobenius_square"].get<double>();
    worst = std::max(worst.value_or(0), std::fabs(per_feature - plateau));
    if (++count <= 8) list += fmt::format("{}{} at {}", list.empty() ? "" : ", ", text(per_feature), text(inverse));
  }
  if (!worst || count < 2) return not_run(kRunToyModels);
  return {worst, std::nullopt, fmt::format("D* against 1/(1-S): {}", list)};
}

// Pairs (1,2) and (3,4) of n = 4 features in m = 2 dimensions.
template <class Worst>
Measure pair_cosines(const Findings& findings, const char* correlation, Worst worst) {
  std::map<double, std::vector<Run>> by_p;
  for (Run& run : runs_with(findings, 4, 2)) {
    if (run.config.correlation == correlation && run.config.importance == "uniform" && run.config.activation == "relu")
      by_p[run.p()].push_back(std::move(run));
  }
  std::optional<double> out;
  std::string list;
  size_t seeds = 0;
  for (const auto& [p, runs] : by_p) {
    const auto W = best_weights(runs, [](const Run& run) { return run.loss(); });
    if (!W || W->size() != 4) continue;
    const double a = cosine((*W)[0], (*W)[1]), b = cosine((*W)[2], (*W)[3]);
    list += fmt::format("{}{} and {} at p = {}", list.empty() ? "" : ", ", text(a), text(b), text(p));
    seeds = std::max(seeds, runs.size());
    for (const double c : {a, b}) out = out ? worst(*out, c) : worst(c, c);
  }
  if (!out) return not_run(kRunToyModels);
  return {out, std::nullopt, fmt::format("cosines within the two pairs {}; the best of {} seeds", list, seeds)};
}

struct Ratio {
  double value = 0, half_width = 0;  // with its 95 % interval, from the spread of the fresh batches
};

// n = 20 features in 5 dimensions, by activation and density: the lowest loss, over what principal components lose.
// Equal independent features have covariance σ²I, so a linear model of rank m with a bias loses (n-m)σ² at least.
std::map<double, Ratio> loss_over_pca(const Findings& findings, const char* activation) {
  std::map<double, Ratio> out;
  for (const Run& run : runs_with(findings, 20, 5)) {
    if (run.config.activation != activation || run.config.importance != "uniform" || run.config.correlation != "none")
      continue;
    const double p = run.p(), pca = 15 * (p / 3 - p * p / 4);
    const Ratio ratio{run.loss() / pca, 1.96 * run.result.value("eval_loss_se", 0.0) / pca};
    const auto [place, is_new] = out.try_emplace(p, ratio);
    if (!is_new && ratio.value < place->second.value) place->second = ratio;
  }
  return out;
}

}  // namespace

Measure toy_models_plateau_one(const Findings& findings) { return plateau(findings, 1, 1, 1 / 0.85); }

Measure toy_models_plateau_half(const Findings& findings) { return plateau(findings, 0.5, 2.2, 3.6); }

// n = 2, m = 1: up to which density are two features held in one dimension, as an antipodal pair? Importance r of the
// second: L(pair) = (1+r)p²/6 and L(the lesser ignored) = min(1,r)(p/3 - p²/4) cross at p* = 4r/(5r+2), with 1/r for r
// >
// 1. The exact minimum over biases, too, lies up to .031 higher.
Measure toy_models_phase_boundary(const Findings& findings) {
  std::map<double, std::map<double, std::vector<Run>>> runs;  // r, p
  for (Run& run : runs_with(findings, 2, 1)) {
    if (run.config.correlation != "none" || run.config.activation != "relu") continue;
    const auto weights = toy::make_importance(run.config.importance, 2).value;
    runs[weights.empty() ? 1.0 : weights[1]][run.p()].push_back(std::move(run));
  }
  std::optional<double> worst;
  std::string list;
  for (const auto& [r, by_p] : runs) {
    const double relative = std::min(r, 1 / r);
    if (relative > 0.9) continue;  // at r = 1 a shrunken pair stays best for every p < 1: no boundary
    const double expected = 4 * relative / (5 * relative + 2);
    std::optional<double> boundary;
    bool beyond = false;
    for (const auto& [p, seeds] : by_p) {
      const auto W = best_weights(seeds, [&, r = r](const Run& run) { return exact_pair_loss(run, r); });
      if (!W) continue;
      const double a = (*W)[0][0], b = (*W)[1][0];
      const bool pair = a * b < 0 && std::min(std::fabs(a), std::fabs(b)) > kPresent;
      if (pair) boundary = p;
      beyond = !pair;
    }
    if (!boundary || !beyond) continue;  // the grid does not enclose it
    worst = std::max(worst.value_or(0), std::fabs(*boundary - expected));
    list +=
        fmt::format("{}{} (formula {}) at r = {}", list.empty() ? "" : ", ", text(*boundary), text(expected), text(r));
  }
  if (!worst) return not_run(kRunToyModels);
  return {worst, std::nullopt, "pairs up to p = " + list + "; the best seed of each point"};
}

Measure toy_models_correlated(const Findings& findings) {
  return pair_cosines(findings, "together:2", [](double a, double b) { return std::max(std::fabs(a), std::fabs(b)); });
}

Measure toy_models_anticorrelated(const Findings& findings) {
  return pair_cosines(findings, "exclusive:2", [](double a, double b) { return std::max(a, b); });
}

Measure toy_models_linear(const Findings& findings) {
  const auto ratios = loss_over_pca(findings, "linear");
  if (ratios.size() < 2) return not_run(kRunToyModels);
  Ratio worst{1, 0};
  std::string list;
  for (const auto& [p, ratio] : ratios) {
    if (std::fabs(ratio.value - 1) > std::fabs(worst.value - 1)) worst = ratio;
    list += fmt::format("{}{} at p = {}", list.empty() ? "" : ", ", text(ratio.value, 4), text(p));
  }
  return {worst.value - 1,
          {{worst.value - 1 - worst.half_width, worst.value - 1 + worst.half_width}},
          "L(linear) / L(principal components): " + list + "; the interval is over fresh batches"};
}

Measure toy_models_relu(const Findings& findings) {
  const auto ratios = loss_over_pca(findings, "relu");
  if (ratios.size() < 2) return not_run(kRunToyModels);
  std::string list;
  for (const auto& [p, ratio] : ratios)
    list += fmt::format("{}{} at p = {}", list.empty() ? "" : ", ", text(ratio.value), text(p));
  return {ratios.begin()->second.value, std::nullopt, "L(ReLU) / L(principal components): " + list};
}

}  // namespace superpose::study
