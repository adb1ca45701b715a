// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <type_traits>
#include <utility>

#include "superpose/base/error.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

constexpr int kLastSteps = 100;  // the reported loss is the mean over these
constexpr int kCurvePoints = 200;
constexpr int kCheckEvery = 100;    // steps between checks for non-finite weights
constexpr double kExplosion = 1e4;  // times the first loss or the loss of predicting nothing

using Clock = std::chrono::steady_clock;
double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

struct Moments {
  double mean = 0, std = 0;
};
Moments moments(std::span<const double> values) {
  Moments out;
  for (const double x : values) out.mean += x / static_cast<double>(values.size());
  for (const double x : values) out.std += (x - out.mean) * (x - out.mean) / static_cast<double>(values.size());
  out.std = std::sqrt(out.std);
  return out;
}

// What training carries from step to step besides the engine's arrays, in one piece of memory: so a snapshot holds it
// as it is.
struct Progress {
  // The bins of the curve end at steps spread evenly in the logarithm, so there are kCurvePoints and a few.
  static constexpr int kRoom = kCurvePoints + 56;
  int64_t next_step = 0;
  double limit = 0;    // of the loss, above which the run has exploded
  double seconds = 0;  // spent so far, in all processes
  double bin_end = 1, bin_sum = 0;
  int64_t bin_count = 0, points = 0, last_count = 0;
  std::array<int64_t, kRoom> point_step{};
  std::array<double, kRoom> point_loss{};
  std::array<double, kLastSteps> last{};

  // Adds the loss of a step to the curve, a mean over bins.
  void add(int64_t step, double loss, int64_t steps) {
    bin_sum += loss;
    ++bin_count;
    if (static_cast<double>(step + 1) < bin_end && step + 1 < steps) return;
    SUPERPOSE_ASSERT(points < kRoom);
    point_step[points] = step + 1;
    point_loss[points++] = bin_sum / static_cast<double>(bin_count);
    bin_sum = 0;
    bin_count = 0;
    const double ratio = std::pow(static_cast<double>(steps), 1.0 / kCurvePoints);
    while (bin_end <= static_cast<double>(step + 1)) bin_end = std::max(bin_end * ratio, bin_end + 1e-9);
  }
};
static_assert(std::is_trivially_copyable_v<Progress>);

// <Σ_j I_j x_j²>: the loss of y = 0.
double nothing_learned(const Resolved& run) {
  double out = 0;
  for (size_t j = 0; j < run.law.probability.size(); ++j) out += run.importance_of(j) * run.law.probability[j];
  return out * run.values.mean_square;
}

Matrix<float> in_float(const Matrix<double>& in) {
  Matrix<float> out(in.rows(), in.cols());
  std::transform(in.data(), in.data() + in.rows() * in.cols(), out.data(),
                 [](double x) { return static_cast<float>(x); });
  return out;
}

void evaluate(Engine& engine, const Resolved& run, const features::Sampler& sampler, const TrainOptions& options,
              Result& result) {
  features::Batch batch;
  std::vector<double> losses;
  const int64_t count = eval_batches(run.config);
  for (uint32_t k = 0; k < count; ++k) {
    if (options.cancelled && *options.cancelled) throw Cancelled{};
    if (options.on_progress && result.loss) options.on_progress(run.config.steps, *result.loss);
    sampler.draw(static_cast<uint64_t>(run.config.seed), RandomStream::fresh_data, k,
                 static_cast<uint32_t>(run.config.batch), batch);
    losses.push_back(engine.loss(batch));
  }
  const Moments m = moments(losses);
  result.eval_loss = m.mean;
  result.eval_loss_se = m.std / std::sqrt(static_cast<double>(count) - 1);
}

}  // namespace

struct Session::State {
  State(const Resolved& resolved, const TrainOptions& train_options)
      : run(resolved),
        options(train_options),
        workers{options.threads, options.threads_allowed, options.cancelled},
        engine(make_engine(run, workers)),
        sampler(make_sampler(run)) {
    arrays = engine->state();
    arrays.push_back(state_array("training", &progress, 1));
    if (options.snapshots && options.snapshots->load(arrays)) result.resumed_at = progress.next_step;
  }

  void steps(int64_t end);
  void diverged_at(int64_t step);
  void look(Result& out) const;

  const Resolved& run;
  const TrainOptions options;
  Workers workers;
  std::unique_ptr<Engine> engine;
  features::Sampler sampler;
  features::Batch batch;
  Progress progress;
  double sampling = 0;
  std::vector<StateArray> arrays;
  std::vector<double> recent;  // losses of the last steps, a ring; what this process computed
  Result result;
};

