// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/emergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr size_t kKept = 300;            // ranks of which a run keeps the loss
constexpr size_t kMostRunLengths = 400;  // a ragged frontier of a large model is told by its counts alone
constexpr double kClearRatio = 2;        // output power when on over when off: what half of the loss explained means

// The nearest double with so many significant digits: short in JSON.
double rounded(double value, int digits) { return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr); }

double median_relative_error(const toy::FeatureLosses& f) {
  std::vector<double> errors;
  for (size_t i = 0; i < f.loss.size(); ++i) {
    if (f.loss[i] > 0) errors.push_back(f.se[i] / f.loss[i]);
  }
  return errors.empty() ? 0 : median(std::move(errors));
}

}  // namespace

Frontier frontier(const std::vector<bool>& resolved) {
  size_t wrong = static_cast<size_t>(std::count(resolved.begin(), resolved.end(), true));
  Frontier best{0, wrong};
  for (size_t r = 1; r <= resolved.size(); ++r) {
    resolved[r - 1] ? --wrong : ++wrong;
    if (wrong < best.misordered) best = {r, wrong};
  }
  return best;
}

std::vector<size_t> kept_ranks(size_t n) {
  std::vector<size_t> out;
  const size_t keep = std::min(n, kKept);
  // The rest is spread over what is left, so that steps begin at one and only grow.
  for (size_t k = 0, next = 0; k < keep && next < n; ++k) {
    out.push_back(next);
    const double left = static_cast<double>(keep - 1 - k);
    const double ratio = left > 0 ? std::pow(static_cast<double>(n) / static_cast<double>(next + 1), 1 / left) : 1;
    next = std::max(next + 1, static_cast<size_t>(std::llround(static_cast<double>(next + 1) * ratio)) - 1);
  }
  return out;
}

std::vector<size_t> run_lengths(const std::vector<bool>& values) {
  std::vector<size_t> out{0};
  bool current = true;
  for (const bool value : values) {
    if (value != current) out.push_back(0), current = value;
    ++out.back();
  }
  return out;
}

void add_emergence(const toy::Resolved& run, const toy::Result& trained, Json& out) {
  if (trained.diverged || !toy::has_feature_losses(run.config)) {
    for (const char* name : {"features_resolved", "feature_loss_sum", "feature_loss_sum_se", "emergence"})
      out[name] = nullptr;
    return;
  }
  const toy::FeatureLosses f = toy::feature_losses(run, trained.W.view(), trained.b);
  const size_t n = f.loss.size();
  std::vector<bool> resolved(n);
  size_t by_ratio = 0, agree = 0;
  for (size_t i = 0; i < n; ++i) {
    resolved[i] = f.resolved(i);
    const bool clear = f.ratio[i] > kClearRatio;
    by_ratio += clear, agree += clear == resolved[i];
  }
  const Frontier edge = frontier(resolved);
  Json ranks = Json::array(), loss = Json::array(), norm = Json::array();
  for (const size_t i : kept_ranks(n)) {
    double square = 0;
    for (const float w : trained.W.row(i)) square += double{w} * w;
    ranks.push_back(i + 1), loss.push_back(rounded(f.loss[i], 4)), norm.push_back(rounded(std::sqrt(square), 3));
  }
  const std::vector<size_t> lengths = run_lengths(resolved);
  out["features_resolved"] = f.resolved_count();
  out["feature_loss_sum"] = f.total;
  out["feature_loss_sum_se"] = f.total_se;
  out["emergence"] = {{"samples", f.samples},
                      {"frontier", edge.rank},
                      {"misordered", edge.misordered},
                      {"resolved_by_ratio", by_ratio},
                      {"agreement", static_cast<double>(agree) / static_cast<double>(n)},
                      {"median_relative_error", rounded(median_relative_error(f), 3)},
                      {"resolved", lengths.size() <= kMostRunLengths ? Json(lengths) : Json(nullptr)},
                      {"ranks", ranks},
                      {"loss", loss},
                      {"norm", norm}};
}

}  // namespace superpose::study
