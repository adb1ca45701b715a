// SPDX-License-Identifier: Apache-2.0
// toy: the toy model of superposition and its training. docs/math.md §1-3.
//
//     h = Wᵀx    y = ReLU(W h + b)    L = <Σ_j (y_j - x_j)²>        W [n, m], b [n], x from features/
//
// and its relatives: an untied decoder, no bias, no ReLU, weights I_j in the loss, other data, other optimisers.
//
// n features share m dimensions; row W_i is the direction of feature i. Training minimises the mean squared error over
// batch and features (L / n), as the reference programs do, with AdamW whose weight decay is the dial between weak (γ >
// 0) and strong (γ < 0) superposition; reported losses are L itself, the sum over features.
//
// Two engines behind one interface compute the same gradient of the same batches:
//     reference   dense, double, obvious
//     fast        exact too, but touches only what is not zero (fast_engine.cc explains how); float
//
// Who calls it: study/, which adds the geometry of the trained W.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/matrix.h"
#include "superpose/features/features.h"
#include "superpose/toy/importance.h"

namespace superpose::toy {

// Everything that defines a run; the same config gives bit-identical weights on the same instruction set, for any
// number of threads. Defaults are the paper's small experiments (study protocol: 20,000 steps, batch 2048, peak rate
// 0.01).
struct Config {
  int64_t features = 0;         // n, 1 .. 10^8; 0 = 1000, or for law file: the number of positive counts
  int64_t dim = 50;             // m, width of the bottleneck, 1 .. 65536
  std::string law = "power:1";  // feature frequencies, see features/
  double density = 1;           // E = Σ p_i, expected active features per sample, in (0, n]
  double decay = -1;            // γ, the dial: >= 0 shrinks W, < 0 pulls row norms to 1
  int64_t steps = 20000;        // T, 1 .. 10^9
  int64_t batch = 2048;         // B, samples per step, 1 .. 2^30
  double lr = 0.01;             // peak learning rate of W
  double lr_bias = 0;           // peak learning rate of b; 0 = lr
  double warmup = 0.1;          // fraction of the steps, in [0, 1]
  double lr_floor = 0.05;       // last learning rate as a fraction of the peak, in [0, 1]
  double loss_scale = 1;        // multiplies the mean squared error before the gradient; Adam's ε makes it matter
  std::string engine = "fast";  // "fast" or "reference"
  int64_t seed = 0;             // 0 .. 2^63-1
  // Extensions; the defaults are the paper's model.
  std::string values = "uniform:0:2";  // of active features, see features::make_values
  std::string correlation = "none";    // which features occur together, see features::make_correlation
  std::string importance = "uniform";  // weights I_j of the loss, see importance.h
  std::string decoder = "tied";        // "tied": y = f(W h + b); "untied": y = f(W_dec h + b), W_dec [n, m] its own
  std::string activation = "relu";     // f: "relu" or "linear" (none); linear needs the reference engine
  bool bias = true;                    // false: b = 0 throughout
  std::string bias_init = "normal";    // b_i ~ N(0, 1), or "zero"
  double init_scale = 1;               // W_ij, and W_dec's, start as N(0, init_scale²/m); in [0, 1000]
  std::string optimizer = "adamw";     // see optimizer::rule_names(); all with the dial
  double momentum = 0.9;               // of sgd, in [0, 1); other optimisers must leave it alone
  std::string schedule = "cosine";     // of the learning rate, see optimizer::schedule_names()
};

// Calls visit(name, field, help) for each field of the paper's model: all that configurations had at first, and what
// identifies a run whatever its values.
template <class C, class Visit>
void core_fields(C& config, Visit&& visit) {
  visit("features", config.features, "n, number of features (0: 1000, or all positive counts of a file law)");
  visit("dim", config.dim, "m, width of the bottleneck");
  visit("law", config.law, "feature frequencies: power:A, exponential:S, linear, uniform, file:PATH");
  visit("density", config.density, "E, expected number of active features per sample");
  visit("decay", config.decay, "weight decay, the dial: > 0 shrinks W, < 0 pulls row norms to 1");
  visit("steps", config.steps, "training steps");
  visit("batch", config.batch, "samples per step");
  visit("lr", config.lr, "peak learning rate of W");
  visit("lr_bias", config.lr_bias, "peak learning rate of b (0: lr)");
  visit("warmup", config.warmup, "linear warm-up, as a fraction of the steps");
  visit("lr_floor", config.lr_floor, "last learning rate, as a fraction of the peak");
  visit("loss_scale", config.loss_scale, "what multiplies the mean squared error before the gradient");
  visit("engine", config.engine, "fast, or reference (dense, double)");
  visit("seed", config.seed, "seed of initialisation and data");
}
// The fields that came later. At its default such a field is left out of what identifies a run, so stores written
// before it existed stay valid: a new field goes here.
template <class C, class Visit>
void extension_fields(C& config, Visit&& visit) {
  visit("values", config.values,
        "values of active features: uniform:LO:HI, constant[:C], exponential[:MEAN], halfnormal[:SCALE]");
  visit("correlation", config.correlation, "features that occur together: none, together:K, exclusive:K");
  visit("importance", config.importance, "weight of each feature in the loss: uniform, geometric:R");
  visit("decoder", config.decoder, "tied, or untied (a decoder matrix of its own)");
  visit("activation", config.activation, "of the outputs: relu, or linear (reference engine only)");
  visit("bias", config.bias, "train the bias b; false: b = 0");
  visit("bias_init", config.bias_init, "first bias: normal (N(0,1)) or zero");
  visit("init_scale", config.init_scale, "first weights: N(0, init_scale^2 / dim)");
  visit("optimizer", config.optimizer, "update rule: adamw, sgd, lion; all with the dial");
  visit("momentum", config.momentum, "momentum of sgd");
  visit("schedule", config.schedule, "learning rate after the warm-up: cosine, constant, linear, wsd");
}
// All of them, in order: the one list behind JSON, flags and sweep keys.
template <class C, class Visit>
void fields(C& config, Visit&& visit) {
  core_fields(config, visit);
  extension_fields(config, visit);
}

std::vector<std::string> field_names();

// All violations at once: "dim = 0: expected 1 <= dim <= 65536; batch = ...". Error{usage}. Reads no file.
void validate(const Config& config);

// JSON with every field.
Json to_json(const Config& config);
// A stored configuration with the fields it leaves out; returned as it is when it is none of ours.
Json whole_config(const Json& stored);
// Unknown keys (with the nearest known one) and wrong types are Error{usage}, all named together. Missing keys keep
// their defaults. Validates. "law_data" is accepted and ignored.
Config config_from_json(const Json& json);
// validate(), then the defaults that depend on others filled in (features, lr_bias) and the law's file read. Refuses
// what needs more memory than available_bytes (0: not known, anything goes). Error{usage | io | bad_file}.
struct Resolved {
  Config config;
  features::Law law;  // frequencies as the data has them: shared within correlated groups
  Json json;          // to_json(config) plus "law_data" for file laws, the fingerprint of the counts
  Json identity;      // json without the extensions that are at their default: what a store knows the run by
  features::Values values = features::make_values();
  features::Correlation correlation = {};
  std::vector<double> importance = {};  // I [n]; empty: all 1
  double importance_of(size_t j) const { return importance.empty() ? 1.0 : importance[j]; }
};
Resolved resolve(const Config& config, double available_bytes = 0);
features::Sampler make_sampler(const Resolved& run);

// Where the time of a run went, in seconds.
struct Profile {
  double sampling = 0;   // drawing batches
  double gram = 0;       // pre-activations by matrix product: rows of W Wᵀ, or W h
  double forward = 0;    // the rest of the forward pass: which outputs are positive, and their residuals
  double backward = 0;   // gradients of W and b
  double optimizer = 0;  // AdamW
};

struct Result {
  bool diverged = false;
  int64_t diverged_at = -1;  // step at which the loss or the weights stopped being finite, or exploded
  int64_t steps_done = 0;
  std::optional<double> loss;          // mean over the last 100 steps (fewer if T < 100) of that step's batch loss
  std::optional<double> loss_std;      // population standard deviation over those steps
  std::optional<double> eval_loss;     // mean over eval_batches() fresh batches with the final weights
  std::optional<double> eval_loss_se;  // standard error of that mean, from their spread
  std::vector<std::pair<int64_t, double>> curve;  // about 200 points: (last step of a bin, mean loss over the bin)
  Matrix<float> W;                                // [n, m], final
  std::vector<float> b;                           // [n], final
  Matrix<float> decoder;                          // W_dec [n, m], final; empty when tied
  double seconds = 0;                             // wall clock of the training steps, summed over resumptions
  int64_t resumed_at = 0;                         // first step that this process computed
  double seconds_here = 0;                        // the part of `seconds` spent in this process
  Profile profile;                                // of the steps computed in this process
};

// One array of the state of a run; the bytes belong to the engine or to train().
struct StateArray {
  std::string name;
  std::span<std::byte> bytes;
};

// Where train() keeps its state between steps, so that a run that was killed goes on from there and ends with the same
// bits as one that was not. The arrays (names and sizes) are the same at every call of one run.
class Snapshots {
 public:
  virtual ~Snapshots() = default;
  // Fills all arrays and returns true, or touches none and returns false: the run begins at step 0.
  virtual bool load(std::span<const StateArray> arrays) = 0;
  // Is it time to save? Asked after every step.
  virtual bool due() = 0;
  // last: the run was cancelled, no other save follows. Must not throw for a disk that is full: the run goes on.
  virtual void save(std::span<const StateArray> arrays, bool last) = 0;
};

// Who computes a run: at most `threads` of them, no more than `allowed` at a time where that is given, and only until
// `cancelled` becomes true (then Cancelled is thrown, within a block of work). Results do not depend on it.
struct Workers {
  int threads = 1;
  const std::atomic<int>* allowed = nullptr;
  const std::atomic<bool>* cancelled = nullptr;
  void check() const;  // throws Cancelled
};

struct TrainOptions {
  int threads = 1;  // inside one run: worth it from n of several thousand; results do not depend on it
  const std::atomic<int>* threads_allowed = nullptr;  // how many of them now; may change while the run goes on
  Snapshots* snapshots = nullptr;
  std::function<void(int64_t step, double loss)> on_progress;  // now and then
  const std::atomic<bool>* cancelled = nullptr;                // becomes true: train() throws Cancelled
};
struct Cancelled {};
inline void Workers::check() const {
  if (cancelled && *cancelled) throw Cancelled{};
}

// Fresh batches behind eval_loss: 100, or as many as there are steps, at least 2.
int64_t eval_batches(const Config& config);
Result train(const Resolved& run, const TrainOptions& options = {});

// A run between its first step and its last, for who wants to look at it in between or to turn the dial; train() is one
// advanced to its end. `run` must outlive it.
class Session {
 public:
  // Goes on from options.snapshots when these hold a state.
  explicit Session(const Resolved& run, const TrainOptions& options = {});
  ~Session();
  // At most `steps` more: it stops at the last step of the configuration, and when the run diverges. Throws Cancelled.
  void advance(int64_t steps);
  // γ of the steps to come; the configuration keeps the first one. A run whose γ was never changed ends with the same
  // bits as train().
  void set_decay(double gamma);
  int64_t step() const;  // steps done
  bool done() const;     // no step is left, or the run diverged
  // The run as it stands: weights, curve, and the mean loss of the last 100 steps that this process computed (fewer at
  // first, none before the first); no eval_loss.
  Result now() const;
  Result finish();  // once, when done(): what train() returns

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What each feature costs and whether the model tells it from the others, estimated so that rare features are measured
// as well as frequent ones. docs/math.md §4 "Features one by one".
struct FeatureLosses {
  uint32_t samples = 0;         // K, backgrounds each feature was put into
  std::vector<double> loss;     // [n], L_i >= 0; Σ L_i = L
  std::vector<double> se;       // [n], standard error of L_i
  std::vector<double> ignored;  // [n], what the best constant answer loses: p_i <v²> - p_i² <v>²
  std::vector<double> ratio;    // [n], output power when on over output power when off; infinite without interference
  double total = 0;             // Σ L_i
  double total_se = 0;          // its standard error, from the K backgrounds
  bool resolved(size_t i) const { return loss[i] < ignored[i] / 2; }  // more than half of it is explained
  size_t resolved_count() const;
};
// W, b: of the trained model. samples: 0 = as many as keep n·K below 4·10^7, 256 to 4096. Costs n·K·m multiplications
// and K·m + 256·K floats. A function of (seed, samples) and the weights. Only where
// has_feature_losses: tied ReLU models of independent features.
bool has_feature_losses(const Config& config);
FeatureLosses feature_losses(const Resolved& run, MatrixView<const float> W, std::span<const float> b,
                             uint32_t samples = 0);

// One model in training. Batches are given, so that two engines can be fed the same ones.
class Engine {
 public:
  virtual ~Engine() = default;
  // Loss of the batch with the weights before the step (L: sum over features, mean over samples), then one optimiser
  // step. When it throws Cancelled, the state is that before the step.
  virtual double step(const features::Batch& batch, int64_t step) = 0;
  // Loss of the batch, no change.
  virtual double loss(const features::Batch& batch) = 0;
  // The gradient of loss_scale·L/n that the last step() used. For tests.
  virtual Matrix<double> weight_gradient() const = 0;
  virtual std::vector<double> bias_gradient() const = 0;
  // Final weights, and setting them for tests.
  virtual Matrix<double> weights() const = 0;
  virtual std::vector<double> biases() const = 0;
  virtual void set(const Matrix<double>& W, const std::vector<double>& b) = 0;
  // W_dec, its gradient, and setting it (after set()). Only for untied models; weight_gradient() is then the encoder's.
  virtual Matrix<double> decoder() const = 0;
  virtual Matrix<double> decoder_gradient() const = 0;
  virtual void set_decoder(const Matrix<double>& decoder) = 0;
  virtual bool finite() const = 0;           // are all weights finite?
  virtual void set_decay(double gamma) = 0;  // of the steps to come
  virtual Profile profile() const { return {}; }
  // Everything that the next step depends on: what a snapshot holds. Sizes depend on the configuration alone.
  virtual std::vector<StateArray> state() = 0;
};
std::unique_ptr<Engine> make_engine(const Resolved& run, const Workers& workers = {});

// The initial weights: W_ij ~ N(0, init_scale²/m), b_i ~ N(0, 1) or 0; W_dec as W, drawn independently of it.
Matrix<double> initial_weights(const Config& config, const Workers& workers = {});
Matrix<double> initial_decoder(const Config& config, const Workers& workers = {});
std::vector<double> initial_biases(const Config& config);

// Predictions, cost.cc. Of a resolved configuration, unless said otherwise.
//
// Seconds of train() on one core of this machine. Its kernels are timed once per process, which takes a fraction of a
// second. Within about a quarter over the paper's grids on an idle machine (docs/performance.md).
double predicted_seconds(const Config& config, const features::Law& law);
// Peak memory of train() and of what is measured after it, in bytes, the program itself (kProgramBytes) left out.
double predicted_bytes(const Config& config, const features::Law& law);
inline constexpr double kProgramBytes = 12e6;
// A lower bound of it from the sizes alone, for a configuration that need not be resolved.
double least_bytes(const Config& config);
// The most threads of one run that are worth their while: a small model has too little work in a step to share.
int useful_threads(const Config& config);

}  // namespace superpose::toy
