// SPDX-License-Identifier: Apache-2.0
#include "superpose/sweep/schedule.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "superpose/sweep/sweep.h"

namespace superpose::sweep {
namespace {

struct Rest {
  double seconds;  // left, on one core
  int most;
};

double rate(int cores) { return 1 + kSpareCoreYield * (cores - 1); }

// Time until all end when none is left to start and spare cores are lent.
double tail_seconds(std::vector<Rest> running, int cores) {
  double now = 0;
  while (!running.empty()) {
    std::sort(running.begin(), running.end(), [](const Rest& a, const Rest& b) { return a.seconds > b.seconds; });
    std::vector<int> most;
    for (const Rest& job : running) most.push_back(job.most);
    const std::vector<int> lent = lend_cores(most, cores);
    double step = running.back().seconds / rate(lent.back());
    for (size_t k = 0; k < running.size(); ++k) step = std::min(step, running[k].seconds / rate(lent[k]));
    now += step;
    for (size_t k = 0; k < running.size(); ++k) running[k].seconds -= step * rate(lent[k]);
    std::erase_if(running, [&](const Rest& job) { return job.seconds <= 1e-9 * (1 + now); });
  }
  return now;
}

}  // namespace

std::vector<int> lend_cores(std::span<const int> most, int cores) {
  std::vector<int> out(most.size(), 1);
  int spare = cores - static_cast<int>(most.size());
  for (bool lent = true; lent && spare > 0;) {
    lent = false;
    for (size_t k = 0; k < most.size() && spare > 0; ++k) {
      if (out[k] < most[k]) ++out[k], --spare, lent = true;
    }
  }
  return out;
}

double predicted_seconds(std::span<const Job> jobs, int workers) {
  std::vector<const Job*> longest_first;
  for (const Job& job : jobs) longest_first.push_back(&job);
  std::stable_sort(longest_first.begin(), longest_first.end(),
                   [](const Job* a, const Job* b) { return a->cost > b->cost; });
  struct Running {
    double end;
    int most;
    bool operator>(const Running& other) const { return end > other.end; }
  };
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running;
  double last_start = 0;
  for (const Job* job : longest_first) {
    if (running.size() >= static_cast<size_t>(std::max(workers, 1))) {
      last_start = running.top().end;
      running.pop();
    }
    running.push({last_start + job->cost, job->threads});
  }
  std::vector<Rest> rest;
  for (; !running.empty(); running.pop()) rest.push_back({running.top().end - last_start, running.top().most});
  return last_start + tail_seconds(std::move(rest), workers);
}

}  // namespace superpose::sweep
