// SPDX-License-Identifier: Apache-2.0
// The report of an inspection as the JSON of docs/schema/inspect.json.
#include <algorithm>
#include <cmath>

#include "superpose/study/inspect.h"

namespace superpose::study {
namespace {

constexpr size_t kShownSingularValues = 512;

Json times(const std::optional<double>& value, size_t m) {
  return value ? Json(*value * static_cast<double>(m)) : Json(nullptr);
}

Json json_of_histogram(const std::vector<uint64_t>& counts) {
  if (counts.empty()) return nullptr;
  Json edges = Json::array();
  for (size_t k = 0; k <= counts.size(); ++k)
    edges.push_back(static_cast<double>(k) / static_cast<double>(counts.size()));
  return {{"edges", std::move(edges)}, {"counts", counts}};
}

Json json_of(const geometry::Overlap& o) {
  return {{"mean_square", or_null(o.mean_square)},
          {"mean_cosine", or_null(o.mean_cosine)},
          {"pairs", !o.mean_abs && o.mean_square ? Json("none") : Json(o.sampled ? "sampled" : "all")},
          {"mean_abs", or_null(o.mean_abs)},
          {"mean_abs_se", o.mean_abs ? Json(o.mean_abs_se) : Json(nullptr)},
          {"std_abs", or_null(o.std_abs)},
          {"max_abs", or_null(o.max_abs)},
          {"max_pair", o.max_pair ? Json(*o.max_pair) : Json(nullptr)},
          {"histogram", json_of_histogram(o.histogram)},
          {"rows", o.rows}};
}

Json json_of(const geometry::NormModes& modes) {
  return {{"bimodality_coefficient", or_null(modes.bimodality_coefficient)},
          {"delta_bic", or_null(modes.delta_bic)},
          {"separation", or_null(modes.separation)},
          {"low_center", modes.separation ? Json(modes.low_center) : Json(nullptr)},
          {"high_center", modes.separation ? Json(modes.high_center) : Json(nullptr)},
          {"low_share", modes.separation ? Json(modes.low_share) : Json(nullptr)},
          {"two_modes", modes.two_modes}};
}

Json json_of_norms(const MatrixReport& r) {
  const bool any = r.n > 0;
  const auto value = [&](double x) { return any ? Json(x) : Json(nullptr); };
  return {{"mean", value(r.norm.mean)},
          {"std", value(r.norm.std)},
          {"min", value(r.norm.min)},
          {"max", value(r.norm.max)},
          {"quantiles", any ? Json(r.norm.quantiles) : Json(nullptr)},
          {"quantile_levels", geometry::kQuantiles},
          {"histogram", {{"edges", r.norm_histogram.edges}, {"counts", r.norm_histogram.counts}}},
          {"modes", r.quick ? Json(nullptr) : json_of(r.norm_modes)}};
}

// At most kShownSingularValues of them, all of the first ones and ever fewer of the later: ranks evenly in ln rank.
Json json_of(const geometry::Spectrum& s) {
  Json ranks = Json::array(), values = Json::array();
  const size_t count = s.singular_values.size();
  size_t last = 0;
  for (size_t k = 0; k < kShownSingularValues && count > 0; ++k) {
    const double share = static_cast<double>(k) / (kShownSingularValues - 1);
    size_t rank = count <= kShownSingularValues
                      ? k + 1
                      : static_cast<size_t>(std::lround(std::pow(static_cast<double>(count), share)));
    rank = std::max(rank, last + 1);
    if (rank > count) break;
    ranks.push_back(rank), values.push_back(s.singular_values[rank - 1]);
    last = rank;
  }
  return {{"ranks", std::move(ranks)},
          {"singular_values", std::move(values)},
          {"effective_rank", or_null(s.effective_rank)},
          {"eigenvalue_effective_rank", or_null(s.eigenvalue_effective_rank)},
          {"participation_ratio", or_null(s.participation_ratio)},
          {"stable_rank", or_null(s.stable_rank)}};
}

Json json_of_baselines(const MatrixReport& r) {
  Json list = Json::array();
  for (const auto& level : r.baselines) {
    list.push_back({{"name", level.name},
                    {"mean_square", or_null(level.mean_square)},
                    {"se", or_null(level.se)},
                    {"times_m", times(level.mean_square, r.m)},
                    {"meaning", level.meaning}});
  }
  return {{"rows", r.baseline_rows}, {"sampled", r.baseline_rows + r.zero_rows < r.n}, {"list", std::move(list)}};
}

Json json_of(const SubsetOverlap& s, size_t m) {
  return {{"rows", s.rows},
          {"mean_square", or_null(s.mean_square)},
          {"times_m", times(s.mean_square, m)},
          {"mean_square_centered", or_null(s.mean_square_centered)},
          {"times_m_centered", times(s.mean_square_centered, m)}};
}

Json json_of(const FrequencyReport& f, size_t m) {
  Json top = Json::array();
  for (const auto& [k, subset] : f.top) {
    Json entry{{"k", k}};
    entry.update(json_of(subset, m));
    top.push_back(std::move(entry));
  }
  return {{"counts_file", f.counts_file.empty() ? Json(nullptr) : Json(f.counts_file)},
          {"seen_rows", f.seen_rows},
          {"unseen_rows", f.unseen_rows},
          {"norm_spearman", or_null(f.norm_correlation.spearman)},
          {"norm_spearman_se", or_null(f.norm_correlation.spearman_se)},
          {"norm_pearson_log", or_null(f.norm_correlation.pearson_log)},
          {"seen", json_of(f.seen, m)},
          {"unseen", json_of(f.unseen, m)},
          {"top", std::move(top)}};
}

Json json_of(const Excess& e) {
  return {{"total", e.total}, {"unseen", or_null(e.unseen)}, {"anisotropy", e.anisotropy}, {"structure", e.structure}};
}

Json json_of(const TokenRow& row) { return {{"id", row.id}, {"token", row.token ? Json(*row.token) : Json(nullptr)}}; }

Json json_of(const std::vector<CrowdedRow>& rows) {
  Json out = Json::array();
  for (const auto& row : rows) {
    Json near = Json::array();
    for (const auto& n : row.nearest) {
      Json entry = json_of(n.row);
      entry["cosine"] = n.cosine;
      near.push_back(std::move(entry));
    }
    Json entry = json_of(row.row);
    entry["mean_square"] = or_null(row.mean_square);
    entry["nearest"] = std::move(near);
    out.push_back(std::move(entry));
  }
  return out;
}

Json json_of(const CrowdingReport& c) {
  Json duplicates = Json::array(), unused = Json::array();
  for (const auto& group : c.duplicates) {
    Json ids = Json::array(), tokens = Json::array();
    for (const auto& row : group) ids.push_back(row.id), tokens.push_back(row.token ? Json(*row.token) : Json(nullptr));
    duplicates.push_back({{"ids", std::move(ids)}, {"tokens", std::move(tokens)}});
  }
  for (const auto& row : c.unused) unused.push_back(json_of(row));
  return {
      {"centered", c.centered},
      {"most_crowded", json_of(c.most_crowded)},
      {"asked", json_of(c.asked)},
      {"duplicates", std::move(duplicates)},
      {"duplicate_rows", c.duplicate_rows},
      {"unused", {{"rows", c.unused_rows}, {"examples", std::move(unused)}, {"because", or_null(c.unused_because)}}}};
}

Json json_of(const std::vector<Deciding>& numbers) {
  Json out = Json::array();
  for (const auto& d : numbers) {
    out.push_back({{"name", d.name}, {"value", d.value}, {"threshold", d.threshold}, {"meaning", d.meaning}});
  }
  return out;
}

Json json_of(const MatrixReport& r) {
  Json out{{"tensor", r.tensor},
           {"role", r.role},
           {"tied", r.tied},
           {"evidence", r.evidence},
           {"n", r.n},
           {"m", r.m},
           {"dtype", r.dtype},
           {"hash", or_null(r.hash)},
           {"norm", json_of_norms(r)},
           {"overlap", json_of(r.overlap)},
           {"overlap_centered", r.quick ? Json(nullptr) : json_of(r.overlap_centered)},
           {"random_mean_square", or_null(r.random_mean_square)},
           {"welch_bound_mean_square", or_null(r.welch_bound_mean_square)},
           {"zero_rows", r.zero_rows},
           {"phi_half", or_null(r.phi_half)},
           {"phi_one", or_null(r.phi_one)},
           {"effective_rank", or_null(r.effective_rank)},
           {"participation_ratio", or_null(r.participation_ratio)}};
  out["spectrum"] = r.spectrum ? json_of(*r.spectrum) : Json(nullptr);
  out["baselines"] = r.baselines.empty() ? Json(nullptr) : json_of_baselines(r);
  out["excess"] = r.excess ? json_of(*r.excess) : Json(nullptr);
  out["frequency"] = r.frequency ? json_of(*r.frequency, r.m) : Json(nullptr);
  out["crowding"] = r.crowding ? json_of(*r.crowding) : Json(nullptr);
  out["verdict"] = regime_name(r.judgement.regime);
  out["because"] = r.judgement.because;
  out["decided_by"] = json_of(r.judgement.decided_by);
  if (r.judgement_all) {
    out["verdict_all_rows"] = regime_name(r.judgement_all->regime);
    out["because_all_rows"] = r.judgement_all->because;
  }
  return out;
}

}  // namespace

Json config_json(const std::vector<std::string>& paths, const InspectOptions& o, bool compare) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"paths", paths},
          {"tensor", or_null(o.tensor)},
          {"all", o.all},
          {"transpose", o.transpose},
          {"quick", o.quick},
          {"exact", o.exact},
          {"max_exact_pairs", or_null(o.max_exact_pairs)},
          {"sampled_pairs", o.sampled_pairs},
          {"seed", o.seed},
          {"counts", or_null(o.counts)},
          {"top", o.top},
          {"tokenizer", or_null(o.tokenizer)},
          {"tokens", o.tokens},
          {"centered", o.centered_crowding},
          {"compare", compare}};
}

Json to_json(const Inspection& inspection) {
  Json matrices = Json::array(), skipped = Json::array();
  for (const MatrixReport& report : inspection.matrices) matrices.push_back(json_of(report));
  for (const Skipped& s : inspection.skipped) skipped.push_back({{"tensor", s.tensor}, {"because", s.because}});
  return {{"path", inspection.path},
          {"format", inspection.format},
          {"model_type", or_null(inspection.model_type)},
          {"vocabulary", or_null(inspection.vocabulary)},
          {"matrices", std::move(matrices)},
          {"skipped", std::move(skipped)},
          {"warnings", inspection.warnings},
          {"contradictions", inspection.contradictions},
          {"bytes", {{"read", inspection.bytes_read}, {"total", inspection.bytes_total}}}};
}

}  // namespace superpose::study
