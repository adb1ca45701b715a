// SPDX-License-Identifier: Apache-2.0
#include "superpose/toy/cost.h"

#include <algorithm>
#include <cmath>

#include "superpose/kernels/kernels.h"
#include "superpose/optimizer/optimizer.h"

namespace superpose::toy {
namespace {

constexpr double kFeaturesPerThread = 1024;  // fewer are not worth handing over
constexpr double kDenseAbove = 0.3;   // where the engine goes over to full products (there: share of positive biases)
constexpr double kCacheBytes = 16e6;  // W, its gradient and two moments; beyond it the optimiser waits for memory

double dot(const Terms& a, const Terms& b) {
  double sum = 0;
  for (size_t k = 0; k < kTerms; ++k) sum += a[k] * b[k];
  return sum;
}

// q by distance travelled, for three shares of active features A/n: geometric means over decay -1 and -0.11 (0.33 and
// 1) and m = 10, 39, 100 (bench/fit_positive_share.py).
struct Row {
  double travelled;
  double grown[3], decayed[3];  // decay <= 0, decay > 0; for A/n as below
};
constexpr double kActiveShare[3] = {0.06, 0.47, 0.87};  // power:2, power:1, power:0 with n = 1000 and B = 2048
constexpr Row kShares[] = {
    {0, {.560, .546, .553}, {.560, .546, .557}},   {0.1, {.470, .546, .595}, {.470, .546, .583}},
    {0.4, {.360, .499, .559}, {.364, .506, .559}}, {1, {.285, .428, .496}, {.298, .443, .497}},
    {2, {.208, .312, .367}, {.220, .346, .383}},   {4, {.160, .183, .197}, {.175, .235, .246}},
    {8, {.088, .097, .088}, {.101, .109, .101}},   {16, {.066, .059, .054}, {.057, .090, .074}},
    {32, {.052, .037, .031}, {.021, .092, .056}},  {64, {.019, .015, .013}, {.006, .026, .013}},
    {85, {.015, .011, .008}, {.004, .006, .005}},  {110, {.010, .009, .007}, {.003, .003, .002}},
};

double share_in_row(const Row& row, double decay, double active_share) {
  const double* q = decay > 0 ? row.decayed : row.grown;
  const double x = std::clamp(active_share, kActiveShare[0], kActiveShare[2]);
  const int low = x < kActiveShare[1] ? 0 : 1;
  const double w = (x - kActiveShare[low]) / (kActiveShare[low + 1] - kActiveShare[low]);
  return (1 - w) * q[low] + w * q[low + 1];
}

// Geometry of the trained W, study/toy_run.cc: three overlaps and the dimensionalities, in double on one core.
double geometry_seconds(double n, double m) {
  constexpr double kFlops = 2e10, kExactPairs = 5e7, kSampledPairs = 2e6;
  const double pairs = n * n / 2;
  const double overlap =
      n * m * m / kFlops + (pairs <= kExactPairs ? pairs * (2 * m / kFlops + 2e-9) : kSampledPairs * m * 4e-9);
  return 3 * overlap + 3 * n * m * m / kFlops;
}

}  // namespace

Workload workload(const Config& config, const features::Law& law) {
  Workload out;
  out.features = static_cast<double>(law.probability.size());
  out.padded_dim = static_cast<double>(kernels::pad(static_cast<size_t>(config.dim)));
  out.batch = static_cast<double>(config.batch);
  for (const double p : law.probability) {
    out.active += -std::expm1(out.batch * std::log1p(-std::min(p, 1 - 1e-12)));
    out.entries += out.batch * p;
  }
  if (config.engine == "reference") {  // dense: every feature of every sample
    out.padded_dim = static_cast<double>(config.dim);
    out.active = out.batch;
  }
  return out;
}

Terms terms(const Workload& w, double share) {
  const double size = w.features * w.padded_dim, products = w.active * w.features;
  return {1,
          w.features,
          w.entries,
          w.entries * w.features,
          products,
          products * w.padded_dim,
          share * products * w.padded_dim,
          size,
          4 * sizeof(float) * size > kCacheBytes ? size : 0,
          share * w.entries * w.features};
}

namespace {

double share_at_density_1(double travelled, double decay, double active_share) {
  const Row* const end = std::end(kShares);
  const Row* high = std::find_if(std::begin(kShares), end, [&](const Row& row) { return row.travelled >= travelled; });
  if (high == std::begin(kShares)) return share_in_row(*high, decay, active_share);
  if (high == end) return share_in_row(end[-1], decay, active_share);
  const double w = (travelled - high[-1].travelled) / (high->travelled - high[-1].travelled);
  return std::pow(share_in_row(high[-1], decay, active_share), 1 - w) *
         std::pow(share_in_row(*high, decay, active_share), w);
}

}  // namespace

double positive_share(double travelled, double decay, double active_share, double density) {
  constexpr double kMost = 0.8;
  // With more features in a sample more of its outputs stay positive, late in training in proportion: fitted to power:1
  // at densities 3 and 7.5.
  const double power = std::min(1.0, 0.12 * std::pow(travelled, 0.47));
  return std::min(kMost, share_at_density_1(travelled, decay, active_share) * std::pow(std::max(density, 0.1), power));
}

double predicted_seconds(const Config& config, const features::Law& law) {
  const StepCosts& costs = measured_costs(config.engine);
  const Workload load = workload(config, law);
  const double rate = config.lr_bias > 0 ? config.lr_bias : config.lr;
  const optimizer::Schedule schedule{rate, config.steps, config.warmup, config.lr_floor,
                                     optimizer::schedule_shape(config.schedule)};
  double travelled = 0, seconds = 0;
  const auto share = [&](double distance) {
    return positive_share(distance, config.decay, load.active / load.features, load.entries / load.batch);
  };
  for (int64_t step = 0; step < config.steps;) {  // stretches that grow by an eighth
    const int64_t count = std::min(config.steps - step, std::max<int64_t>(1, step / 8));
    const double moved = static_cast<double>(count) * optimizer::learning_rate(schedule, step + count / 2);
    const double q = share(travelled + moved / 2);
    seconds += static_cast<double>(count) * dot(q > kDenseAbove ? costs.dense : costs.sparse, terms(load, q));
    travelled += moved;
    step += count;
  }
  const double share_at_end = share(travelled);
  const double n = load.features, m = static_cast<double>(config.dim);
  constexpr double kPerNormal = 15e-9, kPerFeature = 2e-7;  // initial weights; the law and its sampler
  return seconds + static_cast<double>(eval_batches(config)) * dot(costs.forward, terms(load, share_at_end)) +
         n * m * kPerNormal + n * kPerFeature + geometry_seconds(n, m);
}

double least_bytes(const Config& config) {
  const double n = static_cast<double>(config.features > 0 ? config.features : 1);
  const double m = static_cast<double>(config.dim), batch = static_cast<double>(config.batch);
  const double padded = static_cast<double>(kernels::pad(static_cast<size_t>(config.dim)));
  // reference: W, gradient, moments and copies in double, and four dense [B, n], at times five. fast: W, gradient and
  // moments in float; at the end W in double and once more in float.
  const double matrices = config.decoder == "untied" ? 2 : 1;
  if (config.engine == "reference") return matrices * 8 * n * m * 6 + 8 * n * batch * 4 + 100 * n;
  const double scaled = config.importance == "uniform" ? 0 : sizeof(float) * n * padded;  // V times the root of I
  return matrices * (4 * sizeof(float) * n * padded + 12 * n * m) + scaled + 100 * n;
}

double predicted_bytes(const Config& config, const features::Law& law) {
  if (config.engine == "reference") return least_bytes(config);
  const Workload w = workload(config, law);
  constexpr double kTileBytes = 4e6;                 // of Gram products and lists of positive outputs
  const double rows = std::min(w.batch, w.entries);  // samples, those with one and the same feature counted once
  return least_bytes(config) + 4 * w.padded_dim * (w.active + 2 * rows) + 40 * w.entries + 50 * w.batch + kTileBytes;
}

int useful_threads(const Config& config) {
  if (config.engine == "reference") return 1;
  const double shares = std::ceil(static_cast<double>(config.features) / kFeaturesPerThread);
  return static_cast<int>(std::clamp(shares, 1.0, 1024.0));
}

}  // namespace superpose::toy
