// SPDX-License-Identifier: Apache-2.0
// One line per verb; each function lives in the file of its name.
#pragma once
#include "superpose/cli/cli.h"

namespace superpose::cli {

Action declare_ls(CLI::App& app);
Action declare_show(CLI::App& app);
Action declare_sweep(CLI::App& app);

}  // namespace superpose::cli
