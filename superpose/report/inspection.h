// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "superpose/base/json.h"

namespace superpose::report {

// The page of what `inspect --json` prints: one self-contained HTML file.
std::string render_inspection(const Json& inspection);

}  // namespace superpose::report
