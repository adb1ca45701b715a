// SPDX-License-Identifier: Apache-2.0
// Which functional form the number of resolved features i*(m) follows. Private to study/.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace superpose::study {

// One candidate, fitted by least squares of ln i* (all have at most two parameters).
struct FrontierForm {
  std::string formula;                // "min(n, c·m²)"
  int parameters = 0;                 // free ones, without the variance
  std::optional<double> c, exponent;  // the fitted ones
  std::optional<double> aicc;         // of ln i* with normal errors; none when there are too few widths
  double delta = 0;                   // aicc minus the best one's
};

// m, count: one pair per run, counts > 0. Best first. The variance has the floor of a count's rounding, 1/(12 i*²), so
// that counts that are exactly n do not count as infinitely likely.
std::vector<FrontierForm> compare_forms(std::span<const double> m, std::span<const double> count, double n);

// "c·m (c = 1.02); c·m^β +3.1, min(n, c·m²) +18": the best and what AICc says against the next ones.
std::string forms_text(const std::vector<FrontierForm>& forms);

}  // namespace superpose::study
