// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "superpose/kernels/kernels.h"

namespace superpose::kernels::ref {

double relu_group(const double* g, const double* b, size_t padded, const double* v, size_t samples, double* d,
                  double* e) {
  double sum_square = 0;
  for (size_t j = 0; j < padded; ++j) {
    for (size_t s = 0; s < samples; ++s) {
      const double y = std::max(0.0, v[s] * g[j] + b[j]);
      d[j] += v[s] * y;
      e[j] += y;
      sum_square += y * y;
    }
  }
  return sum_square;
}

void adam_update(double* W, const double* gradient, double* moment1, double* moment2, size_t count,
                 const AdamCoefficients& c) {
  for (size_t k = 0; k < count; ++k) {
    moment1[k] = c.beta1 * moment1[k] + c.one_minus_beta1 * gradient[k];
    moment2[k] = c.beta2 * moment2[k] + c.one_minus_beta2 * gradient[k] * gradient[k];
    W[k] = W[k] * c.decay - c.step_size * moment1[k] / (std::sqrt(moment2[k]) * c.inverse_sqrt_bias2 + c.eps);
  }
}

void add_cosines(const CosineTile& tile, double sums[3]) {
  for (size_t i = 0; i < tile.rows; ++i) {
    for (size_t j = tile.diagonal ? i + 1 : 0; j < tile.columns; ++j) {
      const float x = std::abs(tile.c[i * tile.ldc + j]);
      const double d = static_cast<double>(x) - static_cast<double>(tile.pivot);
      sums[0] += d;
      sums[1] += d * d;
      sums[2] += static_cast<double>(x) * static_cast<double>(x);
      if (x > tile.row_best[i]) {
        tile.row_best[i] = x;
        tile.row_partner[i] = tile.column_first + static_cast<uint32_t>(j);
      }
      if (x > tile.column_best[j]) {
        tile.column_best[j] = x;
        tile.column_partner[j] = tile.row_first + static_cast<uint32_t>(i);
      }
      if (tile.bins != 0) {
        ++tile.counts[std::min(static_cast<size_t>(x * static_cast<float>(tile.bins)), tile.bins - 1)];
      }
    }
  }
}

}  // namespace superpose::kernels::ref
