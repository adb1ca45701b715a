// SPDX-License-Identifier: Apache-2.0
// Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023), β = (0.9, 0.99):
//     W <- W - η sign(β1 s + (1-β1) g);  s <- β2 s + (1-β2) g          sign(0) = 0
#include "superpose/optimizer/rows.h"

namespace superpose::optimizer {
namespace {

struct Lion {
  template <class T>
  static auto make(const Update& update) {
    constexpr T kBeta1 = static_cast<T>(0.9), kBeta2 = static_cast<T>(0.99);
    const T rate = static_cast<T>(update.rate);
    return [=](T& w, T g, T& s) {
      const T direction = kBeta1 * s + (1 - kBeta1) * g;
      w -= rate * static_cast<T>((direction > 0) - (direction < 0));
      s = kBeta2 * s + (1 - kBeta2) * g;
    };
  }
};

}  // namespace

const Rule kLion = rule_of<Lion>("lion");

}  // namespace superpose::optimizer
