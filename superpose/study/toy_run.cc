// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/toy_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/checkpoint/checkpoint.h"
#include "superpose/geometry/geometry.h"
#include "superpose/kernels/kernels.h"

namespace superpose::study {
namespace {

constexpr double kRepresented = 0.5;  // norm above which a row counts as represented, and strongly so
constexpr double kStrong = 1.0;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// Row norms in 50 equal bins from 0 to the largest norm, for the page.
Json histogram(const std::vector<double>& norms) {
  constexpr size_t kBins = 50;
  const double top = std::max(1.5, *std::max_element(norms.begin(), norms.end()) * (1 + 1e-12));
  std::vector<size_t> counts(kBins);
  for (const double r : norms) ++counts[std::min(kBins - 1, static_cast<size_t>(r / top * kBins))];
  return {{"min", 0.0}, {"max", top}, {"counts", counts}};
}

Json rows_json(const Matrix<float>& W) {
  Json out = Json::array();
  for (size_t i = 0; i < W.rows(); ++i) out.push_back(std::vector<float>(W.row(i).begin(), W.row(i).end()));
  return out;
}

void add_geometry(const toy::Resolved& run, const toy::Result& trained, Json& out) {
  const MatrixView<const float> W = trained.W.view();
  const auto norms = geometry::row_norms(W);
  const auto summary = geometry::summarize_norms(norms);
  geometry::OverlapOptions represented, strong;
  represented.min_norm = kRepresented;
  strong.min_norm = kStrong;
  const auto of_represented = geometry::overlap(W, represented);
  const auto of_strong = geometry::overlap(W, strong);
  const auto of_all = geometry::overlap(W);
  out["phi_half"] = geometry::represented_fraction(norms, kRepresented);
  out["phi_one"] = geometry::represented_fraction(norms, kStrong);
  out["rows_represented"] = of_represented.rows;
  out["rows_strong"] = of_strong.rows;
  out["overlap_mean_square"] = or_null(of_represented.mean_square);
  out["overlap_mean_square_all"] = or_null(of_all.mean_square);
  out["overlap_mean_square_strong"] = or_null(of_strong.mean_square);
  out["overlap_mean_abs"] = or_null(of_represented.mean_abs);
  out["overlap_max"] = or_null(of_represented.max_abs);
  out["welch_bound_strong"] = or_null(geometry::welch_bound_mean_square(of_strong.rows, W.cols));
  out["norm_mean"] = summary.mean;
  out["norm_quantiles"] = summary.quantiles;
  out["norm_histogram"] = histogram(norms);
  const auto d = geometry::feature_dimensionality(W);
  out["dimensionality_sum"] = std::accumulate(d.begin(), d.end(), 0.0);
  std::vector<double> weight = run.law.probability;  // I_i p_i
  for (size_t i = 0; i < weight.size(); ++i) weight[i] *= run.importance_of(i);
  out["loss_unlearned"] = geometry::unlearned_loss(norms, weight, run.values.mean_square);
  double square = 0;
  for (const double r : norms) square += r * r;
  out["frobenius_square"] = square;
}

}  // namespace

Json toy_result(const toy::Resolved& run, const toy::Result& t) {
  Json out;
  out["status"] = t.diverged ? "diverged" : "ok";
  out["diverged_at"] = t.diverged ? Json(t.diverged_at) : Json(nullptr);
  out["density_realised"] = run.law.density_realised;
  out["zeros_dropped"] = run.law.zeros_dropped;
  out["loss"] = or_null(t.loss);
  out["loss_std"] = or_null(t.loss_std);
  out["eval_loss"] = or_null(t.eval_loss);
  out["eval_loss_se"] = or_null(t.eval_loss_se);
  if (t.diverged) {
    for (const char* name :
         {"phi_half", "phi_one", "rows_represented", "rows_strong", "overlap_mean_square", "overlap_mean_square_all",
          "overlap_mean_square_strong", "overlap_mean_abs", "overlap_max", "welch_bound_strong", "norm_mean",
          "norm_quantiles", "norm_histogram", "dimensionality_sum", "loss_unlearned", "frobenius_square"}) {
      out[name] = nullptr;
    }
  } else {
    add_geometry(run, t, out);
  }
  // Known without any training.
  const size_t n = run.law.probability.size(), m = static_cast<size_t>(run.config.dim);
  out["random_mean_square"] = 1.0 / static_cast<double>(m);
  out["welch_bound_mean_square"] = or_null(geometry::welch_bound_mean_square(n, m));
  out["kappa_square"] = or_null(geometry::kappa_square(n, m));
  out["seconds"] = t.seconds;
  out["steps_per_second"] = t.seconds > 0 ? Json(static_cast<double>(t.steps_done) / t.seconds) : Json(nullptr);
  out["instruction_set"] = kernels::instruction_set();
  constexpr size_t kSmall = 100;  // entries: a matrix that fits on a page is kept whole
  const bool keep = !t.diverged && n * m <= kSmall;
  out["weights"] = keep ? rows_json(t.W) : Json(nullptr);
  out["biases"] = keep ? Json(t.b) : Json(nullptr);
  Json curve = Json::array();
  for (const auto& [step, loss] : t.curve) curve.push_back({step, loss});
  out["curve"] = std::move(curve);
  return out;
}

void save_toy(const std::filesystem::path& path, const toy::Resolved& run, const toy::Result& t) {
  std::vector<checkpoint::SaveTensor> tensors{{"W", {t.W.rows(), t.W.cols()}, t.W.data()},
                                              {"b", {t.b.size()}, t.b.data()}};
  if (t.decoder.rows() > 0) tensors.push_back({"W_dec", {t.decoder.rows(), t.decoder.cols()}, t.decoder.data()});
  checkpoint::write_safetensors(path, tensors, {{"superpose.config", run.json.dump()}});
}

std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs) {
  std::vector<sweep::Job> jobs;
  std::string problems;
  int wrong = 0;
  for (const Json& json : configs) {
    try {
      const toy::Resolved run = toy::resolve(toy::config_from_json(json));
      jobs.push_back({run.identity, toy::predicted_seconds(run.config, run.law)});
    } catch (const Error& e) {
      if (++wrong <= 3) problems += "\n  " + json.dump() + "\n    " + e.what();
      if (e.kind() != ErrorKind::usage) throw;
    }
  }
  if (wrong > 0) {
    throw Error(ErrorKind::usage, std::to_string(wrong) + " of " + std::to_string(configs.size()) +
                                      " configurations cannot run" + (wrong > 3 ? ", the first three:" : ":") +
                                      problems);
  }
  return jobs;
}

sweep::Work toy_work() {
  return [](const Json& config, const sweep::JobContext& context) -> sweep::Outcome {
    const toy::Resolved run = toy::resolve(toy::config_from_json(config));
    if (run.identity != config) {  // the run is known by the data it was planned with
      throw Error(ErrorKind::bad_file, run.config.law + ": the counts changed after the sweep began; start it again");
    }
    toy::TrainOptions options;
    options.cancelled = context.cancelled;
    options.on_progress = [&](int64_t step, double) {
      if (context.fraction_done)
        context.fraction_done(static_cast<double>(step) / static_cast<double>(run.config.steps));
    };
    try {
      const toy::Result trained = toy::train(run, options);
      return {trained.diverged ? "diverged" : "ok", toy_result(run, trained)};
    } catch (const toy::Cancelled&) {
      throw sweep::Cancelled{};
    }
  };
}

}  // namespace superpose::study
