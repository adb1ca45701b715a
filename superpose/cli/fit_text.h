// SPDX-License-Identifier: Apache-2.0
// Fits and forecasts as people read them in a terminal.
#pragma once
#include <string>

#include "superpose/fit/fit.h"

namespace superpose::cli {

std::string fit_text(const fit::Law& law, const fit::Selected& selected, const fit::Result& result);
std::string forecast_text(const fit::Forecast& forecast, const fit::Law& law);

}  // namespace superpose::cli
