// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/fit/fit.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct FitFlags {
  std::string table, law;
  fit::Selection selection;
  std::string group;  // comma-separated
  std::vector<std::string> fix;
  std::optional<int> bootstrap;
  uint64_t seed = 0;
  bool json = false;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= list.size() && !list.empty();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) out.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::map<std::string, double> parse_fixed(const std::vector<std::string>& words) {
  std::map<std::string, double> out;
  for (const auto& word : words) {
    const size_t equals = word.rfind('=');  // a group name may hold '='
    double value = 0;
    const char* const end = word.data() + word.size();
    const bool named = equals != std::string::npos && equals > 0;
    const auto parsed = named ? std::from_chars(word.data() + equals + 1, end, value) : std::from_chars_result{};
    if (!named || parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) {
      throw Error(ErrorKind::usage, fmt::format("fit: --fix {}: expected NAME=NUMBER, e.g. --fix alpha=1", word));
    }
    if (!out.emplace(word.substr(0, equals), value).second) {
      throw Error(ErrorKind::usage, fmt::format("fit: --fix {}: {} is fixed twice", word, word.substr(0, equals)));
    }
  }
  return out;
}

Json resolved_config(const FitFlags& flags, const fit::Selected& selected, const fit::Options& options) {
  const auto& s = flags.selection;
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"table", flags.table},
          {"law", flags.law},
          {"x", selected.x},
          {"y", selected.y},
          {"group", s.group},
          {"cluster", s.cluster.empty() ? Json(nullptr) : Json(s.cluster)},
          {"min_x", or_null(s.min_x)},
          {"max_x", or_null(s.max_x)},
          {"drop_highest", s.drop_highest},
          {"fix", Json(options.fixed)},
          {"bootstrap", options.bootstrap},
          {"seed", options.seed}};
}

std::string interval_text(const std::optional<fit::Interval>& interval) {
  return interval ? fmt::format("[{}, {}]", number(interval->first), number(interval->second)) : "-";
}

std::string parameter_table(const fit::Result& result) {
  std::vector<std::vector<std::string>> rows{{"parameter", "value", "s.e.", "95% interval", "identified"}};
  for (const auto& [name, p] : result.parameters) {
    rows.push_back({name, number(p.value), number(p.se), interval_text(p.ci95),
                    p.held         ? "held"
                    : p.identified ? "yes"
                                   : "no"});
  }
  return aligned(rows);
}

std::string comparison_table(const fit::Result& result) {
  std::vector<std::vector<std::string>> rows{{"law", "formula", "parameters", "AICc", "difference"}};
  const auto free = std::count_if(result.parameters.begin(), result.parameters.end(),
                                  [](const auto& entry) { return !entry.second.held; });
  rows.push_back({result.law, "this fit", std::to_string(free), number(result.aicc, 6), result.aicc ? "0" : "-"});
  for (const auto& c : result.compared_to) {
    rows.push_back({c.law, c.formula, std::to_string(c.n_parameters), number(c.aicc, 6), number(c.delta, 3)});
  }
  return aligned(rows);
}

