// SPDX-License-Identifier: Apache-2.0
// Tables with a known truth, for tests only.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "superpose/base/philox.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {

struct Truth {
  double C = 200, alpha = 0.8;
  std::vector<double> L0{1.7, 2.4};  // one group each, called g0, g1, ...
  double noise = 0;                  // standard deviation of the losses
};

inline std::vector<double> widths_from(double first, double ratio, int count) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) out.push_back(std::round(first * std::pow(ratio, i)));
  return out;
}

// Every group at every width; the noise of table `index` is its own.
inline WidthData synthetic(const Truth& truth, const std::vector<double>& widths, uint32_t index = 0) {
  WidthData out;
  RandomBlocks blocks(11, RandomStream::fresh_data, index);
  for (size_t g = 0; g < truth.L0.size(); ++g) {
    for (const double m : widths) {
      out.m.push_back(m);
      out.group.push_back(fmt::format("g{}", g));
      out.loss.push_back(truth.C * std::pow(m, -truth.alpha) + truth.L0[g] +
                         truth.noise * normal_pair(blocks.next())[0]);
    }
  }
  return out;
}

}  // namespace superpose::fit
