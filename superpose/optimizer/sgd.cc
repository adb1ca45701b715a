// SPDX-License-Identifier: Apache-2.0
// Gradient descent with heavy-ball momentum (Polyak 1964), in the convention of PyTorch's SGD without dampening:
//     s <- μ s + g;  W <- W - η s
#include "superpose/optimizer/rows.h"

namespace superpose::optimizer {
namespace {

struct Sgd {
  template <class T>
  static auto make(const Update& update) {
    const T mu = static_cast<T>(update.momentum), rate = static_cast<T>(update.rate);
    return [=](T& w, T g, T& s) {
      s = mu * s + g;
      w -= rate * s;
    };
  }
};

}  // namespace

const Rule kSgd = rule_of<Sgd>("sgd");

}  // namespace superpose::optimizer
