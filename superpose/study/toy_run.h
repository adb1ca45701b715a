// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/limits.h"
#include "superpose/sweep/sweep.h"
#include "superpose/toy/toy.h"

namespace superpose::study {

// The fields of the contract's toy JSON: how training went and the geometry of the trained W. Norms, overlaps and φ are
// null for a run that diverged; an overlap is null when fewer than two rows take part.
Json toy_result(const toy::Resolved& run, const toy::Result& trained);

// Writes W [n, m] and b [n] (and W_dec [n, m] if untied) as F32 safetensors; the configuration goes into __metadata__
// under "superpose.config".
void save_toy(const std::filesystem::path& path, const toy::Resolved& run, const toy::Result& trained);

// Jobs for a sweep of toy runs: every configuration validated, defaults filled in, cost, memory and usable cores
// predicted. Error{usage} names what is wrong with each kind of wrong configuration; a configuration that needs more
// than memory_bytes (0 = whatever it takes) is one of them. Error{io | bad_file}: only problems with law files.
std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs, double memory_bytes = 0);

// What runs at once may take of the memory there is: 0.9 of it, less the program itself; 0 = not known.
double memory_for_runs(const MemoryLimit& limit);

class Live;

struct WorkOptions {
  std::filesystem::path snapshots;               // folder for snapshots, made when needed; empty: none are saved
  double snapshot_every_seconds = 60;            // also: runs predicted to be shorter save none
  std::function<void(const std::string&)> note;  // remarks about snapshots; called from any thread
  Live* live = nullptr;                          // told of every run; must outlive the work
};
// What such a job does: train and measure. A run goes on from its snapshot when an earlier process left one.
sweep::Work toy_work(const WorkOptions& options = {});

// Where the snapshots of a store's runs are, as <run key>.safetensors: "runs.sqlite.snapshots".
std::filesystem::path snapshot_folder(const std::filesystem::path& store);
// Removes the snapshots of finished runs and what saves that were killed left behind; the folder too when it is empty.
void remove_old_snapshots(const store::Store& store);

// Error{usage}: SUPERPOSE_ISA names an instruction set that this machine or this build does not have. A wish that was
// silently ignored would be measured as if it had worked.
void check_environment();

}  // namespace superpose::study
