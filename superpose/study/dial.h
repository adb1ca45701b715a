// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/study/picture.h"
#include "superpose/toy/toy.h"

namespace superpose::study {

// What one dial may ask of the machine that turns it: a page's visitor is not the owner of the machine.
struct DialLimits {
  double bytes = 1e9;      // memory of the run
  double step_work = 5e9;  // B·n·m of one step: more would not look alive
  bool law_files = false;  // may the law be a file of this machine?
};

// One toy model in training, looked at while it trains, with γ as a dial that a hand turns. The engine is that of
// toy::train: with γ left alone the numbers are, bit for bit, those of `superpose toy` with the same configuration on
// the same instruction set.
//
// Who calls it: serve (a session of a page's visitor) and web/wasm (the same, in the browser itself).
class Dial {
 public:
  // Error{usage}: what toy::config_from_json says, or a configuration beyond the limits.
  explicit Dial(const Json& config, const DialLimits& limits = {});
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  void advance(int64_t steps);   // at most; does nothing when done
  void set_decay(double gamma);  // Error{usage} unless finite and |γ| <= 10
  bool done() const { return session_.done(); }
  // {"schema": "superpose.dial/1", "config", "step", "steps", "loss" (mean of the last 100 steps; null before the
  // first), "diverged", "done", "decay", "changes" [[step, γ]], "curve" [[step, loss]], "seconds", "n", "m", "norms",
  // "norm_ranks" (at most 1000, evenly spaced), "norm_histogram", "phi_half", "phi_one", "rows_represented",
  // "overlap_mean_square", "overlap_mean_square_all", "random_mean_square", "welch_bound_mean_square", "picture"}
  // What is measured of W is null for a run that diverged. "eval_loss" and "eval_loss_se" appear once done.
  Json frame();

 private:
  void add_geometry(const toy::Result& now, Json& out);

  toy::Resolved run_;
  toy::Session session_;
  double decay_;
  std::vector<std::pair<int64_t, double>> changes_;
  Coordinates drawn_;
  std::optional<toy::Result> finished_;
};

}  // namespace superpose::study
