// SPDX-License-Identifier: Apache-2.0
// Stands in for the toy engine until it is merged: a run sleeps `steps` microseconds.
#include <chrono>
#include <thread>

#include "superpose/base/base.h"
#include "superpose/study/study.h"

namespace superpose::study {

std::string read_study_file(const std::string& path_or_name) {
  if (path_or_name == "quick") return "name: quick\ngrids: [{dim: [10, 15], decay: [-1, 1]}]\n";
  return read_text(path_or_name, size_t{1} << 20);
}

std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs) {
  std::vector<sweep::Job> jobs;
  const Json defaults{{"features", 1000}, {"dim", 50},     {"law", "power:1"}, {"density", 1.0}, {"decay", -1.0},
                      {"steps", 20000},   {"batch", 2048}, {"lr", 0.01},       {"seed", 0}};
  std::vector<std::string> known;
  for (const auto& [key, value] : defaults.items()) known.push_back(key);
  for (const Json& config : configs) {
    Json resolved = defaults;
    for (const auto& [key, value] : config.items()) {
      if (!defaults.contains(key))
        throw Error(ErrorKind::usage, "unknown field '" + key + "'" + suggestion(key, known));
      resolved[key] = value;
    }
    jobs.push_back({resolved, resolved["steps"].get<double>() * 1e-6});
  }
  return jobs;
}

sweep::Work toy_work() {
  return [](const Json& config, const sweep::JobContext& context) -> sweep::Outcome {
    const int dim = config["dim"];
    if (dim == 13) throw Error(ErrorKind::numeric, "dim 13 fails");
    const double steps = config["steps"];
    for (int i = 0; i < 100; ++i) {
      if (context.cancelled->load()) throw sweep::Cancelled{};
      std::this_thread::sleep_for(std::chrono::duration<double>(steps * 1e-8));
      context.fraction_done((i + 1) / 100.0);
    }
    return {dim == 17 ? "diverged" : "ok", {{"loss", dim == 17 ? Json() : Json(10.0 / dim)}}};
  };
}

}  // namespace superpose::study
