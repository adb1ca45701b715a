// SPDX-License-Identifier: Apache-2.0
// The counts behind `law file:PATH`. Private to features/.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace superpose::features {

struct Counts {
  std::vector<double> values;  // positive, descending
  uint64_t zeros = 0;
};

// The last field of each line that is not blank is a count; the first line may be a header. Error{io | bad_file}.
Counts file_counts(std::string_view path);

}  // namespace superpose::features
