// SPDX-License-Identifier: Apache-2.0
// The rows of the ledger that language models decide: the published losses and head overlaps of 27 models, and real
// checkpoints that were inspected here.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/study/files.h"
#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr int kResamples = 1000;
constexpr double kWidest = 9216;  // OPT-66b, the largest m of the 27 models

fit::Table heads() { return fit::read_table(study_file("published/fig8a_llm_mean_sq_overlap.csv"), "published/fig8a"); }

}  // namespace

fit::Result fit_language_models() {
  const fit::Table table =
      fit::read_table(study_file("published/fig8b_llm_losses.csv"), "published/fig8b_llm_losses.csv");
  const fit::Law& law = fit::find_law("width");
  fit::Selection selection;
  selection.columns["x"] = "m";
  selection.y = "loss";
  selection.group = {"family", "dataset"};
  selection.cluster = "model";
  fit::Options options;
  options.bootstrap = kResamples;
  return fit::fit(table, law, selection, options);
}

Measure head_overlap_slope(const Findings&) {
  const fit::Table table = heads();
  const auto fitted = fit::fit_power(table.numbers("m"), table.numbers("mean_sq_overlap"), {.brief = true});
  const auto& alpha = fitted["alpha"];
  return {alpha.value, alpha.ci95,
          fmt::format("overlap ~ m^-x over {} published heads: x = {} ± {} (s.e.), R² = {}", table.rows(),
                      text(alpha.value), text(alpha.se.value_or(0), 2), text(fitted.r2.value_or(0), 2))};
}

Measure head_overlap_level(const Findings&) {
  const fit::Table table = heads();
  const auto m = table.numbers("m"), overlap = table.numbers("mean_sq_overlap");
  std::vector<double> scaled;
  for (size_t i = 0; i < m.size(); ++i) scaled.push_back(m[i] * overlap[i]);
  const auto [low, high] = std::minmax_element(scaled.begin(), scaled.end());
  return {median(scaled), median_interval(scaled),
          fmt::format(
              "median of overlap·m over {} published heads ({} to {}); bootstrap over heads. Random directions give 1: "
              "real heads are far more crowded than that",
              scaled.size(), text(*low, 2), text(*high, 2))};
}

Measure heads_strong(const Findings& findings) {
  size_t heads_seen = 0, strong = 0, undecided = 0;
  std::string names;
  for (const Json& file : findings.inspections) {
    if (!file.contains("matrices")) continue;
    for (const Json& matrix : file["matrices"]) {
      if (matrix.value("role", "") != "lm_head") continue;
      ++heads_seen;
      strong += matrix.value("verdict", "") == "strong";
      if (matrix.value("verdict", "") != "cannot_tell") {
        names += (names.empty() ? "" : ", ") + file.value("path", "") + " " + matrix.value("verdict", "");
      }
      undecided += matrix.value("verdict", "") == "cannot_tell";
    }
  }
  if (heads_seen == 0) {
    return not_run("no language-model head was inspected: ./run samples, or superpose study quick --checkpoint PATH");
  }
  if (heads_seen == undecided) {
    return not_run(fmt::format("{} head(s) inspected, and for none do the numbers decide; see the checkpoint section",
                               heads_seen));
  }
  return {static_cast<double>(strong) / static_cast<double>(heads_seen - undecided), std::nullopt,
          fmt::format("{} of {} heads inspected into this store are in strong superposition, {} cannot be told ({})",
                      strong, heads_seen, undecided, names)};
}

Measure llm_alpha(const Findings& findings) {
  if (!findings.llm_fit) return not_run("the fit was not run");
  const auto& alpha = (*findings.llm_fit)["alpha"];
  return {alpha.value, std::nullopt,
          "a re-fit of losses recovered from the paper's own figures: it checks the authors' computation, not the law. "
          "How uncertain α is: D27"};
}

Measure llm_coefficient(const Findings& findings) {
  if (!findings.llm_fit) return not_run("the fit was not run");
  return {(*findings.llm_fit)["C"].value, std::nullopt,
          "C of L = C/m^α + L0, from the same re-fit of recovered losses"};
}

Measure llm_error_bar(const Findings& findings) {
  if (!findings.llm_fit) return not_run("the fit was not run");
  const auto& alpha = (*findings.llm_fit)["alpha"];
  if (!alpha.bootstrap_sd || !alpha.ci95 || !alpha.se) return not_run("the bootstrap gave no interval");
  return {
      *alpha.bootstrap_sd, std::nullopt,
      fmt::format(
          "the standard deviation of α over {} bootstraps of the 27 models; their 95 % interval is {} to {}. The "
          "regression's own s.e. is {}; the printed 0.036 comes from replacing the logarithm of a negative point by 0",
          kResamples, text(alpha.ci95->first), text(alpha.ci95->second), text(*alpha.se, 2))};
}

Measure llm_alpha_is_one(const Findings& findings) {
  if (!findings.llm_fit) return not_run("the fit was not run");
  const auto& alpha = (*findings.llm_fit)["alpha"];
  double narrowest = std::numeric_limits<double>::infinity(), widest = 0;
  size_t identified = 0, offsets = 0;
  for (const auto& [name, parameter] : findings.llm_fit->parameters) {
    if (!name.starts_with("L0") || !parameter.ci95) continue;
    const double width = parameter.ci95->second - parameter.ci95->first;
    narrowest = std::min(narrowest, width);
    widest = std::max(widest, width);
    ++offsets;
    identified += parameter.identified;
  }
  return {alpha.value, alpha.ci95,
          fmt::format(
              "the interval is the bootstrap's over models. Of the {} irreducible losses L0 {} are identified, "
              "each to an interval {} to {} nats wide, while all that depends on width at the widest model is {} nats",
              offsets, identified, text(narrowest, 2), text(widest, 2),
              text((*findings.llm_fit)["C"].value * std::pow(kWidest, -alpha.value), 2))};
}

}  // namespace superpose::study
