// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC'11):
// a pure function of (key, counter). A draw therefore depends on what it is for (seed, step, feature, ...) and never
// on how many threads run, in which order, or where a run was resumed.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

namespace superpose {

using PhiloxBlock = std::array<uint32_t, 4>;

// Ten rounds; reproduces the Random123 known-answer vectors (base/philox_test.cc).
inline PhiloxBlock philox4x32(PhiloxBlock counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// What a draw is for. Different purposes never share a counter, whatever the seed.
enum class RandomStream : uint32_t {
  init_weights = 1,
  init_bias = 2,
  training_data = 3,
  fresh_data = 4,
  resample = 5,
  pair_sample = 6,
  init_decoder = 7,
  feature_loss = 8,
  row_sample = 9,
  column_shuffle = 10,
  krylov_start = 11
};

// The stream of blocks (seed, stream, a, b): block k is philox(key = seed, counter = {k, b, a, stream}).
// seed: any 64-bit value. a, b: coordinates of the draw, each below 2^32 (for example step and feature).
class RandomBlocks {
 public:
  RandomBlocks(uint64_t seed, RandomStream stream, uint32_t a = 0, uint32_t b = 0)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter_{0, b, a, static_cast<uint32_t>(stream)} {}

  PhiloxBlock next() {
    const PhiloxBlock out = philox4x32(counter_, key_);
    ++counter_[0];
    return out;
  }

 private:
  std::array<uint32_t, 2> key_;
  PhiloxBlock counter_;
};

// Uniform in the open interval (0, 1), from 52 random bits (with 53 the largest would round to 1); never 0 and never 1.
inline double uniform_open(uint32_t high, uint32_t low) {
  const uint64_t bits = (uint64_t{high} << 20) ^ (low >> 12);
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

// Two independent standard normal numbers from one block (Box-Muller).
inline std::array<double, 2> normal_pair(const PhiloxBlock& block) {
  const double radius = std::sqrt(-2.0 * std::log(uniform_open(block[0], block[1])));
  const double angle = 2.0 * 3.14159265358979323846 * uniform_open(block[2], block[3]);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace superpose
