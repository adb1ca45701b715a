// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "superpose/base/philox.h"
#include "superpose/toy/toy.h"

namespace superpose::toy {
namespace {

Matrix<double> normal_rows(const Config& config, RandomStream stream, const Workers& workers) {
  const auto n = static_cast<size_t>(config.features);
  const auto m = static_cast<size_t>(config.dim);
  Matrix<double> W(n, m);
  const double scale = config.init_scale / std::sqrt(static_cast<double>(m));
  for (size_t i = 0; i < n; ++i) {
    workers.check();  // a million rows take seconds
    RandomBlocks blocks(static_cast<uint64_t>(config.seed), stream, 0, static_cast<uint32_t>(i));
    for (size_t k = 0; k < m; k += 2) {
      const auto pair = normal_pair(blocks.next());
      W(i, k) = scale * pair[0];
      if (k + 1 < m) W(i, k + 1) = scale * pair[1];
    }
  }
  return W;
}

}  // namespace

Matrix<double> initial_weights(const Config& config, const Workers& workers) {
  return normal_rows(config, RandomStream::init_weights, workers);
}

Matrix<double> initial_decoder(const Config& config, const Workers& workers) {
  return normal_rows(config, RandomStream::init_decoder, workers);
}

std::vector<double> initial_biases(const Config& config) {
  std::vector<double> b(static_cast<size_t>(config.features));
  if (!config.bias || config.bias_init == "zero") return b;
  for (size_t i = 0; i < b.size(); ++i) {
    b[i] = normal_pair(
        RandomBlocks(static_cast<uint64_t>(config.seed), RandomStream::init_bias, 0, static_cast<uint32_t>(i))
            .next())[0];
  }
  return b;
}

}  // namespace superpose::toy
