// SPDX-License-Identifier: Apache-2.0
// One training step of the toy model, fast engine against the dense reference, n = 1000, B = 2048, on one core. The
// fast engine's step depends on how sparse the outputs are, so it is warmed up for `warm` steps first. Run: ./run bench
// toy_step
#include <benchmark/benchmark.h>

#include "superpose/toy/toy.h"

namespace {

namespace toy = superpose::toy;

void step(benchmark::State& state, const char* engine, double alpha, double decay, int warm) {
  toy::Config config;
  config.features = 1000;
  config.dim = state.range(0);
  config.law = "power:" + std::to_string(alpha);
  config.decay = decay;
  config.engine = engine;
  const toy::Resolved run = toy::resolve(config);
  const auto model = toy::make_engine(run);
  const superpose::features::Sampler sampler(run.law);
  superpose::features::Batch batch;
  int64_t t = 0;
  const auto next = [&] {
    sampler.draw(0, superpose::RandomStream::training_data, static_cast<uint32_t>(t), 2048, batch);
    benchmark::DoNotOptimize(model->step(batch, t++));
  };
  while (t < warm) next();
  for (auto _ : state) next();
}

}  // namespace

#define SUPERPOSE_STEP(name, engine, alpha, decay, warm) \
  BENCHMARK_CAPTURE(step, name, engine, alpha, decay, warm)->Arg(10)->Arg(39)->Arg(100)->Unit(benchmark::kMillisecond)

SUPERPOSE_STEP(reference_alpha1, "reference", 1, -0.5556, 0)->Iterations(3);
SUPERPOSE_STEP(fast_first_steps_alpha1, "fast", 1, -0.5556, 0)->Iterations(100);
SUPERPOSE_STEP(fast_alpha0_strong, "fast", 0, -0.5556, 2000);
SUPERPOSE_STEP(fast_alpha1_strong, "fast", 1, -0.5556, 2000);
SUPERPOSE_STEP(fast_alpha1_weak, "fast", 1, 0.3333, 2000);
SUPERPOSE_STEP(fast_alpha2_strong, "fast", 2, -0.5556, 2000);
