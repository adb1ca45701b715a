// SPDX-License-Identifier: Apache-2.0
// How sparse the outputs of a toy model are while it trains: the one part of a run's cost that arithmetic alone does
// not give. Trains one model and prints CSV: the share of positive outputs of samples with several features (multi),
// and the share of nonzeros in the rows of D (rows), at steps spread evenly in the logarithm. The constants of
// positive_share() in toy/cost.cc are fitted to this (bench/fit_positive_share.py).
//     bench_positive_share LAW DECAY DIM [STEPS = 20000] [FEATURES = 1000] [BATCH = 2048] [DENSITY = 1]
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "superpose/toy/toy.h"

namespace {

namespace toy = superpose::toy;
using superpose::features::Batch;

struct Shares {
  double multi = 0, rows = 0;
};

Shares shares(const superpose::Matrix<double>& W, const std::vector<double>& b, const Batch& batch) {
  const size_t n = W.rows(), active = batch.active.size();
  superpose::Matrix<float> gram(active, n);
  for (size_t a = 0; a < active; ++a) {
    for (size_t j = 0; j < n; ++j) {
      float sum = 0;
      for (size_t k = 0; k < W.cols(); ++k) sum += static_cast<float>(W(batch.active[a], k) * W(j, k));
      gram(a, j) = sum;
    }
  }
  std::vector<std::vector<std::pair<size_t, float>>> entries(batch.samples);
  for (size_t a = 0; a < active; ++a) {
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e)
      entries[batch.sample[e]].emplace_back(a, batch.value[e]);
  }
  superpose::Matrix<char> hit(active, n);
  size_t positive = 0, outputs = 0, nonzero = 0;
  for (const auto& sample : entries) {
    if (sample.empty()) continue;
    for (size_t j = 0; j < n; ++j) {
      float z = static_cast<float>(b[j]);
      for (const auto& [a, v] : sample) z += v * gram(a, j);
      if (z <= 0) continue;
      for (const auto& entry : sample) hit(entry.first, j) = 1;
      positive += sample.size() > 1;
    }
    outputs += sample.size() > 1 ? n : 0;
  }
  for (size_t k = 0; k < active * n; ++k) nonzero += hit.data()[k] != 0;
  return {static_cast<double>(positive) / static_cast<double>(std::max<size_t>(outputs, 1)),
          static_cast<double>(nonzero) / static_cast<double>(std::max<size_t>(active * n, 1))};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: bench_positive_share LAW DECAY DIM [STEPS] [FEATURES] [BATCH] [DENSITY]\n", stderr);
    return 2;
  }
  toy::Config config;
  config.law = argv[1];
  config.decay = std::atof(argv[2]);
  config.dim = std::atol(argv[3]);
  if (argc > 4) config.steps = std::atol(argv[4]);
  config.features = argc > 5 ? std::atol(argv[5]) : 1000;
  if (argc > 6) config.batch = std::atol(argv[6]);
  if (argc > 7) config.density = std::atof(argv[7]);
  const toy::Resolved run = toy::resolve(config);
  const auto model = toy::make_engine(run);
  const superpose::features::Sampler sampler(run.law);
  Batch batch;
  double next = 0;
  for (int64_t step = 0; step < config.steps; ++step) {
    sampler.draw(0, superpose::RandomStream::training_data, static_cast<uint32_t>(step),
                 static_cast<uint32_t>(config.batch), batch);
    if (static_cast<double>(step) >= next || step + 1 == config.steps) {
      const Shares s = shares(model->weights(), model->biases(), batch);
      fmt::print("{},{},{},{},{},{},{},{},{:.5f},{:.5f}\n", config.law, config.decay, config.dim, config.steps,
                 run.config.features, config.batch, config.density, step, s.multi, s.rows);
      std::fflush(stdout);
      next = std::max(static_cast<double>(step) * 1.25, static_cast<double>(step) + 50);
    }
    model->step(batch, step);
  }
}
