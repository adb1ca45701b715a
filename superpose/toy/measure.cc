// SPDX-License-Identifier: Apache-2.0
// The seconds per unit of cost.h: the engine timed on made-up states.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/kernels/kernels.h"
#include "superpose/toy/cost.h"

namespace superpose::toy {
namespace {

// Processor time of this thread: what other programs take is not counted.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Anchor {
  int64_t features, dim, batch;
  const char* law;
  double density;
};
// Around the paper's grids, which are what has to be predicted well, and one whose arrays no cache holds.
const Anchor kFast[] = {
    {1000, 10, 2048, "power:1", 1},  {1000, 10, 2048, "power:2", 1}, {1000, 25, 2048, "power:0", 1},
    {1000, 39, 2048, "power:1", 1},  {1000, 63, 2048, "power:2", 1}, {1000, 100, 2048, "power:1", 1},
    {1000, 100, 2048, "power:0", 1}, {1000, 25, 2048, "power:1", 3}, {1000, 63, 2048, "power:1", 7},
    {200, 20, 256, "power:1", 1},    {20, 4, 16, "power:1", 1},      {20000, 96, 128, "power:1", 1},
};
const Anchor kReference[] = {
    {20, 4, 16, "power:1", 1}, {100, 10, 128, "power:1", 1}, {200, 40, 256, "power:1", 1}, {300, 16, 64, "power:1", 2}};

// Least of a few timings: what the machine does when nothing else disturbs it.
template <class Body>
double least_seconds(int times, Body body) {
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < times; ++k) {
    const double begin = thread_seconds();
    body();
    least = std::min(least, thread_seconds() - begin);
  }
  return least;
}

// Share of nonzeros in D for W and b, from a few of its rows.
double share_of_nonzeros(const Matrix<double>& W, const std::vector<double>& b, const features::Batch& batch) {
  constexpr size_t kRows = 12;
  const size_t n = W.rows(), active = batch.active.size();
  std::vector<std::vector<std::pair<size_t, double>>> samples(batch.samples);
  for (size_t a = 0; a < active; ++a) {
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e)
      samples[batch.sample[e]].emplace_back(batch.active[a], static_cast<double>(batch.value[e]));
  }
  size_t nonzero = 0, rows = 0;
  std::vector<char> hit(n);
  std::vector<double> h(W.cols());
  for (size_t a = 0; a < active; a += std::max<size_t>(1, active / kRows)) {
    ++rows;
    std::fill(hit.begin(), hit.end(), 0);
    // The largest values find most of what there is to find.
    for (uint32_t e = batch.begin[a]; e < std::min(batch.begin[a + 1], batch.begin[a] + 8); ++e) {
      std::fill(h.begin(), h.end(), 0.0);
      for (const auto& [i, v] : samples[batch.sample[e]]) {
        for (size_t k = 0; k < h.size(); ++k) h[k] += v * W(i, k);
      }
      for (size_t j = 0; j < n; ++j) {
        double z = b[j];
        for (size_t k = 0; k < h.size(); ++k) z += h[k] * W(j, k);
        hit[j] = static_cast<char>(hit[j] || z > 0);
      }
    }
    nonzero += static_cast<size_t>(std::count(hit.begin(), hit.end(), 1));
  }
  return rows > 0 ? static_cast<double>(nonzero) / static_cast<double>(rows * n) : 0;
}

struct Observations {
  std::vector<Terms> terms;
  std::vector<double> seconds;
  void add(const Terms& t, double s) {
    terms.push_back(t);
    seconds.push_back(s);
  }
};

struct AllObservations {
  Observations dense, sparse, forward;
};

void observe(const Anchor& anchor, const std::string& engine_name, AllObservations& out) {
  Config config;
  config.features = anchor.features;
  config.dim = anchor.dim;
  config.batch = anchor.batch;
  config.law = anchor.law;
  config.density = anchor.density;
  config.engine = engine_name;
  const Resolved run = resolve(config);
  const auto engine = make_engine(run);
  const features::Sampler sampler = make_sampler(run);
  const Workload load = workload(run.config, run.law);
  const auto W = initial_weights(run.config);
  features::Batch batch;
  const auto draw = [&] {
    sampler.draw(0, RandomStream::training_data, 0, static_cast<uint32_t>(config.batch), batch);
  };
  const auto time_step = [&](int times) {  // at step 0 the rate is so small that the state stays what it is
    return least_seconds(times, [&] {
      draw();
      engine->step(batch, 0);
    });
  };
  draw();
  const auto b = initial_biases(run.config);
  constexpr double kShareAtFirst = 0.55;
  out.dense.add(terms(load, kShareAtFirst), time_step(3));
  const auto observe_forward = [&](double share) {
    out.forward.add(terms(load, share), least_seconds(3, [&] {
                      draw();
                      engine->loss(batch);
                    }));
  };
  observe_forward(kShareAtFirst);
  // A row of Gram products has standard deviation m^-1/2, so these make a few and many outputs positive.
  for (const double depth : {4.5, 2.2}) {
    const std::vector<double> low(b.size(), -depth / std::sqrt(static_cast<double>(config.dim)));
    engine->set(W, low);
    const double share = share_of_nonzeros(W, low, batch);
    out.sparse.add(terms(load, share), time_step(4));
    if (depth > 3) observe_forward(share);
  }
}

StepCosts measure(const std::string& engine) {
  AllObservations seen;
  if (engine == "reference") {
    for (const Anchor& anchor : kReference) observe(anchor, engine, seen);
  } else {
    for (const Anchor& anchor : kFast) observe(anchor, engine, seen);
  }
  return {fit_non_negative(seen.dense.terms, seen.dense.seconds),
          fit_non_negative(seen.sparse.terms, seen.sparse.seconds),
          fit_non_negative(seen.forward.terms, seen.forward.seconds)};
}

}  // namespace

// Coordinate descent on the normal equations; a few unknowns, so speed is no concern.
Terms fit_non_negative(const std::vector<Terms>& A, const std::vector<double>& y) {
  std::array<Terms, kTerms> normal{};
  Terms right{}, scale{}, x{};
  for (size_t k = 0; k < A.size(); ++k) {
    for (size_t t = 0; t < kTerms; ++t) scale[t] = std::max(scale[t], A[k][t] / y[k]);
  }
  for (size_t k = 0; k < A.size(); ++k) {
    for (size_t s = 0; s < kTerms; ++s) {
      if (scale[s] == 0) continue;
      const double left = A[k][s] / y[k] / scale[s];
      right[s] += left;
      for (size_t t = 0; t < kTerms; ++t) {
        if (scale[t] > 0) normal[s][t] += left * A[k][t] / y[k] / scale[t];
      }
    }
  }
  for (int round = 0; round < 20000; ++round) {
    for (size_t s = 0; s < kTerms; ++s) {
      if (normal[s][s] <= 0) continue;
      double rest = right[s];
      for (size_t t = 0; t < kTerms; ++t) rest -= t == s ? 0 : normal[s][t] * x[t];
      x[s] = std::max(0.0, rest / normal[s][s]);
    }
  }
  for (size_t s = 0; s < kTerms; ++s) x[s] = scale[s] > 0 ? x[s] / scale[s] : 0;
  return x;
}

const StepCosts& measured_costs(const std::string& engine) {
  if (engine == "reference") {
    static const StepCosts reference = measure(engine);
    return reference;
  }
  static const StepCosts fast = measure(engine);
  return fast;
}

}  // namespace superpose::toy
