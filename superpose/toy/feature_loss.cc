// SPDX-License-Identifier: Apache-2.0
// The loss of one feature is that of one output: L_i = <(y_i - x_i)²>. Given the rest of a sample (its background), the
// two cases "i is on" and "i is off" are both evaluated and weighted with p_i and 1 - p_i, so a feature of p = 10^-6 is
// on as often here as one of p = 1/2.
#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/kernels/kernels.h"
#include "superpose/toy/toy.h"

namespace superpose::toy {
namespace {

constexpr size_t kBlock = 256;    // features whose outputs are held at once
constexpr double kOutputs = 4e7;  // n·K: a fraction of a second, at any width
constexpr uint32_t kLeast = 256, kMost = 4096;

// h of each background, H [rows, m]: Σ_k v_k W_k for the K there are, then zeros.
std::vector<float> hidden(const features::Batch& batch, MatrixView<const float> W, size_t rows) {
  std::vector<float> H(rows * W.cols);
  for (size_t a = 0; a < batch.active.size(); ++a) {
    const auto row = W.row(batch.active[a]);
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
      float* const h = H.data() + batch.sample[e] * W.cols;
      for (size_t k = 0; k < W.cols; ++k) h[k] += batch.value[e] * row[k];
    }
  }
  return H;
}

// K values of an active feature, one from each K-th of the distribution, in random order.
std::vector<float> stratified_values(const features::Values& values, uint64_t seed, uint32_t samples) {
  std::vector<float> out;
  for (uint32_t k = 0; k < samples; ++k) {
    const PhiloxBlock block = RandomBlocks(seed, RandomStream::feature_loss, 1, k).next();
    const double u = (k + uniform_open(block[0], block[1])) / samples;
    out.push_back(values.draw(values.parameters.data(), static_cast<uint32_t>(u * 0x1p32), block[3]));
    std::swap(out.back(), out[block[2] % (k + 1)]);
  }
  return out;
}

// One feature over all backgrounds. z: its output before bias and ReLU, feature i itself taken out.
struct Output {
  double p, bias, norm_square, weight;  // weight: its importance
};
struct Sums {
  double loss = 0, square = 0, on = 0, off = 0;  // Σ loss, Σ loss², Σ y² when on, Σ y² when off
};
Sums add_up(const Output& f, std::span<const float> z, const std::vector<float>& values, size_t shift,
            std::vector<double>& per_sample) {
  Sums out;
  for (size_t s = 0; s < z.size(); ++s) {
    const double v = values[(s + shift) % values.size()];
    const double off = std::max(0.0, f.bias + z[s]);
    const double on = std::max(0.0, f.bias + z[s] + v * f.norm_square);
    const double loss = f.weight * (f.p * (on - v) * (on - v) + (1 - f.p) * off * off);
    out.loss += loss, out.square += loss * loss, out.on += on * on, out.off += off * off;
    per_sample[s] += loss;
  }
  return out;
}

}  // namespace

bool has_feature_losses(const Config& config) {
  return config.decoder == "tied" && config.activation == "relu" && config.correlation == "none";
}

size_t FeatureLosses::resolved_count() const {
  size_t count = 0;
  for (size_t i = 0; i < loss.size(); ++i) count += resolved(i);
  return count;
}

FeatureLosses feature_losses(const Resolved& run, MatrixView<const float> W, std::span<const float> b,
                             uint32_t samples) {
  const size_t n = W.rows, m = W.cols;
  const std::vector<double>& p = run.law.probability;
  SUPERPOSE_ASSERT(has_feature_losses(run.config));
  SUPERPOSE_ASSERT(n == p.size() && n == b.size() && W.stride == m);
  const auto affordable = static_cast<uint32_t>(std::min(kOutputs / static_cast<double>(n), 1e9));
  const uint32_t K = samples ? samples : std::clamp(affordable, kLeast, kMost);
  const double count = K;
  const auto seed = static_cast<uint64_t>(run.config.seed);
  features::Batch batch;
  make_sampler(run).draw(seed, RandomStream::feature_loss, 0, K, batch);
  const size_t wide = kernels::pad(K);
  const std::vector<float> H = hidden(batch, W, wide), values = stratified_values(run.values, seed, K);
  std::vector<float> packed(wide * m);
  kernels::pack_columns(H.data(), wide, m, m, packed.data());

  FeatureLosses out;
  out.samples = K;
  std::vector<float> Z(kBlock * wide);
  std::vector<double> per_sample(K);
  size_t active = 0;  // the first entry of batch.active not below i
  for (size_t first = 0; first < n; first += kBlock) {
    const size_t rows = std::min(kBlock, n - first);
    kernels::gemm_packed({rows, wide, m, W.data + first * m, m, 1, packed.data(), Z.data(), wide, false});
    for (size_t i = first; i < first + rows; ++i) {
      const std::span<float> z(Z.data() + (i - first) * wide, K);
      double norm_square = 0;
      for (const float w : W.row(i)) norm_square += double{w} * w;
      if (active < batch.active.size() && batch.active[active] == i) {
        for (uint32_t e = batch.begin[active]; e < batch.begin[active + 1]; ++e)
          z[batch.sample[e]] -= batch.value[e] * static_cast<float>(norm_square);
        ++active;
      }
      // Shifting by i: no two features see the same value in one background, unless n > K.
      const Output f{p[i], b[i], norm_square, run.importance_of(i)};
      const Sums sums = add_up(f, z, values, i, per_sample);
      const double mean = sums.loss / count;
      out.loss.push_back(mean);
      out.se.push_back(std::sqrt(std::max(0.0, sums.square / count - mean * mean) / (count - 1)));
      const double mean_value = p[i] * run.values.mean;
      out.ignored.push_back(f.weight * (p[i] * run.values.mean_square - mean_value * mean_value));
      const double signal = p[i] * sums.on, interference = (1 - p[i]) * sums.off;
      out.ratio.push_back(interference > 0 ? signal / interference
                          : signal > 0     ? std::numeric_limits<double>::infinity()
                                           : 0);
    }
  }
  double square = 0;
  for (const double x : per_sample) out.total += x / count;
  for (const double x : per_sample) square += (x - out.total) * (x - out.total);
  out.total_se = std::sqrt(square / count / (count - 1));
  return out;
}

}  // namespace superpose::toy
