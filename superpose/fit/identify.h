// SPDX-License-Identifier: Apache-2.0
// When does a table identify a parameter? One rule per kind of parameter, the same for every law; docs/fitting.md
// states them for users. Private to fit/.
#pragma once
#include <string>
#include <string_view>

#include "superpose/fit/fit.h"

namespace superpose::fit {

inline constexpr double kWidestExponent = 4;       // high/low of an exponent's interval
inline constexpr double kWidestCoefficient = 100;  // high/low of a coefficient's interval: it spans decades by nature

// Sets parameter.identified: the interval exists, excludes 0 and its ends differ by at most `factor`. Otherwise appends
// the reason to `warnings`. Held parameters pass.
void judge_ratio(std::string_view name, double factor, Parameter& parameter, std::vector<std::string>& warnings);

// Not identified, whatever the interval says.
void reject(std::string_view name, const std::string& reason, Parameter& parameter, std::vector<std::string>& warnings);

// Result::identified = every parameter is.
void judge_whole(Result& result);

// `options.fixed` names only parameters of `known`, with finite values. Error{usage} otherwise, all violations named.
void check_fixed(const Options& options, const std::vector<std::string>& known, std::string_view law);

}  // namespace superpose::fit
