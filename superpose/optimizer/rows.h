// SPDX-License-Identifier: Apache-2.0
// What the rules without a kernel of their own share: the dial, then the rule, element by element. Private to
// optimizer/.
#pragma once
#include <cmath>

#include "superpose/optimizer/optimizer.h"

namespace superpose::optimizer {

// step(W, g, state) for each element of rows [first, last) after the row was multiplied by the dial's factor. A state
// below 1e-30 becomes 0: a row without gradients would otherwise drift into denormal numbers, which are slow.
template <class T, class Step>
void dialled_elements(const Update& update, MatrixView<T> W, const T* gradient, T* state, size_t first, size_t last,
                      const Step& step) {
  for (size_t i = first; i < last; ++i) {
    double square = 0;
    if (update.gamma < 0) {
      for (const T w : W.row(i)) square += static_cast<double>(w) * static_cast<double>(w);
    }
    const T factor = static_cast<T>(decay_factor(update.gamma, update.rate, std::sqrt(square)));
    for (size_t k = i * W.stride; k < i * W.stride + W.cols; ++k) {
      W.data[k] *= factor;
      step(W.data[k], gradient[k], state[k]);
      if (std::fabs(state[k]) < static_cast<T>(1e-30)) state[k] = 0;
    }
  }
}

// Both sides of a rule with one state, from one formula: Formula::make<T>(update) is `step` above.
template <class Formula>
constexpr Rule rule_of(const char* name) {
  return {name,
          [](const Update& update, MatrixView<double> W, MatrixView<const double> gradient, MatrixView<double> state,
             MatrixView<double>) {
            dialled_elements(update, W, gradient.data, state.data, 0, W.rows, Formula::template make<double>(update));
          },
          [](const Update& update, const FloatRows& rows, size_t first, size_t last) {
            dialled_elements(update, MatrixView<float>(rows.W, last, rows.stride), rows.gradient, rows.moment1, first,
                             last, Formula::template make<float>(update));
          }};
}

extern const Rule kSgd, kLion;

}  // namespace superpose::optimizer
