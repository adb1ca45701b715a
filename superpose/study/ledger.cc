// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/study/files.h"
#include "superpose/study/measure.h"
#include "superpose/study/results.h"

namespace superpose::study {
namespace {

struct Row {
  const char* id;
  const char* claim;
  const char* quantity;
  const char* command;
  Measure (*measure)(const Findings&);
};

// The least that decides a row the quick study cannot: some of the paper's own runs, then the ledger again.
#define SUPERPOSE_SWEEP(words) \
  "superpose sweep paper " words " --store superpose-out/runs.sqlite && superpose study quick"
#define SUPERPOSE_STRONG "decay=-0.7777777777777778,-0.5555555555555556,-0.33333333333333337"
constexpr const char* kQuick = "superpose study quick";
constexpr const char* kToyModels = "superpose study toy-models";
constexpr const char* kFit =
    "superpose fit published/fig8b_llm_losses.csv --law width --x m --y loss --group family,dataset --cluster model "
    "--bootstrap 1000";
constexpr const char* kHeads =
    "superpose fit published/fig8a_llm_mean_sq_overlap.csv --law power --x m --y mean_sq_overlap";

// One line per claim.
const Row kRows[] = {
    {"D7", "The dial: with growth (γ < 0) every feature is represented, φ_1/2 = 1", "smallest φ_1/2", kQuick,
     dial_strong_end},
    {"D7b", "The dial: with decay (γ > 0) only about m/n are, as in the published counts",
     "median |difference| of φ_1/2 from the published one", kQuick, dial_weak_end},
    {"D8", "φ_1/2 over all data exponents and decays is as published (m = 39)", "median |difference| of φ_1/2",
     SUPERPOSE_SWEEP("dim=39 density=1"), dial_map},
    {"D10", "Weak superposition: the loss is the frequency of what is not learned", "median |L / Σ unlearned - 1|",
     kQuick, weak_loss_is_unlearned},
    {"D11", "Weak superposition: α_m = α - 1", "mean of α_m - (α - 1)", kQuick, weak_exponent_asymptotic},
    {"D11b", "Weak superposition: α_m is the slope of the exact sum over unlearned features",
     "mean of α_m - exact slope", kQuick, weak_exponent_exact},
    {"D13", "Strong superposition at equal frequencies (α = 0): α_m is .79 to .85", "mean α_m",
     SUPERPOSE_SWEEP("law=power:0 density=1 " SUPERPOSE_STRONG), strong_exponent_flat_data},
    {"D13b", "Strong superposition at α = 1: α_m is .93 to 1.24", "mean α_m", kQuick, strong_exponent_alpha_one},
    {"D13c", "Weak superposition at α = 1: α_m is small, .15 to .43", "mean α_m", kQuick, weak_exponent_small},
    {"D14", "Strong superposition, α <= 1: the mean exponent is the published .92", "mean α_m",
     SUPERPOSE_SWEEP("'law=power:{0,0.5,1}' density=1 " SUPERPOSE_STRONG), strong_exponent_region},
    {"D14b", "Strong superposition, α <= 1: α_m = 1", "mean α_m",
     SUPERPOSE_SWEEP("'law=power:{0,0.5,1}' density=1 " SUPERPOSE_STRONG), strong_exponent_region},
    {"D14c", "Strong superposition: α_m does not depend on the data between α = 0 and α = 1", "α_m(α = 1) - α_m(α = 0)",
     SUPERPOSE_SWEEP("'law=power:{0,1}' density=1 decay=-0.5555555555555556"), strong_exponent_rise},
    {"D15", "Strong superposition, steep data (α >= 1.5): α_m = 2(α - 1)", "mean of α_m - 2(α - 1)", kQuick,
     steep_exponent},
    {"D16", "About m²/2 rows are strongly represented (m >= 25)", "median log2(strong rows / min(n, m²/2))",
     SUPERPOSE_SWEEP("law=power:1 density=1 decay=-1"), strong_row_count},
    {"D17", "Strong rows overlap between the bound κ² and 1.13/m", "share of runs inside", kQuick,
     strong_overlap_bounds},
    {"D17b", "Strong rows overlap as published at each m", "share of runs inside", kQuick, strong_overlap_published},
    {"D19", "The mean square overlap of all rows falls as 1/m", "exponent of 1/m",
     SUPERPOSE_SWEEP("law=power:1 density=1 decay=-1"), all_rows_overlap_slope},
    {"D20", "Strong superposition: row norms have two modes, on both sides of 1, and a gap at 1",
     "emptiest bin near 1 / lower mode", kQuick, norms_dip_at_one},
    {"D21", "The activation density does not change the exponent", "α_m at high minus at low density",
     SUPERPOSE_SWEEP("law=power:1 density=1,7.485470860550345 decay=-0.5555555555555556"), density_and_exponent},
    {"D22", "The loss is proportional to the activation density", "slope of ln L on ln E",
     SUPERPOSE_SWEEP("law=power:1 'density=linspace(1,7.485470860550345,9)' decay=-0.5555555555555556 dim=63"),
     density_and_loss},
    {"D24", "Language-model heads: mean square overlap falls as 1/m", "exponent of 1/m", kHeads, head_overlap_slope},
    {"D24b", "Language-model heads: the overlap is that of random directions, 1/m", "median overlap·m", kHeads,
     head_overlap_level},
    {"D25", "Language-model heads are in strong superposition", "share of heads that are strong",
     "superpose study quick --checkpoint PATH", heads_strong},
    {"D26", "27 language models: the joint fit gives α = 0.91", "α", kFit, llm_alpha},
    {"D26b", "27 language models: the joint fit gives C = 476", "C", kFit, llm_coefficient},
    {"D27", "27 language models: α is known to ± 0.04", "standard deviation of α", kFit, llm_error_bar},
    {"D27b", "27 language models: α = 1", "α", kFit, llm_alpha_is_one},
    {"D38", "Four times the batch, or four times the steps, do not change the final loss",
     "median |change of the loss|", "superpose study ablation", batch_and_steps},
    {"D39", "Strong superposition: the width law ends near m = n", "log2(width where it ends / n)",
     "superpose study end-of-law", law_ends},
    {"D39b", "Strong superposition: past m = n the loss of width is gone", "loss / power law, at m = 2n",
     "superpose study end-of-law", loss_beyond_the_end},
    {"EM1", "Weak superposition: the number of resolved features grows as m (α = 1)", "slope of ln i* on ln m", kQuick,
     weak_frontier},
    {"EM1b", "Weak superposition: one resolved feature per dimension (α = 1)", "median log2(i* / m)", kQuick,
     weak_frontier_level},
    {"EM2", "Strong superposition: about m²/2 features are resolved (α = 1, m >= 25)", "median log2(i* / min(n, m²/2))",
     kQuick, strong_frontier},
    {"TM1", "Toy Models: dense features get a dimension each, D* = m/|W|² = 1 for p >= .85", "largest |D* - 1|",
     kToyModels, toy_models_plateau_one},
    {"TM2", "Toy Models: sparser ones share it in antipodal pairs, D* = 1/2 for 1/(1-S) of 2.2 to 3.6",
     "largest |D* - 1/2|", kToyModels, toy_models_plateau_half},
    {"TM3", "Toy Models: two features in one dimension form a pair up to p* = 4r/(5r+2)",
     "largest |p* measured - formula|", kToyModels, toy_models_phase_boundary},
    {"TM4", "Toy Models: features that occur together are orthogonal", "largest |cos| within a pair", kToyModels,
     toy_models_correlated},
    {"TM5", "Toy Models: features that exclude each other are antipodal", "largest cos within a pair", kToyModels,
     toy_models_anticorrelated},
    {"TM6", "Toy Models: a linear model gains nothing, its loss is that of principal components",
     "L / L(principal components) - 1, the one furthest from 0", kToyModels, toy_models_linear},
    {"TM7", "Toy Models: with a ReLU, sparse features cost less than principal components lose",
     "L / L(principal components) at the lowest density", kToyModels, toy_models_relu},
};
#undef SUPERPOSE_SWEEP
#undef SUPERPOSE_STRONG

struct Bound {
  double low = 0, high = 0, tolerance = 0;
  Json published;
  std::string source;
};

Bound bound_of(const YAML::Node& all, const char* id) {
  const YAML::Node node = all[id];
  SUPERPOSE_ASSERT(node && node.IsMap());
  Bound out;
  out.tolerance = node["tolerance"].as<double>();
  out.source = node["source"].as<std::string>();
  if (const YAML::Node published = node["published"]; published.IsSequence()) {
    out.low = published[0].as<double>();
    out.high = published[1].as<double>();
    out.published = {out.low, out.high};
  } else {
    out.low = out.high = published.as<double>();
    out.published = out.low;
  }
  return out;
}

// The rule of studies/tolerances.yaml. An interval that misses the band denies the claim however wide it is; one that
// touches the band confirms it only when it is no wider than twice the tolerance.
std::string verdict_of(const Measure& measure, const Bound& bound) {
  if (!measure.value) return "cannot_tell";
  const double low = bound.low - bound.tolerance, high = bound.high + bound.tolerance;
  const auto [from, to] = measure.ci95.value_or(std::pair{*measure.value, *measure.value});
  if (to < low || from > high) return "denied";
  return to - from > 2 * bound.tolerance && measure.ci95 ? "cannot_tell" : "confirmed";
}

}  // namespace

std::vector<std::string> claim_ids(const Json& extra) {
  std::vector<std::string> known, out;
  for (const Row& row : kRows) known.emplace_back(row.id);
  if (!extra.is_object() || !extra.contains("claims")) return out;
  const Json& list = extra["claims"];
  if (!list.is_array()) throw Error(ErrorKind::usage, "claims: expected a list of ledger rows, such as [D7, TM1]");
  for (const Json& id : list) {
    if (!id.is_string() || std::find(known.begin(), known.end(), id.get<std::string>()) == known.end()) {
      const std::string name = id.is_string() ? id.get<std::string>() : id.dump();
      throw Error(ErrorKind::usage, "claims: no ledger row " + name + suggestion(name, known));
    }
    out.push_back(id.get<std::string>());
  }
  return out;
}

std::vector<Claim> judge_claims(const Findings& findings, const std::vector<std::string>& ids) {
  const YAML::Node tolerances = YAML::Load(std::string(study_file("tolerances.yaml")));
  Findings with_recorded;
  if (!findings.recorded.empty()) {
    with_recorded = findings;
    with_recorded.toys.insert(with_recorded.toys.end(), findings.recorded.begin(), findings.recorded.end());
  }
  std::vector<Claim> out;
  for (const Row& row : kRows) {
    const bool wanted = ids.empty() ? !std::string_view(row.id).starts_with("TM")
                                    : std::find(ids.begin(), ids.end(), row.id) != ids.end();
    if (!wanted) continue;
    const Bound bound = bound_of(tolerances, row.id);
    Measure measure = row.measure(findings);
    bool recorded = false;
    if (!measure.value && !findings.recorded.empty()) {
      measure = row.measure(with_recorded);
      recorded = measure.value.has_value();
      if (recorded) measure.because = "with recorded runs of " + makers(findings.recorded) + ": " + measure.because;
    }
    Claim claim{row.id,          row.claim,     row.quantity, bound.published,
                bound.tolerance, measure.value, measure.ci95, verdict_of(measure, bound),
                measure.because, row.command,   bound.source, recorded};
    if (claim.verdict == "cannot_tell" && measure.value) {
      claim.because += "; the interval is wider than twice the tolerance";
      if (row.command == kQuick) claim.because += ": superpose study quick 'seed=range(5)' would narrow it";
    }
    out.push_back(std::move(claim));
  }
  return out;
}

Json to_json(const Claim& c) {
  return {{"id", c.id},
          {"claim", c.claim},
          {"quantity", c.quantity},
          {"published", c.published},
          {"tolerance", c.tolerance},
          {"measured", c.measured ? Json(*c.measured) : Json(nullptr)},
          {"ci95", c.ci95 ? Json{c.ci95->first, c.ci95->second} : Json(nullptr)},
          {"verdict", c.verdict},
          {"because", c.because},
          {"command", c.command},
          {"source", c.source},
          {"recorded", c.recorded}};
}

}  // namespace superpose::study
