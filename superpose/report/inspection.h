// SPDX-License-Identifier: Apache-2.0
// The page of `superpose inspect ... -o report.html`: what the JSON of an inspection says (docs/schema/inspect.json),
// in figures, tables and plain words. A pure function of that JSON: it knows nothing of checkpoints, and what an
// inspection lacks stays out of the page.
#pragma once
#include <string>

#include "superpose/base/json.h"

namespace superpose::report {

// inspection: one file's object, or {"files": [...], "compare": {...}}. Everything in it is untrusted text; nothing in
// it makes this throw.
std::string render_inspection(const Json& inspection);

// What the page draws, and what a test can check without a browser: {schema, title, figures}.
Json inspection_data(const Json& inspection);

}  // namespace superpose::report
