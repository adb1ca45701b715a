// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/dial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"

namespace superpose::study {
namespace {

constexpr double kMostDecay = 10;
constexpr size_t kMostNorms = 1000;
constexpr PictureOptions kPicture{200, 40};

toy::Resolved within(const Json& json, const DialLimits& limits) {
  const toy::Config config = toy::config_from_json(json);
  if (!limits.law_files && config.law.starts_with("file:")) {
    throw Error(ErrorKind::usage,
                "law = " + config.law + ": the dial reads no files; use power, exponential, linear or uniform");
  }
  toy::Resolved run = toy::resolve(config, limits.bytes);
  const double work = static_cast<double>(run.config.batch) * static_cast<double>(run.config.features) *
                      static_cast<double>(run.config.dim);
  if (work > limits.step_work) {
    throw Error(ErrorKind::usage,
                fmt::format("batch × features × dim = {:.3g}: a dial turns models up to {:.3g}; use fewer of one of "
                            "them here, or `superpose toy` for the whole",
                            work, limits.step_work));
  }
  return run;
}

// At most kMostNorms ranks, the first and the last among them.
std::vector<size_t> spaced(size_t n) {
  const size_t count = std::min(n, kMostNorms);
  std::vector<size_t> out(count);
  for (size_t k = 0; k < count; ++k) out[k] = count < 2 ? 0 : k * (n - 1) / (count - 1);
  return out;
}

}  // namespace

Dial::Dial(const Json& config, const DialLimits& limits)
    : run_(within(config, limits)), session_(run_), decay_(run_.config.decay) {}

void Dial::advance(int64_t steps) { session_.advance(steps); }

void Dial::set_decay(double gamma) {
  if (!std::isfinite(gamma) || std::fabs(gamma) > kMostDecay)
    throw Error(ErrorKind::usage,
                fmt::format("decay = {}: expected -{} <= decay <= {}", gamma, kMostDecay, kMostDecay));
  if (gamma == decay_) return;
  session_.set_decay(gamma);
  decay_ = gamma;
  if (!changes_.empty() && changes_.back().first == session_.step()) changes_.pop_back();
  changes_.emplace_back(session_.step(), gamma);
}

void Dial::add_geometry(const toy::Result& now, Json& out) {
  const MatrixView<const float> W = now.W.view();
  const auto norms = geometry::row_norms(W);
  geometry::OverlapOptions represented;
  represented.min_norm = 0.5;
  represented.bins = kOverlapBins;
  const auto of_represented = geometry::overlap(W, represented);
  Json ranks = Json::array(), lengths = Json::array();
  for (const size_t i : spaced(norms.size())) ranks.push_back(i + 1), lengths.push_back(norms[i]);
  out["norm_ranks"] = std::move(ranks);
  out["norms"] = std::move(lengths);
  out["norm_histogram"] = norm_histogram(norms);
  out["phi_half"] = geometry::represented_fraction(norms, 0.5);
  out["phi_one"] = geometry::represented_fraction(norms, 1.0);
  out["rows_represented"] = of_represented.rows;
  out["overlap_mean_square"] = or_null(of_represented.mean_square);
  out["overlap_mean_square_all"] = or_null(geometry::overlap(W).mean_square);
  out["picture"] = picture(W, norms, of_represented, kPicture, &drawn_);
}

Json Dial::frame() {
  if (session_.done() && !finished_) finished_ = session_.finish();
  const toy::Result now = finished_ ? *finished_ : session_.now();
  Json out{
      {"schema", "superpose.dial/1"}, {"config", run_.json},     {"step", now.steps_done}, {"steps", run_.config.steps},
      {"diverged", now.diverged},     {"done", session_.done()}, {"decay", decay_},        {"changes", changes_},
      {"seconds", now.seconds},       {"n", now.W.rows()},       {"m", now.W.cols()}};
  out["loss"] = or_null(now.loss);
  out["eval_loss"] = or_null(now.eval_loss);
  out["eval_loss_se"] = or_null(now.eval_loss_se);
  Json curve = Json::array();
  for (const auto& [step, loss] : now.curve) curve.push_back({step, std::max(0.0, loss)});
  out["curve"] = std::move(curve);
  out["random_mean_square"] = 1.0 / static_cast<double>(now.W.cols());
  out["welch_bound_mean_square"] = or_null(geometry::welch_bound_mean_square(now.W.rows(), now.W.cols()));
  if (!now.diverged) {
    add_geometry(now, out);
    return out;
  }
  for (const char* name : {"norm_ranks", "norms", "norm_histogram", "phi_half", "phi_one", "rows_represented",
                           "overlap_mean_square", "overlap_mean_square_all", "picture"})
    out[name] = nullptr;
  return out;
}

}  // namespace superpose::study
