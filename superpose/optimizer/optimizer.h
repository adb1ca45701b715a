// SPDX-License-Identifier: Apache-2.0
// optimizer: AdamW with the dial, and the learning-rate schedule. docs/math.md §3.
//
// The dial is the weight decay γ, applied to each row W_i before the Adam step, with the current learning rate η and
// the weights the gradient was taken at (paper Eq. 2; the order of the reference programs):
//     γ >= 0   W_i <- W_i (1 - η γ)                             ordinary decoupled decay: shrinks, weak superposition
//     γ <  0   W_i <- W_i + η γ W_i (1 - 1/r_i)                 r_i = |W_i| + 1e-8: pulls every row norm towards 1 with
//     rate
//                                                               |γ|, so longer rows shrink too; strong superposition
// Then Adam (Kingma & Ba 2015) with β = (0.9, 0.999) and ε outside the square root:
//     m <- β1 m + (1-β1) g;  v <- β2 v + (1-β2) g²;  W <- W - η/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + ε)
// Adam is scale free except for ε, so what multiplies the loss matters for rare features (ToyConfig::loss_scale).
#pragma once
#include <cstdint>
#include <span>

#include "superpose/base/matrix.h"

namespace superpose::optimizer {

// Linear warm-up to the peak, then half a cosine down to floor·peak at the last step.
struct Schedule {
  double peak = 0.01;     // η at the end of the warm-up, > 0
  int64_t steps = 20000;  // T >= 1
  double warmup = 0.1;    // fraction of T, in [0, 1]
  double floor = 0.05;    // fraction of the peak, in [0, 1]
};
// η at step 0 <= step < T. With t = step + 1 and w = floor(warmup·T):
//     t < w:  peak·t/w      else:  peak·(floor + (1-floor)·(1 + cos(π (t-w)/(T-w)))/2)
double learning_rate(const Schedule& schedule, int64_t step);

// The numbers of one Adam step that depend on the time t = step + 1 only.
struct AdamStep {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double step_size = 0;           // η / (1 - β1^t)
  double inverse_sqrt_bias2 = 0;  // 1 / sqrt(1 - β2^t)
};
AdamStep adam_step(double learning_rate, int64_t step);

// What one row is multiplied by before the Adam step: 1 - ηγ, or 1 + ηγ(1 - 1/(norm + 1e-8)) for γ < 0.
double decay_factor(double gamma, double learning_rate, double row_norm);

// One step on W [n, m] in double, as written above. moment1 and moment2 have W's shape and start at zero.
void adamw_reference(MatrixView<double> W, MatrixView<const double> gradient, MatrixView<double> moment1,
                     MatrixView<double> moment2, double gamma, const AdamStep& adam, double learning_rate);

// The same in float on rows of `stride` elements (a multiple of 16; what lies beyond the row's columns must be zero and
// stays zero), through the SIMD kernels. Rows [first, last) only, so that threads can share one matrix.
struct FloatRows {
  float* W;
  const float* gradient;
  float* moment1;
  float* moment2;
  size_t stride;
};
void adamw_fast(const FloatRows& rows, size_t first, size_t last, double gamma, const AdamStep& adam,
                double learning_rate);

}  // namespace superpose::optimizer
