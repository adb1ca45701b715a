// SPDX-License-Identifier: Apache-2.0
// Inspections as people read them in a terminal.
#pragma once
#include <string>

#include "superpose/study/study.h"

namespace superpose::cli {

std::string inspection_text(const study::Inspection& inspection);
std::string comparison_text(const study::Comparison& comparison);

}  // namespace superpose::cli
