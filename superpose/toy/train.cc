// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>

#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

constexpr int kEvalBatches = 100;
constexpr int kLastSteps = 100;  // the reported loss is the mean over these
constexpr int kCurvePoints = 200;
constexpr int kCheckEvery = 100;    // steps between checks for non-finite weights
constexpr double kExplosion = 1e4;  // times the first loss or the loss of predicting nothing

using Clock = std::chrono::steady_clock;
double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

struct Moments {
  double mean = 0, std = 0;
};
Moments moments(const std::vector<double>& values) {
  Moments out;
  for (const double x : values) out.mean += x / static_cast<double>(values.size());
  for (const double x : values) out.std += (x - out.mean) * (x - out.mean) / static_cast<double>(values.size());
  out.std = std::sqrt(out.std);
  return out;
}

// Means of the loss over bins whose ends are spread evenly in the logarithm of the step.
class Curve {
 public:
  explicit Curve(int64_t steps) : ratio_(std::pow(static_cast<double>(steps), 1.0 / kCurvePoints)), steps_(steps) {}
  void add(int64_t step, double loss) {
    sum_ += loss;
    ++count_;
    if (static_cast<double>(step + 1) < end_ && step + 1 < steps_) return;
    points_.emplace_back(step + 1, sum_ / static_cast<double>(count_));
    sum_ = 0;
    count_ = 0;
    while (end_ <= static_cast<double>(step + 1)) end_ = std::max(end_ * ratio_, end_ + 1e-9);
  }
  std::vector<std::pair<int64_t, double>> take() { return std::move(points_); }

 private:
  double ratio_, end_ = 1, sum_ = 0;
  int64_t steps_, count_ = 0;
  std::vector<std::pair<int64_t, double>> points_;
};

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

void evaluate(Engine& engine, const Resolved& run, const features::Sampler& sampler, const std::atomic<bool>* cancelled,
              Result& result) {
  features::Batch batch;
  std::vector<double> losses;
  for (uint32_t k = 0; k < kEvalBatches; ++k) {
    if (cancelled && *cancelled) throw Cancelled{};
    sampler.draw(static_cast<uint64_t>(run.config.seed), RandomStream::fresh_data, k,
                 static_cast<uint32_t>(run.config.batch), batch);
    losses.push_back(engine.loss(batch));
  }
  const Moments m = moments(losses);
  result.eval_loss = m.mean;
  result.eval_loss_se = m.std / std::sqrt(kEvalBatches - 1.0);
}

}  // namespace

std::unique_ptr<Engine> make_engine(const Resolved& run, int threads) {
  return run.config.engine == "reference" ? make_reference_engine(run) : make_fast_engine(run, threads);
}

Result train(const Resolved& run, const TrainOptions& options) {
  const Config& config = run.config;
  const auto engine = make_engine(run, options.threads);
  const features::Sampler sampler = make_sampler(run);
  features::Batch batch;
  Result result;
  Curve curve(config.steps);
  std::vector<double> last;
  double limit = 0, sampling = 0;
  const auto started = Clock::now();
  for (int64_t step = 0; step < config.steps; ++step) {
    const bool check = step % kCheckEvery == 0;
    if (options.cancelled && *options.cancelled) throw Cancelled{};
    const auto before = Clock::now();
    sampler.draw(static_cast<uint64_t>(config.seed), RandomStream::training_data, static_cast<uint32_t>(step),
                 static_cast<uint32_t>(config.batch), batch);
    sampling += seconds(Clock::now() - before);
    const double loss = engine->step(batch, step);
    if (step == 0) limit = kExplosion * std::max(loss, nothing_learned(run));
    if (!(loss <= limit) || (check && !engine->finite())) {
      result.diverged = true;
      result.diverged_at = step;
      break;
    }
    curve.add(step, loss);
    if (step >= config.steps - kLastSteps) last.push_back(loss);
    ++result.steps_done;
    if (check && options.on_progress) options.on_progress(step, loss);
  }
  result.seconds = seconds(Clock::now() - started);
  if (!result.diverged && !engine->finite()) {
    result.diverged = true;
    result.diverged_at = config.steps - 1;
  }
  result.curve = curve.take();
  result.W = in_float(engine->weights());
  if (config.decoder == "untied") result.decoder = in_float(engine->decoder());
  for (const double x : engine->biases()) result.b.push_back(static_cast<float>(x));
  result.profile = engine->profile();
  result.profile.sampling = sampling;
  if (!result.diverged) {
    const Moments m = moments(last);
    result.loss = m.mean;
    result.loss_std = m.std;
    evaluate(*engine, run, sampler, options.cancelled, result);
  }
  return result;
}

}  // namespace superpose::toy
