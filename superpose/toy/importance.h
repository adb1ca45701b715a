// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace superpose::toy {

// The weights I_j of L = <Σ_j I_j (y_j - x_j)²>.
//     uniform       1
//     geometric:R   R^(j-1), j = 1 .. n, R > 0 (Elhage et al. 2022)
struct Importance {
  std::string spec;           // canonical
  std::vector<double> value;  // [n], positive or 0 where R^(j-1) underflows; empty: all 1
};
// n = 0: the spelling only. Error{usage}: an unknown name or parameter, or a weight above 10^30.
Importance make_importance(std::string_view spec, size_t n);

}  // namespace superpose::toy
