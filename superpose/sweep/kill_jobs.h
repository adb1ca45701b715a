// SPDX-License-Identifier: Apache-2.0
// The jobs of kill_test and kill_worker: a few milliseconds each, some diverge, some fail, all deterministic.
#pragma once
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/sweep/sweep.h"

namespace superpose::sweep {

inline std::vector<Job> made_up_jobs(int count) {
  std::vector<Job> jobs;
  for (int k = 0; k < count; ++k) jobs.push_back({{{"k", k}}, 0.002 + 0.001 * (k % 7)});
  return jobs;
}

inline Outcome made_up_work(const Json& config, const JobContext&) {
  const int k = config["k"].get<int>();
  std::this_thread::sleep_for(std::chrono::milliseconds(2 + k % 7));
  if (k % 50 == 13) throw Error(ErrorKind::numeric, "job " + std::to_string(k) + " fails always");
  return {k % 20 == 5 ? "diverged" : "ok", {{"loss", 1.0 / (1 + k)}, {"curve", {k, k + 1, k + 2}}}};
}

}  // namespace superpose::sweep
