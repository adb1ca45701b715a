// SPDX-License-Identifier: Apache-2.0
// The figures, one function each. A new figure is one function here and one line in all_figures().
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/report/cells.h"
#include "superpose/report/figure.h"
#include "superpose/report/published.h"
#include "superpose/report/report.h"

namespace superpose::report {

// One inspected matrix, as far as the page needs it (docs: the inspect verb's JSON).
struct Matrix {
  std::string path, tensor, role, format, verdict, because;
  std::optional<double> n, m;
  std::optional<double> mean_square, mean_square_centered, welch, norm_mean;
  std::vector<double> edges, counts;                 // of the norm histogram; empty when the inspection has none
  std::vector<std::pair<double, double>> quantiles;  // of the norms: (probability, value)
  bool is_head() const { return role == "lm_head" || role == "embedding"; }
};

// What every figure is drawn from.
struct Context {
  const Cells& cells;
  const Published& published;
  const std::vector<store::Artifact>& artifacts;
  std::vector<Matrix> matrices;
  std::string study;              // "quick"; empty when no ledger says
  std::vector<const Cell*> main;  // cells of the main recipe with a power law
  std::vector<double> decays;     // all γ of ours and of the published grids, ascending
  std::vector<double> alphas;     // the same for α
  std::vector<double> widths;     // the same for m, from the main recipe and the published figures
};

// Published grids print -0.555556 where a study file says -0.5556: values closer than 0.002 are the same γ.
double snapped(double value, const std::vector<double>& grid);
bool same(double a, double b);
// Fewer points are not joined: a line between two far ones would suggest what nobody measured.
inline constexpr size_t kLeastForLine = 4;
std::string decay_text(double decay);  // "−0.56"
Hue decay_hue(const Context& context, double decay);
Hue ordered_hue(double value, const std::vector<double>& grid);
// Strong superposition is drawn with dots, weak with triangles: the two differ without colour.
const char* decay_symbol(double decay);
Axis width_axis(const Context& context);
// A field of the results at one width, averaged over the seeds that have it. nullopt when none has.
std::optional<Point> mean_at(const Cell& cell, double m, std::string_view name);
std::vector<double> widths_of(const Cell& cell);  // ascending, without repeats
// The sentence under a figure without a run of ours; study: the least one that fills it.
std::string no_runs(std::string_view what, std::string_view study = "paper");
// Commands that make the figure's data again: the study, and one run of it by hand.
std::vector<std::string> commands(const Context& context, const std::vector<const Cell*>& cells);
std::string toy_command(const Json& config);
// Of a published point at density 1.
Setting printed_setting(std::optional<double> alpha, std::optional<double> decay, std::optional<double> m = {});
// y: the exponent of the cell; x is the caller's.
Point exponent_point(const Cell& cell, const Exponent& power);
std::string source_of(std::string_view table, std::string_view figure);
void add_runs(Figure& figure, const Cell& cell);

Figure loss_story(const Context& context);
Figure straightness(const Context& context);
Figure norms(const Context& context);
Figure loss_vs_width(const Context& context);
Figure represented_vs_decay(const Context& context);
Figure represented_map(const Context& context);
Figure exponent_map(const Context& context);
Figure exponent_vs_alpha(const Context& context);
Figure overlap_vs_width(const Context& context);
Figure strong_rows_vs_width(const Context& context);
Figure weak_loss(const Context& context);
Figure density(const Context& context);
Figure emergence(const Context& context);
Figure loss_by_rank(const Context& context);
Figure end_of_law(const Context& context);
Figure llm_loss(const Context& context);
Figure llm_overlap(const Context& context);

// Nothing when the store has no such runs: this figure is not about the paper.
std::optional<Figure> dimensions_per_feature(const Context& context);

// How often the intervals of fits hold the truth: from docs/fitting.md, not from a store. Nothing should that be
// unreadable.
std::optional<Figure> coverage_figure();

std::vector<Figure> all_figures(const Context& context);

}  // namespace superpose::report
