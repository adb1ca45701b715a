// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "superpose/sweep/sweep.h"

namespace superpose::study {

// The text of a study file: a path, or the name of a built-in study ("quick", "paper").
std::string read_study_file(const std::string& path_or_name);

// Validates every config (Error{usage} names unknown keys with the nearest known one, and all problems together), fills
// in the defaults and predicts the cost of each.
std::vector<sweep::Job> resolve_jobs(const std::vector<Json>& configs);

// Trains one toy model per config.
sweep::Work toy_work();

}  // namespace superpose::study
