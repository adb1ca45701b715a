// SPDX-License-Identifier: Apache-2.0
// How a run of the store looks in the outputs of sweep, ls and show.
#pragma once
#include <string>

#include "superpose/store/store.h"

namespace superpose::cli {

// {"id", "key", "kind", "status", "config", "loss", "error", "seconds", "version", "started_at", "finished_at"}; what
// is not known is null.
Json run_summary(const store::Run& run);

// The configuration with the fields that the store leaves out because they are at their default.
Json shown_config(const store::Run& run);

// Text for one line of output: control characters (a store may come from a stranger, and the terminal obeys them)
// become '?', line ends and tabs blanks.
std::string one_line(std::string_view text);
std::string cell_text(const Json& value);  // the same for a value: strings bare, null as "-", the rest as JSON

}  // namespace superpose::cli
