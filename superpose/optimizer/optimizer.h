// SPDX-License-Identifier: Apache-2.0
// optimizer: the update rules with the dial, and the learning-rate schedules. docs/math.md §3.
//
// The dial is the weight decay γ, applied to each row W_i before the rule's own step, whichever rule it is, with the
// current learning rate η and the weights the gradient was taken at (paper Eq. 2; the order of the reference programs):
//     γ >= 0   W_i <- W_i (1 - η γ)                             ordinary decoupled decay: shrinks, weak superposition
//     γ <  0   W_i <- W_i + η γ W_i (1 - 1/r_i)                 r_i = |W_i| + 1e-8: pulls every row norm towards 1 with
//     rate
//                                                               |γ|, so longer rows shrink too; strong superposition
// Then Adam (Kingma & Ba 2015) with β = (0.9, 0.999) and ε outside the square root:
//     m <- β1 m + (1-β1) g;  v <- β2 v + (1-β2) g²;  W <- W - η/(1-β1^t) · m / (sqrt(v)/sqrt(1-β2^t) + ε)
// Adam is scale free except for ε, so what multiplies the loss matters for rare features (ToyConfig::loss_scale).
// The other rules are in sgd.cc and lion.cc; a new one is a file and a line of the table in rules.cc, a new schedule a
// line of the table in schedule.cc.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/matrix.h"

namespace superpose::optimizer {

// What a schedule does after the warm-up: (share of those steps done, in [0, 1]; floor) -> fraction of the peak.
//     cosine    floor + (1-floor)·(1 + cos πs)/2
//     linear    floor + (1-floor)·(1 - s)
//     constant  1; the floor plays no part
//     wsd       warm-up, stable, decay: 1 until s = 0.8, then linear to the floor
using ScheduleShape = double (*)(double done, double floor);
double cosine_shape(double done, double floor);
inline constexpr double kDecayShare = 0.2;            // of the steps after the warm-up, in wsd
ScheduleShape schedule_shape(std::string_view name);  // name: one of schedule_names()
const std::vector<std::string>& schedule_names();

// Linear warm-up to the peak, then the shape, which ends at the last step.
struct Schedule {
  double peak = 0.01;     // η at the end of the warm-up, > 0
  int64_t steps = 20000;  // T >= 1
  double warmup = 0.1;    // fraction of T, in [0, 1]
  double floor = 0.05;    // fraction of the peak, in [0, 1]
  ScheduleShape shape = cosine_shape;
};
// η at step 0 <= step < T. With t = step + 1 and w = floor(warmup·T):
//     t < w:  peak·t/w      else:  peak·shape((t-w)/(T-w), floor)
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

// One step of a rule: what every row of a parameter is updated with.
struct Update {
  double gamma = 0;                    // the dial; 0 for biases
  double rate = 0;                     // η of this step
  int64_t step = 0;                    // 0, 1, ...
  double momentum = kDefaultMomentum;  // of sgd; the other rules have their own constants
  static constexpr double kDefaultMomentum = 0.9;
};
// An update rule in double and in float, both exactly as their formula says. state1 and state2 have the parameter's
// shape and start at zero; not every rule uses both.
struct Rule {
  const char* name;
  void (*reference)(const Update&, MatrixView<double> W, MatrixView<const double> gradient, MatrixView<double> state1,
                    MatrixView<double> state2);
  void (*fast)(const Update&, const FloatRows& rows, size_t first, size_t last);  // as adamw_fast; state = moments
};
const Rule& find_rule(std::string_view name);  // name: one of rule_names()
const std::vector<std::string>& rule_names();  // "adamw", "sgd", "lion"

}  // namespace superpose::optimizer