// Residuals over ln x: rows of the plot are residuals from +largest to -largest, '|' more than nine in one place.
std::string residual_plot(const fit::Result& result, const std::vector<double>& x) {
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
  std::string out = "residuals (how many rows) over ln x\n";
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

std::string backtest_text(const fit::Backtest& b) {
  constexpr size_t kMostShown = 8;
  std::string out = fmt::format("backtest: the rows at x = {} predicted from the {} rows up to {}; rms error {}\n",
                                number(b.held_out_x), b.rows_used, number(b.largest_x_used), number(b.rms_error, 3));
  std::vector<std::vector<std::string>> rows{{"group", "observed", "predicted", "95% interval", "covered"}};
  for (size_t i = 0; i < std::min(b.points.size(), kMostShown); ++i) {
    const auto& p = b.points[i];
    rows.push_back({p.group.empty() ? "-" : p.group, number(p.observed), number(p.predicted),
                    interval_text(p.interval95), p.covered ? (*p.covered ? "yes" : "no") : "-"});
  }
  out += aligned(rows);
  if (b.points.size() > kMostShown) out += fmt::format("and {} more\n", b.points.size() - kMostShown);
  return out;
}

void print_report(const fit::Law& law, const fit::Selected& selected, const fit::Result& result) {
  fmt::print("law {}: {}   ({} of {} rows; x = {}, {} to {}; y = {})\n", law.name, law.formula, result.residuals.size(),
             selected.rows_read, selected.x, number(result.window->first), number(result.window->second), selected.y);
  const char* const status = result.status == fit::Status::flat       ? ", the objective is flat"
                             : result.status == fit::Status::at_bound ? ", the optimum is at a bound of the search"
                                                                      : "";
  fmt::print("identified by this table: {}{}\n\n", result.identified ? "yes" : "NO", status);
  fmt::print("{}intervals: {}\n", parameter_table(result), result.interval_method);
  fmt::print("objective {} ({}), R² {}\n", number(result.objective, 6), law.objective, number(result.r2));
  if (!result.warnings.empty()) fmt::print("\n");
  for (const auto& warning : result.warnings) fmt::print("warning: {}\n", warning);
  for (const auto& note : selected.notes) fmt::print("note: {}\n", note);
  fmt::print("\ncompared on the same rows (a lower AICc is better; rows count as independent)\n{}",
             comparison_table(result));
  if (result.backtest) fmt::print("\n{}", backtest_text(*result.backtest));
  if (const auto plot = residual_plot(result, selected.data.inputs[0]); !plot.empty()) fmt::print("\n{}", plot);
}

int run_fit(FitFlags flags) {
  const fit::Law& law = fit::find_law(flags.law);
  flags.selection.group = split(flags.group);
  fit::Options options;
  options.fixed = parse_fixed(flags.fix);
  options.seed = flags.seed;
  fit::Table table;
  fit::Selected selected;
  const std::string text = study::read_table_file(flags.table);
  try {
    table = fit::read_table(text, flags.table);
    selected = fit::select(table, law, flags.selection);
  } catch (const Error& e) {
    throw std::string_view(e.what()).starts_with(flags.table) ? e : e.in(flags.table);
  }
  table = {};
  options.bootstrap = flags.bootstrap.value_or(fit::default_bootstrap(law, selected.data));
  const fit::Result result = law.fit(selected.data, options);
  if (!flags.json) {
    print_report(law, selected, result);
    return 0;
  }
  Json body = fit::to_json(result);
  body["rows_read"] = selected.rows_read;
  body["notes"] = selected.notes;
  print_json("fit", resolved_config(flags, selected, options), body);
  return 0;
}

}  // namespace

Action declare_fit(CLI::App& app) {
  auto flags = std::make_shared<FitFlags>();
  std::string known;
  for (const auto& law : fit::laws())
    known += fmt::format("{}{}: {}", known.empty() ? "" : "; ", law.name, law.formula);
  app.add_option("table", flags->table,
                 "CSV or TSV with a header line ('#' begins a comment), or the name of a built-in table: "
                 "published/fig8b_llm_losses.csv, ...")
      ->required();
  app.add_option("--law", flags->law, known)->required();
  app.add_option("--x,--m", flags->selection.x, "column of the width (default: m, width, d_model, ...)");
  app.add_option("--y", flags->selection.y, "column of the loss (default: loss, y, ...)");
  app.add_option("--group", flags->group, "columns A,B: one L0 for each of their combinations");
  app.add_option("--cluster", flags->selection.cluster, "column: rows that share its value are resampled together");
  app.add_option("--fix", flags->fix, "NAME=NUMBER, e.g. alpha=1: hold a parameter (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--min-x", flags->selection.min_x, "window: leave out rows with a smaller x");
  app.add_option("--max-x", flags->selection.max_x, "window: leave out rows with a larger x");
  app.add_option("--drop-highest", flags->selection.drop_highest, "k: keep losses strictly below the k-th highest");
  app.add_option("--bootstrap", flags->bootstrap,
                 "resamples for the intervals; 0 = intervals of the regression (default: width 1000, power 0)");
  app.add_option("--seed", flags->seed, "seed of the resampling")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return run_fit(*flags); };
}

}  // namespace superpose::cli