// Steps up to, not including, `end`.
void Session::State::steps(int64_t end) {
  const Config& config = run.config;
  auto mark = Clock::now();
  const auto lap = [&mark] {
    const auto now = Clock::now();
    return seconds(now - std::exchange(mark, now));
  };
  while (progress.next_step < end) {
    const int64_t step = progress.next_step;
    const bool check = step % kCheckEvery == 0;
    workers.check();
    const auto before = Clock::now();
    sampler.draw(static_cast<uint64_t>(config.seed), RandomStream::training_data, static_cast<uint32_t>(step),
                 static_cast<uint32_t>(config.batch), batch);
    sampling += seconds(Clock::now() - before);
    const double loss = engine->step(batch, step);
    const double spent = lap();
    progress.seconds += spent;
    result.seconds_here += spent;
    if (step == 0) progress.limit = kExplosion * std::max(loss, nothing_learned(run));
    if (!(loss <= progress.limit) || (check && !engine->finite())) return diverged_at(step);
    progress.add(step, loss, config.steps);
    if (step >= config.steps - kLastSteps) progress.last[progress.last_count++] = loss;
    if (recent.size() < kLastSteps)
      recent.push_back(loss);
    else
      recent[static_cast<size_t>(step % kLastSteps)] = loss;
    ++progress.next_step;
    if (check && options.on_progress) options.on_progress(step, loss);
    if (options.snapshots && options.snapshots->due()) options.snapshots->save(arrays, false);
  }
  if (end == config.steps && !engine->finite()) diverged_at(config.steps - 1);
}

void Session::State::diverged_at(int64_t step) {
  result.diverged = true;
  result.diverged_at = step;
}

// What can be seen at any step.
void Session::State::look(Result& out) const {
  out.steps_done = progress.next_step;
  out.seconds = progress.seconds;
  for (int64_t k = 0; k < progress.points; ++k) out.curve.emplace_back(progress.point_step[k], progress.point_loss[k]);
  out.W = in_float(engine->weights());
  if (run.config.decoder == "untied") out.decoder = in_float(engine->decoder());
  for (const double x : engine->biases()) out.b.push_back(static_cast<float>(x));
  out.profile = engine->profile();
  out.profile.sampling = sampling;
}

Session::Session(const Resolved& run, const TrainOptions& options) : state_(std::make_unique<State>(run, options)) {}
Session::~Session() = default;

int64_t Session::step() const { return state_->progress.next_step; }
bool Session::done() const { return state_->result.diverged || step() >= state_->run.config.steps; }
void Session::set_decay(double gamma) { state_->engine->set_decay(gamma); }

void Session::advance(int64_t steps) {
  if (done() || steps <= 0) return;
  const int64_t left = state_->run.config.steps - step();
  try {
    state_->steps(step() + std::min(steps, left));
  } catch (const Cancelled&) {  // the state is still that after the last whole step
    const bool worth_it = !state_->result.diverged && step() > 0;
    if (state_->options.snapshots && worth_it) state_->options.snapshots->save(state_->arrays, true);
    throw;
  }
}

Result Session::now() const {
  Result out = state_->result;
  state_->look(out);
  if (out.diverged || state_->recent.empty()) return out;
  const Moments m = moments(state_->recent);
  out.loss = m.mean, out.loss_std = m.std;
  return out;
}

Result Session::finish() {
  State& state = *state_;
  SUPERPOSE_ASSERT(done());
  state.look(state.result);
  if (state.result.diverged) return std::move(state.result);
  const Moments m = moments(std::span(state.progress.last).first(static_cast<size_t>(state.progress.last_count)));
  state.result.loss = m.mean, state.result.loss_std = m.std;
  try {
    evaluate(*state.engine, state.run, state.sampler, state.options, state.result);
  } catch (const Cancelled&) {
    if (state.options.snapshots) state.options.snapshots->save(state.arrays, true);
    throw;
  }
  return std::move(state.result);
}

std::unique_ptr<Engine> make_engine(const Resolved& run, const Workers& workers) {
  return run.config.engine == "reference" ? make_reference_engine(run, workers) : make_fast_engine(run, workers);
}

Result train(const Resolved& run, const TrainOptions& options) {
  Session session(run, options);
  session.advance(run.config.steps);
  return session.finish();
}

}  // namespace superpose::toy
