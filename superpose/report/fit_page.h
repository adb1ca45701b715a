// SPDX-License-Identifier: Apache-2.0
// The page of one fit: data and law with its band, residuals, profiles, bootstrap pairs, backtest.
#pragma once
#include <string>

#include "superpose/base/json.h"

namespace superpose::report {

// fit: the object that `fit --json` prints. One self-contained HTML file. Fields that are missing leave out what needs
// them; everything in it is untrusted text, and nothing in it makes this throw.
std::string render_fit(const Json& fit);

// What the page draws, and what a test can check without a browser: {schema, title, figures}.
Json fit_data(const Json& fit);

// What a tooltip calls the marks of a fit's figures: these rows were measured by whoever made the table.
Json fit_words();

}  // namespace superpose::report
