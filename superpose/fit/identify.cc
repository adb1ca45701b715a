// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/identify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/names.h"

namespace superpose::fit {

void reject(std::string_view name, const std::string& reason, Parameter& parameter,
            std::vector<std::string>& warnings) {
  parameter.identified = false;
  warnings.push_back(fmt::format("{} is not identified: {}", name, reason));
}

void judge_ratio(std::string_view name, double factor, Parameter& parameter, std::vector<std::string>& warnings) {
  parameter.identified = true;
  if (parameter.held) return;
  if (!parameter.ci95) return reject(name, "it has no interval", parameter, warnings);
  const auto [low, high] = *parameter.ci95;
  if (!std::isfinite(low) || !std::isfinite(high))
    return reject(name, "its interval is unbounded", parameter, warnings);
  if (low <= 0 && high >= 0) {
    return reject(name, fmt::format("its 95 % interval [{:.4g}, {:.4g}] includes 0", low, high), parameter, warnings);
  }
  const double ratio = low > 0 ? high / low : low / high;
  if (ratio > factor) {
    const std::string by = std::isfinite(ratio) ? fmt::format("{:.3g}", ratio) : "more than 1e308";
    reject(
        name,
        fmt::format("the ends of its 95 % interval [{:.4g}, {:.4g}] differ by a factor of {}; at most {:g} is useful",
                    low, high, by, factor),
        parameter, warnings);
  }
}

void judge_whole(Result& result) {
  result.identified = std::all_of(result.parameters.begin(), result.parameters.end(),
                                  [](const auto& entry) { return entry.second.identified; });
}

void check_fixed(const Options& options, const std::vector<std::string>& known, std::string_view law) {
  std::string problems;
  for (const auto& [name, value] : options.fixed) {
    const std::string separator = problems.empty() ? "" : "; ";
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      problems += fmt::format("{}fix: law {} has no parameter {}{}", separator, law, name, suggestion(name, known));
    } else if (!std::isfinite(value)) {
      problems += fmt::format("{}fix: {} is not finite", separator, name);
    }
  }
  if (options.bootstrap < 0) {
    problems += fmt::format("{}bootstrap = {}: expected 0 or more", problems.empty() ? "" : "; ", options.bootstrap);
  }
  if (!problems.empty()) throw Error(ErrorKind::usage, problems);
}

}  // namespace superpose::fit
