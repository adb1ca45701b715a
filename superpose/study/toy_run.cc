// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/toy_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "superpose/checkpoint/checkpoint.h"
#include "superpose/geometry/geometry.h"
#include "superpose/kernels/kernels.h"
#include "superpose/study/emergence.h"
#include "superpose/study/live.h"
#include "superpose/study/picture.h"
#include "superpose/study/snapshot.h"

namespace superpose::study {
namespace {

constexpr double kRepresented = 0.5;  // norm above which a row counts as represented, and strongly so
constexpr double kStrong = 1.0;

// A sum of squares that the engine's float sums may have put up to 1e-9 below 0.
Json not_negative(const std::optional<double>& loss) { return loss ? Json(std::max(0.0, *loss)) : Json(nullptr); }

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
  represented.bins = kOverlapBins;
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
  out["norm_histogram"] = norm_histogram(norms);
  out["picture"] = picture(W, norms, of_represented);
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
  out["loss"] = not_negative(t.loss);
  out["loss_std"] = or_null(t.loss_std);
  out["eval_loss"] = not_negative(t.eval_loss);
  out["eval_loss_se"] = or_null(t.eval_loss_se);
  if (t.diverged) {
    for (const char* name :
         {"phi_half", "phi_one", "rows_represented", "rows_strong", "overlap_mean_square", "overlap_mean_square_all",
          "overlap_mean_square_strong", "overlap_mean_abs", "overlap_max", "welch_bound_strong", "norm_mean",
          "norm_quantiles", "norm_histogram", "picture", "dimensionality_sum", "loss_unlearned", "frobenius_square"}) {
      out[name] = nullptr;
    }
  } else {
    add_geometry(run, t, out);
  }
  add_emergence(run, t, out);
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
  for (const auto& [step, loss] : t.curve) curve.push_back({step, not_negative(loss)});
  out["curve"] = std::move(curve);
  return out;
}

void save_toy(const std::filesystem::path& path, const toy::Resolved& run, const toy::Result& t) {
  std::vector<checkpoint::SaveTensor> tensors{{"W", {t.W.rows(), t.W.cols()}, t.W.data()},
                                              {"b", {t.b.size()}, t.b.data()}};
  if (t.decoder.rows() > 0) tensors.push_back({"W_dec", {t.decoder.rows(), t.decoder.cols()}, t.decoder.data()});
  checkpoint::write_safetensors(path, tensors, {{"superpose.config", run.json.dump()}});
}

namespace {

// What is wrong with the configurations of a sweep: each complaint once, with how many have it and the first of them.
class Complaints {
 public:
  void add(const Json& config, const Error& error) {
    for (auto& known : known_) {
      if (known.text == error.what()) {
        ++known.times;
        return;
      }
    }
    known_.push_back({error.what(), config.dump(), 1, error.kind()});
  }
  void raise(size_t configs) const {
    if (known_.empty()) return;
    size_t wrong = 0;
    for (const auto& k : known_) wrong += k.times;
    std::string text = fmt::format("{} of {} configurations cannot run:", wrong, configs);
    for (size_t k = 0; k < std::min(known_.size(), kMostShown); ++k) {
      const auto& c = known_[k];
      text +=
          fmt::format("\n  {}\n    {}{}", c.text, c.first, c.times > 1 ? fmt::format(" and {} more", c.times - 1) : "");
    }
    if (known_.size() > kMostShown) text += fmt::format("\n  ... and {} other problems", known_.size() - kMostShown);
    throw Error(known_[0].kind, text);
  }

 private:
  static constexpr size_t kMostShown = 50;
  struct Known {
    std::string text, first;
    size_t times;
    ErrorKind kind;
  };
  std::vector<Known> known_;
};

}  // namespace

std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs, double memory_bytes) {
  std::vector<sweep::Job> jobs;
  Complaints complaints;
  for (const Json& json : configs) {
    try {
      const toy::Resolved run = toy::resolve(toy::config_from_json(json), memory_bytes);
      jobs.push_back({run.identity, toy::predicted_seconds(run.config, run.law), toy::useful_threads(run.config),
                      toy::predicted_bytes(run.config, run.law)});
    } catch (const Error& e) {
      complaints.add(json, e);
    }
  }
  complaints.raise(configs.size());
  return jobs;
}

double memory_for_runs(const MemoryLimit& limit) {
  constexpr double kShare = 0.9;  // the rest of the system wants to live, too
  const double bytes = static_cast<double>(limit.bytes);
  return bytes > 0 ? std::max(1.0, kShare * bytes - toy::kProgramBytes) : 0;
}

std::filesystem::path snapshot_folder(const std::filesystem::path& store) { return store.string() + ".snapshots"; }

void remove_old_snapshots(const store::Store& store) {
  const auto folder = snapshot_folder(store.path());
  std::error_code failed;
  if (!std::filesystem::is_directory(folder, failed)) return;
  const auto known = store.statuses("toy");
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const auto run = known.find(name.substr(0, name.find('.')));
    if (run == known.end() || run->second.status == "running") continue;
    const bool whole = name.ends_with(".safetensors");
    if (whole && run->second.status != "ok" && run->second.status != "diverged") continue;
    std::filesystem::remove(entry.path(), failed);
  }
  std::filesystem::remove(folder, failed);  // fails when files are left in it
}

sweep::Work toy_work(const WorkOptions& work) {
  return [work](const Json& config, const sweep::JobContext& context) -> sweep::Outcome {
    const toy::Resolved run = toy::resolve(toy::config_from_json(config));
    if (run.identity != config) {  // the run is known by the data it was planned with
      throw Error(ErrorKind::bad_file, run.config.law + ": the counts changed after the sweep began; start it again");
    }
    toy::TrainOptions options;
    options.cancelled = context.cancelled;
    options.threads = toy::useful_threads(run.config);
    options.threads_allowed = context.cores;
    std::shared_ptr<SnapshotFile> snapshots;
    if (!work.snapshots.empty() && toy::predicted_seconds(run.config, run.law) > work.snapshot_every_seconds) {
      const auto path = work.snapshots / (store::run_key("toy", config) + ".safetensors");
      snapshots =
          std::make_shared<SnapshotFile>(run, SnapshotOptions{path, work.snapshot_every_seconds, false, work.note});
      options.snapshots = snapshots.get();
    }
    std::optional<Live::Run> live;
    if (work.live) live.emplace(*work.live, config, run.config.steps, context);
    options.on_progress = [&](int64_t step, double loss) {
      if (live) live->at(step, loss);
      if (context.fraction_done)
        context.fraction_done(static_cast<double>(step) / static_cast<double>(run.config.steps));
    };
    try {
      const toy::Result trained = toy::train(run, options);
      const auto recorded = [snapshots] {
        if (snapshots) snapshots->remove();
      };
      return {trained.diverged ? "diverged" : "ok", toy_result(run, trained), recorded};
    } catch (const toy::Cancelled&) {
      throw sweep::Cancelled{};
    }
  };
}

void check_environment() {
  if (!kernels::instruction_set_refused()) return;
  const char* names[8];
  const size_t count = kernels::instruction_sets(names, std::size(names));
  throw Error(ErrorKind::usage, fmt::format("SUPERPOSE_ISA={}: expected one of {}", std::getenv("SUPERPOSE_ISA"),
                                            fmt::join(names, names + count, ", ")));
}

}  // namespace superpose::study
