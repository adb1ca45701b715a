// SPDX-License-Identifier: Apache-2.0
// The laws behind table.cc, each in the file of its name. Private to fit/.
#pragma once
#include "superpose/fit/fit.h"

namespace superpose::fit {

Law power_law();
Law width_law();
Law chinchilla_law();
Law width_depth_data_law();
Law width_depth_law();
Law width_data_law();
Law vocab_law();
Law time_law();

// Yardsticks, which every law is compared with; not in the table.
Law constant_law(const Law& like);   // the offset alone
Law logarithm_law(const Law& like);  // offset - b·ln x of the first input: the limit α -> 0 of a power

}  // namespace superpose::fit
