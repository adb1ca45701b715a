// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/fit_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/cli/output.h"

namespace superpose::cli {
namespace {

constexpr size_t kMostRows = 24;  // of a table in the terminal; the JSON has all

// An unidentified number is never shown bare: its interval stands for it.
std::string value_text(const fit::Parameter& p) {
  if (p.identified || p.held) return number(p.value);
  return p.ci95 ? "in " + interval_text(p.ci95) : "-";
}

std::string parameter_table(const fit::Result& result) {
  std::vector<std::vector<std::string>> rows{{"parameter", "value", "s.e.", "95% interval", "bootstrap", "identified"}};
  const bool resampled = result.resampling.has_value() && !result.interval_method.starts_with("bootstrap");
  for (const auto& [name, p] : result.parameters) {
    if (rows.size() > kMostRows) break;
    rows.push_back({name, value_text(p), p.identified ? number(p.se) : "-", interval_text(p.ci95),
                    resampled ? interval_text(p.bootstrap) : "",
                    p.held         ? "held"
                    : p.identified ? "yes"
                                   : "not identified"});
  }
  if (!resampled) {
    for (auto& row : rows) row.erase(row.begin() + 4);
  }
  std::string out = aligned(rows);
  if (result.parameters.size() > kMostRows) {
    out += fmt::format("and {} more (--json has them all)\n", result.parameters.size() - kMostRows);
  }
  return out;
}

std::string comparison_table(const fit::Result& result) {
  std::vector<std::vector<std::string>> rows{
      {"law", "formula", "parameters", "AICc", "difference", "BIC", "backtest rms"}};
  // Those that AICc counts: not held, not at a bound, not of a part that is 0.
  const bool known = std::any_of(result.parameters.begin(), result.parameters.end(),
                                 [](const auto& entry) { return std::isfinite(entry.second.value); });
  const auto free = std::count_if(result.parameters.begin(), result.parameters.end(), [&](const auto& entry) {
    const fit::Parameter& p = entry.second;
    return !p.held && !p.at_bound && (std::isfinite(p.value) || !known);
  });
  const auto held_out = result.backtest ? std::optional(result.backtest->rms_error) : std::nullopt;
  rows.push_back({result.law, "this fit", std::to_string(free), number(result.aicc, 6), result.aicc ? "0" : "-",
                  number(result.bic, 6), number(held_out, 3)});
  for (const auto& c : result.compared_to) {
    rows.push_back({c.law, c.formula, std::to_string(c.n_parameters), number(c.aicc, 6), number(c.delta, 3),
                    number(c.bic, 6), number(c.backtest_rms, 3)});
  }
  return aligned(rows);
}

// Residuals over ln x: rows of the plot are residuals from +largest to -largest, '+' more than nine in one place.
std::string residual_plot(const fit::Result& result, const std::vector<double>& x, const std::string& name) {
  constexpr int kColumns = 64, kHalfRows = 4;
  double largest = 0;
  for (const double r : result.residuals) largest = std::max(largest, std::abs(r));
  const double low = std::log(result.window->first), high = std::log(result.window->second);
  if (!(largest > 0) || !(high > low)) return "";
  std::vector<std::vector<int>> count(2 * kHalfRows + 1, std::vector<int>(kColumns));
  for (size_t i = 0; i < x.size(); ++i) {
    const long column = std::lround((std::log(x[i]) - low) / (high - low) * (kColumns - 1));
    const long row = kHalfRows - std::lround(result.residuals[i] / largest * kHalfRows);
    ++count[static_cast<size_t>(row)][static_cast<size_t>(column)];
  }
  std::string out = fmt::format("residuals (how many rows) over ln {}\n", name);
  for (int row = 0; row <= 2 * kHalfRows; ++row) {
    std::string line;
    for (const int c : count[static_cast<size_t>(row)]) {
      line += c > 9 ? '+' : c > 0 ? static_cast<char>('0' + c) : row == kHalfRows ? '-' : ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
    const double level = largest * (kHalfRows - row) / kHalfRows;
    const bool labelled = row % kHalfRows == 0;
    out += fmt::format("{:>10} |{}\n", labelled ? number(level, 3) : "", line);
  }
  const std::string left = number(result.window->first), right = number(result.window->second);
  return out + fmt::format("{:>11} {}{:>{}}\n", "", left, right, kColumns - static_cast<int>(left.size()));
}

std::string backtest_text(const fit::Backtest& b, const std::string& x) {
  constexpr size_t kMostShown = 8;
  const double from =
      std::min_element(b.points.begin(), b.points.end(), [](const auto& p, const auto& q) { return p.x < q.x; })->x;
  const std::string where = from == b.held_out_x
                                ? fmt::format("{} = {}", x, number(from))
                                : fmt::format("{} from {} to {}", x, number(from), number(b.held_out_x));
  const auto covered =
      std::count_if(b.points.begin(), b.points.end(), [](const auto& p) { return p.covered.value_or(false); });
  std::string out =
      fmt::format("backtest: the rows at {} predicted from the {} rows up to {}; rms error {}, {} of {} covered\n",
                  where, b.rows_used, number(b.largest_x_used), number(b.rms_error, 3), covered, b.points.size());
  std::vector<std::vector<std::string>> rows{{"group", x, "observed", "predicted", "95% interval", "covered"}};
  for (size_t i = 0; i < std::min(b.points.size(), kMostShown); ++i) {
    const auto& p = b.points[i];
    rows.push_back({p.group.empty() ? "-" : p.group, number(p.x), number(p.observed), number(p.predicted),
                    interval_text(p.interval95), p.covered ? (*p.covered ? "yes" : "no") : "-"});
  }
  out += aligned(rows);
  if (b.points.size() > kMostShown) out += fmt::format("and {} more\n", b.points.size() - kMostShown);
  return out;
}

std::string diagnostics_text(const fit::Diagnostics& d) {
  std::string out = fmt::format("residuals: {} runs of equal sign", d.runs);
  if (d.runs_p) out += fmt::format(" (p = {:.2g})", *d.runs_p);
  out += fmt::format("; largest leverage {} (row {})", number(d.largest_leverage, 2), d.leverage_row + 1);
  if (!d.influential.empty()) {
    std::vector<std::string> named;
    for (size_t i = 0; i < std::min<size_t>(3, d.influential.size()); ++i) {
      named.push_back(fmt::format("{} ({:+.2f} s.e.)", d.influential[i].unit, d.influential[i].shift));
    }
    out += fmt::format("; leaving one out moves {} most for {}", d.influence_of, fmt::join(named, ", "));
  }
  return out + "\n";
}

std::string headline(const fit::Law& law, const fit::Selected& selected, const fit::Result& result) {
  std::vector<std::string> columns;
  for (const auto& input : law.inputs) {
    const auto it = selected.columns.find(input);
    columns.push_back(it == selected.columns.end() || it->second == input ? input : input + " = " + it->second);
  }
  return fmt::format("law {}: {}   ({} of {} rows; {}; {} from {} to {}; y = {})\n", law.name, result.formula,
                     result.residuals.size(), selected.rows_read, fmt::join(columns, ", "), law.inputs[0],
                     number(result.window->first), number(result.window->second), selected.y);
}

}  // namespace

std::string fit_text(const fit::Law& law, const fit::Selected& selected, const fit::Result& result) {
  const char* const status = result.status == fit::Status::flat       ? ", the objective is flat"
                             : result.status == fit::Status::at_bound ? ", the optimum is at a bound of the search"
                                                                      : "";
  std::string out = headline(law, selected, result);
  out += fmt::format("identified by this table: {}{}\n", result.identified ? "yes" : "NO", status);
  if (const auto& w = result.inverse_width) {
    out += fmt::format("does the loss fall as 1/m? {}: {}\n",
                       w->verdict == "cannot_tell" ? "the data can't tell" : w->verdict, w->because);
  }
  out += fmt::format("\n{}intervals: {}\n", parameter_table(result), result.interval_method);
  out += fmt::format("objective {} ({}), R² {}", number(result.objective, 6),
                     fit::objective_text(result.objective_kind, result.delta), number(result.r2));
  if (result.condition) out += fmt::format(", condition {}", number(result.condition, 3));
  out += "\n";
  if (!result.warnings.empty()) out += "\n";
  for (const auto& warning : result.warnings) out += fmt::format("warning: {}\n", warning);
  for (const auto& note : selected.notes) out += fmt::format("note: {}\n", note);
  out += fmt::format(
      "\ncompared on the same rows by the same objective (a lower AICc is better; rows count as independent)\n{}",
      comparison_table(result));
  if (result.backtest) out += "\n" + backtest_text(*result.backtest, law.inputs[0]);
  if (const auto plot = residual_plot(result, selected.data.inputs[0], law.inputs[0]); !plot.empty())
    out += "\n" + plot;
  if (result.diagnostics) out += diagnostics_text(*result.diagnostics);
  return out;
}

}  // namespace superpose::cli
