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

// One run from its first step, or its snapshot, to its last.
class Training {
 public:
  Training(const Resolved& run, const TrainOptions& options)
      : run_(run),
        options_(options),
        workers_{options.threads, options.threads_allowed, options.cancelled},
        engine_(make_engine(run, workers_)),
        sampler_(make_sampler(run)) {
    state_ = engine_->state();
    state_.push_back(state_array("training", &progress_, 1));
    if (options_.snapshots && options_.snapshots->load(state_)) result_.resumed_at = progress_.next_step;
  }

  Result run() {
    try {
      steps();
      finish();
    } catch (const Cancelled&) {  // the state is still that after the last whole step
      if (options_.snapshots && !result_.diverged && progress_.next_step > 0) options_.snapshots->save(state_, true);
      throw;
    }
    return std::move(result_);
  }

 private:
  void steps() {
    const Config& config = run_.config;
    auto mark = Clock::now();
    const auto lap = [&mark] {
      const auto now = Clock::now();
      return seconds(now - std::exchange(mark, now));
    };
    while (progress_.next_step < config.steps) {
      const int64_t step = progress_.next_step;
      const bool check = step % kCheckEvery == 0;
      workers_.check();
      const auto before = Clock::now();
      sampler_.draw(static_cast<uint64_t>(config.seed), RandomStream::training_data, static_cast<uint32_t>(step),
                    static_cast<uint32_t>(config.batch), batch_);
      sampling_ += seconds(Clock::now() - before);
      const double loss = engine_->step(batch_, step);
      const double spent = lap();
      progress_.seconds += spent;
      result_.seconds_here += spent;
      if (step == 0) progress_.limit = kExplosion * std::max(loss, nothing_learned(run_));
      if (!(loss <= progress_.limit) || (check && !engine_->finite())) {
        diverged_at(step);
        return;
      }
      progress_.add(step, loss, config.steps);
      if (step >= config.steps - kLastSteps) progress_.last[progress_.last_count++] = loss;
      ++progress_.next_step;
      if (check && options_.on_progress) options_.on_progress(step, loss);
      if (options_.snapshots && options_.snapshots->due()) options_.snapshots->save(state_, false);
    }
    if (!engine_->finite()) diverged_at(config.steps - 1);
  }

  void diverged_at(int64_t step) {
    result_.diverged = true;
    result_.diverged_at = step;
  }

  void finish() {
    result_.steps_done = progress_.next_step;
    result_.seconds = progress_.seconds;
    for (int64_t k = 0; k < progress_.points; ++k)
      result_.curve.emplace_back(progress_.point_step[k], progress_.point_loss[k]);
    result_.W = in_float(engine_->weights());
    if (run_.config.decoder == "untied") result_.decoder = in_float(engine_->decoder());
    for (const double x : engine_->biases()) result_.b.push_back(static_cast<float>(x));
    result_.profile = engine_->profile();
    result_.profile.sampling = sampling_;
    if (result_.diverged) return;
    const Moments m = moments(std::span(progress_.last).first(static_cast<size_t>(progress_.last_count)));
    result_.loss = m.mean;
    result_.loss_std = m.std;
    evaluate(*engine_, run_, sampler_, options_, result_);
  }

  const Resolved& run_;
  const TrainOptions& options_;
  Workers workers_;
  std::unique_ptr<Engine> engine_;
  features::Sampler sampler_;
  features::Batch batch_;
  Progress progress_;
  double sampling_ = 0;
  std::vector<StateArray> state_;
  Result result_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(const Resolved& run, const Workers& workers) {
  return run.config.engine == "reference" ? make_reference_engine(run, workers) : make_fast_engine(run, workers);
}

Result train(const Resolved& run, const TrainOptions& options) { return Training(run, options).run(); }

}  // namespace superpose::toy
