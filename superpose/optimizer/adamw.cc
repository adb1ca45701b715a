// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "superpose/kernels/kernels.h"
#include "superpose/optimizer/optimizer.h"

namespace superpose::optimizer {

AdamStep adam_step(double rate, int64_t step) {
  AdamStep out;
  const double t = static_cast<double>(step + 1);
  out.step_size = rate / (1 - std::pow(out.beta1, t));
  out.inverse_sqrt_bias2 = 1 / std::sqrt(1 - std::pow(out.beta2, t));
  return out;
}

double decay_factor(double gamma, double rate, double row_norm) {
  if (gamma >= 0) return 1 - gamma * rate;
  return 1 + rate * gamma * (1 - 1 / (row_norm + 1e-8));
}

void adamw_reference(MatrixView<double> W, MatrixView<const double> gradient, MatrixView<double> moment1,
                     MatrixView<double> moment2, double gamma, const AdamStep& adam, double rate) {
  for (size_t i = 0; i < W.rows; ++i) {
    double square = 0;
    for (const double w : W.row(i)) square += w * w;
    const double factor = decay_factor(gamma, rate, std::sqrt(square));
    for (size_t k = 0; k < W.cols; ++k) {
      const double g = gradient(i, k);
      double& m = moment1(i, k);
      double& v = moment2(i, k);
      m = adam.beta1 * m + (1 - adam.beta1) * g;
      v = adam.beta2 * v + (1 - adam.beta2) * g * g;
      W(i, k) = W(i, k) * factor - adam.step_size * m / (std::sqrt(v) * adam.inverse_sqrt_bias2 + adam.eps);
    }
  }
}

void adamw_fast(const FloatRows& rows, size_t first, size_t last, double gamma, const AdamStep& adam, double rate) {
  kernels::AdamCoefficients c;
  c.beta1 = static_cast<float>(adam.beta1);
  c.beta2 = static_cast<float>(adam.beta2);
  c.one_minus_beta1 = static_cast<float>(1 - adam.beta1);
  c.one_minus_beta2 = static_cast<float>(1 - adam.beta2);
  c.step_size = static_cast<float>(adam.step_size);
  c.inverse_sqrt_bias2 = static_cast<float>(adam.inverse_sqrt_bias2);
  c.eps = static_cast<float>(adam.eps);
  for (size_t i = first; i < last; ++i) {
    const size_t at = i * rows.stride;
    const double norm = gamma < 0 ? std::sqrt(kernels::sum_squares(rows.W + at, rows.stride)) : 0.0;
    c.decay = static_cast<float>(decay_factor(gamma, rate, norm));
    kernels::adam_update(rows.W + at, rows.gradient + at, rows.moment1 + at, rows.moment2 + at, rows.stride, c);
  }
}

}  // namespace superpose::optimizer
