// SPDX-License-Identifier: Apache-2.0
// One line per verb; each function lives in the file of its name.
#pragma once
#include "superpose/cli/cli.h"

namespace superpose::cli {
Action declare_fit(CLI::App& app);
}  // namespace superpose::cli
