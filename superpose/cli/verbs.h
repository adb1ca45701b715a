// SPDX-License-Identifier: Apache-2.0
// One line per verb; each function lives in the file of its name.
#pragma once
#include "superpose/cli/cli.h"

namespace superpose::cli {

Action declare_toy(CLI::App& verb);
Action declare_sweep(CLI::App& verb);
Action declare_inspect(CLI::App& verb);
Action declare_fit(CLI::App& verb);
Action declare_forecast(CLI::App& verb);
Action declare_study(CLI::App& verb);
Action declare_report(CLI::App& verb);
Action declare_serve(CLI::App& verb);
Action declare_ls(CLI::App& verb);
Action declare_show(CLI::App& verb);

}  // namespace superpose::cli
