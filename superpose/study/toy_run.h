// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/sweep/sweep.h"
#include "superpose/toy/toy.h"

namespace superpose::study {

// The fields of the contract's toy JSON: how training went and the geometry of the trained W. Norms, overlaps and φ are
// null for a run that diverged; an overlap is null when fewer than two rows take part.
Json toy_result(const toy::Resolved& run, const toy::Result& trained);

// Writes W [n, m] and b [n] (and W_dec [n, m] if untied) as F32 safetensors; the configuration goes into __metadata__
// under "superpose.config".
void save_toy(const std::filesystem::path& path, const toy::Resolved& run, const toy::Result& trained);

// Jobs for a sweep of toy runs: every configuration validated (Error{usage} names the first few that are wrong),
// defaults filled in, and the cost predicted.
std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs);
// What such a job does: train and measure.
sweep::Work toy_work();

}  // namespace superpose::study
