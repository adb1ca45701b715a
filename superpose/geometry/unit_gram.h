// SPDX-License-Identifier: Apache-2.0
// ŴᵀŴ of a source in one pass, and what falls out of it. Private to geometry/.
#pragma once
#include <optional>
#include <vector>

#include "superpose/geometry/gram.h"
#include "superpose/geometry/unit_reader.h"

namespace superpose::geometry {

struct UnitGram {
  std::optional<UpperMatrix> gram = {};  // [m, m]
  std::vector<double> norms = {};        // [n] of the rows of the source
  std::vector<double> lengths = {};      // [n] 0: takes no part
  std::vector<size_t> chosen = {};       // rows that take part, ascending
  std::vector<double> sum = {};          // [m] Σ of the unit rows
  double squares = 0, fourths = 0;       // Σ |Ŵ_i|², Σ |Ŵ_i|⁴ of the unit rows as rounded to float
};
UnitGram unit_gram(const UnitReader& rows, bool with_gram, ThreadPool& pool);

}  // namespace superpose::geometry
