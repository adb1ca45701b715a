// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>

#include "superpose/base/embedded.h"

namespace superpose::study {

// What studies/ holds, compiled in: "quick.yaml", "paper.yaml", "tolerances.yaml".
std::span<const EmbeddedFile> study_files();
// The numbers recovered from the paper's figures: "published/*.csv".
std::span<const EmbeddedFile> published_tables();
// The text of one of them. A missing one is our own bug.
std::string_view study_file(std::string_view path);

// A study file: a path, or the name of a built-in study ("quick", "paper"). Error{io | usage}: no such file, with the
// built-in names.
std::string read_study_file(const std::string& path_or_name);
// A table: a path, or the name of a built-in one ("published/fig8b_llm_losses.csv"). Error{io}.
std::string read_table_file(const std::string& path_or_name);

}  // namespace superpose::study
