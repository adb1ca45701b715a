// SPDX-License-Identifier: Apache-2.0
// Both ways to the outputs of a step, Gram rows and hidden vectors, and the one that the engine's counting chooses: is
// it the cheaper one? Trained for 300 steps at the full rate first, so that outputs are sparse. In turns, least of
// five. Run: ./run bench way
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "superpose/toy/engines.h"

namespace {

namespace toy = superpose::toy;
constexpr int kWarm = 300, kSteps = 40, kRounds = 5;

struct Model {
  std::unique_ptr<toy::Engine> engine;
  double best = 1e9;  // ms per step
};

double milliseconds(toy::Engine& engine, const superpose::features::Sampler& sampler, uint32_t batch_size,
                    int64_t first) {
  superpose::features::Batch batch;
  double seconds = 0;
  for (int64_t step = first; step < first + kSteps; ++step) {
    sampler.draw(0, superpose::RandomStream::training_data, static_cast<uint32_t>(step), batch_size, batch);
    const auto begin = std::chrono::steady_clock::now();
    engine.step(batch, step);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return 1e3 * seconds / kSteps;
}

}  // namespace

int main() {
  fmt::print("{:>6} {:>5} {:>5} {:>6} {:>9} {:>9} {:>9}  {}\n", "n", "m", "B", "E", "gram ms", "hidden ms", "chosen ms",
             "chosen / cheaper");
  double worst = 0;
  for (const int64_t dim : {10, 39, 100, 300}) {
    for (const double density : {0.3, 1.0, 3.0, 7.4854, 20.0, 60.0}) {
      toy::Config config;
      config.features = 1000;
      config.dim = dim;
      config.density = density;
      config.law = density > 7.4855 ? "uniform" : "power:1";
      config.batch = dim > 100 ? 512 : 2048;
      config.warmup = 0;
      const toy::Resolved run = toy::resolve(config);
      const auto sampler = toy::make_sampler(run);
      const auto batch_size = static_cast<uint32_t>(config.batch);
      std::vector<Model> models;
      for (const auto way : {toy::Way::gram, toy::Way::hidden, toy::Way::cheaper}) {
        models.push_back({toy::make_fast_engine(run, {}, way), 1e9});
        superpose::features::Batch batch;
        for (int64_t step = 0; step < kWarm; ++step) {
          sampler.draw(0, superpose::RandomStream::training_data, static_cast<uint32_t>(step), batch_size, batch);
          models.back().engine->step(batch, step);
        }
      }
      for (int round = 0; round < kRounds; ++round) {
        for (Model& model : models) {
          model.best = std::min(model.best, milliseconds(*model.engine, sampler, batch_size, kWarm + round * kSteps));
        }
      }
      const double ratio = models[2].best / std::min(models[0].best, models[1].best);
      worst = std::max(worst, ratio);
      fmt::print("{:>6} {:>5} {:>5} {:>6.2f} {:>9.3f} {:>9.3f} {:>9.3f}  {:.2f}\n", config.features, dim, config.batch,
                 density, models[0].best, models[1].best, models[2].best, ratio);
    }
  }
  fmt::print("largest: {:.2f}\n", worst);
}
