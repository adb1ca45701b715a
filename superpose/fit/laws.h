// SPDX-License-Identifier: Apache-2.0
// The functions behind table.cc; each lives in the file of its law. Private to fit/.
#pragma once
#include "superpose/fit/fit.h"

namespace superpose::fit {
Result fit_power_law(const Data& data, const Options& options);
Result fit_width_law(const Data& data, const Options& options);
}  // namespace superpose::fit
