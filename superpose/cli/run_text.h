// SPDX-License-Identifier: Apache-2.0
// How a run of the store looks in the outputs of sweep, ls and show.
#pragma once
#include <string>

#include "superpose/store/store.h"

namespace superpose::cli {

// Text for one line of output: control characters (a store may come from a stranger, and the terminal obeys them)
// become '?', line ends and tabs blanks.
std::string one_line(std::string_view text);
std::string cell_text(const Json& value);  // the same for a value: strings bare, null as "-", the rest as JSON

}  // namespace superpose::cli
