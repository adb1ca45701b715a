// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/features/features.h"
#include "superpose/kernels/kernels.h"

namespace superpose::features {
namespace {

// A group's own draws come from a coordinate that no feature has: features are fewer than 2^31.
constexpr uint32_t kGroup = uint32_t{1} << 31;

// Walks through the samples that have one feature or group of frequency p: the number of misses before the next hit is
// geometric, floor(ln u / ln(1 - p)).
class Gaps {
 public:
  Gaps(RandomBlocks blocks, double inverse_log_miss, uint32_t samples)
      : blocks_(blocks), inverse_log_miss_(inverse_log_miss), samples_(samples) {}
  // The next sample, or false at the end. `block` is what it was drawn from; words 2 and 3 are free for its value.
  bool next(uint32_t& sample, PhiloxBlock& block) {
    block = blocks_.next();
    position_ += std::floor(std::log(uniform_open(block[0], block[1])) * inverse_log_miss_);
    if (!(position_ < samples_)) return false;
    sample = static_cast<uint32_t>(position_);
    position_ += 1;
    return true;
  }

 private:
  RandomBlocks blocks_;
  double inverse_log_miss_, samples_;
  double position_ = 0;  // the next sample not yet decided
};

void close_feature(uint32_t feature, size_t first, Batch& out) {
  if (out.sample.size() == first) return;
  out.active.push_back(feature);
  out.begin.push_back(static_cast<uint32_t>(first));
}

}  // namespace

struct Sampler::Place {
  uint64_t seed;
  RandomStream stream;
  uint32_t step, samples;
};

Sampler::Sampler(const Law& law, const Values& values, const Correlation& correlation, uint32_t samples)
    : values_(values), correlation_(correlation), features_(static_cast<uint32_t>(law.probability.size())) {
  // log1p(-1) is -infinity where p = 1: the gap is then 0, and every sample is hit.
  const auto add = [&](double p) { inverse_log_miss_.push_back(1 / std::log1p(-std::min(p, 1.0))); };
  for (uint32_t first = 0; first < features_; first += correlation.size) {
    const uint32_t count = std::min(correlation.size, features_ - first);
    add(law.probability[first] * (correlation.kind == Correlation::Kind::exclusive ? count : 1));
  }
  if (samples == 0 || correlation.kind != Correlation::Kind::none) return;
  // A feature that occurs has a first gap below B, that is ln u > B ln(1 - p). With word 0 as the upper half of u, that
  // needs word 0 >= 2^32 (1-p)^B, less 2 for rounding. Beyond the last feature: never.
  usual_samples_ = samples;
  at_least_.assign(kernels::pad(features_), UINT32_MAX);
  for (uint32_t j = 0; j < features_; ++j) {
    const double miss = std::exp(static_cast<double>(samples) / inverse_log_miss_[j]);  // 0 where p = 1
    at_least_[j] = static_cast<uint32_t>(std::clamp(std::floor(miss * 0x1p32) - 2, 0.0, 0x1p32 - 2));
  }
}

void Sampler::draw(uint64_t seed, RandomStream stream, uint32_t step, uint32_t samples, Batch& out) const {
  SUPERPOSE_ASSERT(samples < (1u << 31));
  out.samples = samples;
  out.active.clear();
  out.begin.clear();
  out.sample.clear();
  out.value.clear();
  const Place place{seed, stream, step, samples};
  if (correlation_.kind == Correlation::Kind::none) {
    draw_independent(place, out);
  } else {
    draw_groups(place, out);
  }
  out.begin.push_back(static_cast<uint32_t>(out.sample.size()));
}

// Most features do not occur in most batches. Their first random word tells, and the words of many features are made at
// once; only the others are walked through.
void Sampler::draw_independent(const Place& place, Batch& out) const {
  const bool usual = place.samples == usual_samples_ && place.samples > 0;
  size_t count = features_;
  if (usual) {
    out.maybe.resize(at_least_.size() + kernels::kLanes);
    count = kernels::philox_at_least({place.seed, static_cast<uint32_t>(place.stream), place.step}, at_least_.data(),
                                     at_least_.size(), out.maybe.data());
  }
  uint32_t sample = 0;
  PhiloxBlock block;
  for (size_t k = 0; k < count; ++k) {
    const uint32_t j = usual ? out.maybe[k] : static_cast<uint32_t>(k);
    if (j >= features_) break;  // padding
    Gaps gaps(RandomBlocks(place.seed, place.stream, place.step, j), inverse_log_miss_[j], place.samples);
    const size_t first = out.sample.size();
    while (gaps.next(sample, block)) {
      out.sample.push_back(sample);
      out.value.push_back(values_.draw(values_.parameters.data(), block[2], block[3]));
    }
    close_feature(j, first, out);
  }
}

// The k-th presence of a group decides where and, if exclusive, who; the value is word 2 and 3 of block k of the
// feature's own stream, so it does not depend on the group's other features.
void Sampler::draw_groups(const Place& place, Batch& out) const {
  struct Presence {
    uint32_t sample, member;
  };
  std::vector<Presence> presences;
  const bool exclusive = correlation_.kind == Correlation::Kind::exclusive;
  for (uint32_t first = 0; first < features_; first += correlation_.size) {
    const uint32_t count = std::min(correlation_.size, features_ - first);
    Gaps gaps(RandomBlocks(place.seed, place.stream, place.step, first | kGroup),
              inverse_log_miss_[first / correlation_.size], place.samples);
    presences.clear();
    uint32_t sample = 0;
    PhiloxBlock block;
    while (gaps.next(sample, block)) {
      presences.push_back({sample, static_cast<uint32_t>((uint64_t{block[2]} * count) >> 32)});
    }
    for (uint32_t member = 0; member < count; ++member) {
      const size_t begin = out.sample.size();
      RandomBlocks values(place.seed, place.stream, place.step, first + member);
      for (const Presence& presence : presences) {
        const PhiloxBlock own = values.next();
        if (exclusive && presence.member != member) continue;
        out.sample.push_back(presence.sample);
        out.value.push_back(values_.draw(values_.parameters.data(), own[2], own[3]));
      }
      close_feature(first + member, begin, out);
    }
  }
}

}  // namespace superpose::features
