// SPDX-License-Identifier: Apache-2.0
// Figures of a fit, one function each. Nothing where the fit lacks what the figure shows.
#pragma once
#include <optional>

#include "superpose/report/fit_page_data.h"

namespace superpose::report {

// More groups than that have no colour of their own.
constexpr size_t kMostColoured = 8;

std::optional<Figure> law_figure(const FitPage& page);        // data and law; observed against predicted
std::optional<Figure> terms_figure(const FitPage& page);      // what each input contributes
std::optional<Figure> residuals_figure(const FitPage& page);  // over inputs and prediction
std::optional<Figure> profiles_figure(const FitPage& page);
std::optional<Figure> pairs_figure(const FitPage& page);  // of the bootstrap's draws
std::optional<Figure> backtest_figure(const FitPage& page);

// ---- shared by these

Figure fit_figure(const char* id, std::string title, std::string caption);
Series marks_series(std::string key, Role role, Hue hue, std::string symbol = "dot");
Series line_series(std::string key, Role role, Hue hue);
Point point_at(double x, double y, std::string note = "");
Hue group_hue(size_t index);
std::string group_symbol(size_t index);
std::string group_name(const std::string& group);

// Logarithmic where all values are above 0; with ticks where 1, 3, 10 would leave the axis bare.
Axis axis_over(std::string label, const std::vector<double>& values, bool log = true);
std::string input_label(const FitInput& input);
// The rows to draw, at most kMostDrawn: a fixed selection without regard to their values. A note says how many.
std::vector<size_t> drawn_rows(size_t n, Figure& figure);
std::string row_note(const FitPage& page, size_t row);

}  // namespace superpose::report
