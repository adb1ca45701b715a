// SPDX-License-Identifier: Apache-2.0
// features: how often each feature occurs, and batches drawn from that.
//
// A sample x has x_j = u_j·v_j with u_j ~ Bernoulli(p_j) and v_j ~ U(0, 2), all independent (paper, section 2; Elhage
// et al. 2022 for the form, and for the other values and the correlated groups that can be asked for). Features are
// sorted by frequency: p_1 >= p_2 >= ...  A law gives weights w_j; then
//     p_j = min(1, E·w_j / Σw)      E: the density asked for, the expected number of active features per sample.
// Clipping at 1 loses density; Law::density_realised says what is left.
//
//   power:A          w_i = i^-A          A >= 0: the data exponent α of the paper; power:0 is uniform
//   exponential:S    w_i = exp(-(i-1)/S)
//   linear           w_i = 1 - (i-1)/n
//   uniform          w_i = 1
//   file:PATH        w_i = the counts in a file, sorted descending, zeros dropped
//
// A batch holds only what is active: about E·B entries instead of n·B. The draw is exact, not an approximation: for
// each feature the gaps between the samples that have it are geometric. Every draw is a pure function of (seed, stream,
// step, feature). Each law is one line of the table in laws.cc, each distribution of values one in values.cc, each kind
// of dependence one in correlation.cc. Who calls it: toy/.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/philox.h"

namespace superpose::features {

struct Law {
  std::string spec;                 // in canonical form: "power:1.0" becomes "power:1"
  std::vector<double> probability;  // p [n], descending, in (0, 1]
  double density = 0;               // E asked for
  double density_realised = 0;      // Σ p_j; below `density` when a p_j was clipped at 1
  uint64_t zeros_dropped = 0;       // file: counts that were 0
  std::string data_fingerprint;     // file: of the counts used, so that a run is identified by data and not by a path
};

// spec: see above. n_features: 0 = 1000, or for file: as many as there are positive counts; otherwise file: takes the
// top n. density: E in (0, n]. Error{usage} unknown law (nearest name), bad parameter, E > n, more features than the
// file has; Error{io} no such file; Error{bad_file} a count that is negative, NaN, infinite or not a number, or no
// positive count.
Law make_law(std::string_view spec, uint64_t n_features, double density);

// Only the part of make_law that needs no file: is this the spelling of a law? Error{usage} as above.
void check_law_spec(std::string_view spec);

// What an active feature's value is drawn from, independently: the v of x = u·v.
//     uniform:LO:HI   on [LO, HI]; the paper's is uniform:0:2        constant:C       C, 1 if left out
//     exponential:M   with mean M, 1 if left out                     halfnormal:S     |N(0, S²)|, S = 1 if left out
struct Values {
  std::string spec;                                       // canonical: "constant" becomes "constant:1"
  double mean = 0;                                        // <v>
  double mean_square = 0;                                 // <v²>
  std::array<double, 2> parameters{};                     // what `draw` takes
  float (*draw)(const double*, uint32_t, uint32_t) = {};  // (parameters, two random words) -> v; a pure function
};
Values make_values(std::string_view spec = "uniform:0:2");  // Error{usage}

// Which features occur together. Groups are consecutive: features 1..K, K+1..2K, ...; the last may be smaller.
//     none          all independent
//     together:K    one presence for the whole group, values independent (a correlated set of Elhage et al.)
//     exclusive:K   a group of k features is present with probability k·p, then exactly one of its features, each as
//                   likely, is active (an anticorrelated set)
struct Correlation {
  enum class Kind { none, together, exclusive };
  std::string spec = "none";
  Kind kind = Kind::none;
  uint32_t size = 1;  // K
};
Correlation make_correlation(std::string_view spec);  // Error{usage}
// Within a group the frequencies must be one: each group takes the mean of its p_j. Error{usage}: an exclusive group
// whose frequencies sum to more than 1.
void share_frequencies(const Correlation& correlation, Law& law);

// A batch in compressed form, by feature. The entries of active[a] are [begin[a], begin[a + 1]), with samples
// ascending.
struct Batch {
  uint32_t samples = 0;          // B
  std::vector<uint32_t> active;  // features with at least one entry, ascending
  std::vector<uint32_t> begin;   // [active.size() + 1]
  std::vector<uint32_t> sample;  // [entries], 0 .. B-1
  std::vector<uint32_t> maybe;   // scratch of the sampler
  std::vector<float> value;      // [entries], in the range of the values: (0, 2) by default
};

// Draws batches of one law. Cheap to copy the result's buffers: reuse one Batch for many draws.
class Sampler {
 public:
  // The law's frequencies must already be shared within groups (share_frequencies).
  // samples: the size of most batches; those are drawn faster. What is drawn does not depend on it.
  explicit Sampler(const Law& law, const Values& values = make_values(), const Correlation& correlation = {},
                   uint32_t samples = 0);
  // The batch of (seed, stream, step). samples: B >= 0, below 2^31.
  void draw(uint64_t seed, RandomStream stream, uint32_t step, uint32_t samples, Batch& out) const;

 private:
  struct Place;  // (seed, stream, step, samples) of one draw
  void draw_independent(const Place& place, Batch& out) const;
  void draw_groups(const Place& place, Batch& out) const;

  Values values_;
  Correlation correlation_;
  uint32_t features_ = 0;                 // n
  uint32_t usual_samples_ = 0;            // what at_least_ is for
  std::vector<uint32_t> at_least_;        // [padded n], see draw_independent
  std::vector<double> inverse_log_miss_;  // 1 / ln(1 - p) of what is present or not, features [n] or groups; -0: always
};

}  // namespace superpose::features
