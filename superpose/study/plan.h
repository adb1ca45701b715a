// SPDX-License-Identifier: Apache-2.0
// A sweep of toy models from its request to its end: what the verb `sweep` does, for whoever asks.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/limits.h"
#include "superpose/sweep/sweep.h"

namespace superpose::study {

struct SweepRequest {
  std::string study;                     // a study file, or the name of a built-in one
  std::string yaml{};                    // its text where it is in no file; `study` then names it
  std::vector<std::string> overrides{};  // key=value words for its grids
  std::filesystem::path store = "runs.sqlite";
  int jobs = 0;                // cores, and so runs at once; 0 = all that are available
  double snapshot_every = 60;  // seconds between snapshots of a run; 0 = none
};

struct SweepPlan {
  SweepRequest request;
  std::string name;  // of the study
  std::vector<sweep::Job> jobs;
  int workers = 1;
  CpuLimit cpu;
  MemoryLimit memory;
};
// Error{usage}: a study without grids, and as sweep::parse_study and resolve_jobs.
SweepPlan plan_sweep(const SweepRequest& request);

struct SweepPrediction {
  size_t runs = 0, finished = 0;  // distinct ones; of them finished in the store
  double seconds = 0, core_seconds = 0;
  double run_bytes = 0;  // of the largest run that is left
};
// Opens the store for reading only, if there is one, and writes nothing.
SweepPrediction predict(const SweepPlan& plan);

struct SweepHooks {
  std::function<void(const sweep::Progress&)> on_progress{};
  std::function<void(const std::string&)> note{};  // remarks about snapshots; called from any thread
  const std::atomic<bool>* stop = nullptr;         // as sweep::Options::stop
};
// Runs what is missing, with snapshots, and tells who looks on (live.h). Errors as sweep::run.
sweep::Progress run_sweep(store::Store& store, const SweepPlan& plan, const SweepHooks& hooks);

std::vector<store::Run> failed_runs(const store::Store& store, const SweepPlan& plan);

// The objects of the command-line contract (docs/schema/sweep.json), without schema, version and config.
Json to_json(const SweepPlan& plan, const SweepPrediction& prediction, const std::string& cores_because);
Json to_json(const SweepPlan& plan, const sweep::Progress& end, const std::vector<store::Run>& failures);

}  // namespace superpose::study
