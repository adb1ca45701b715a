// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/features/features.h"

namespace superpose::features {

// v ~ U(0, 2) on the 2^23 midpoints of equal cells: exact in float, never 0, mean exactly 1.
float value_from(uint32_t word) { return (static_cast<float>(word >> 9) + 0.5f) * 0x1p-22f; }

Sampler::Sampler(const Law& law) {
  for (const double p : law.probability) {
    log_miss_.push_back(std::log1p(-p));  // -infinity where p = 1: the gap below is then 0, every sample is hit
    inverse_log_miss_.push_back(1 / log_miss_.back());
  }
}

void Sampler::draw(uint64_t seed, RandomStream stream, uint32_t step, uint32_t samples, Batch& out) const {
  SUPERPOSE_ASSERT(samples < (1u << 31));
  out.samples = samples;
  out.active.clear();
  out.begin.clear();
  out.sample.clear();
  out.value.clear();
  for (uint32_t j = 0; j < log_miss_.size(); ++j) {
    RandomBlocks blocks(seed, stream, step, j);
    const size_t first = out.sample.size();
    double position = 0;  // the next sample not yet decided
    while (true) {
      const PhiloxBlock block = blocks.next();
      // The number of misses before the next hit is geometric: floor(ln u / ln(1 - p)).
      const double u = uniform_open(block[0], block[1]);
      position += std::floor(std::log(u) * inverse_log_miss_[j]);
      if (!(position < samples)) break;
      out.sample.push_back(static_cast<uint32_t>(position));
      out.value.push_back(value_from(block[2]));
      position += 1;
    }
    if (out.sample.size() > first) {
      out.active.push_back(j);
      out.begin.push_back(static_cast<uint32_t>(first));
    }
  }
  out.begin.push_back(static_cast<uint32_t>(out.sample.size()));
}

}  // namespace superpose::features
