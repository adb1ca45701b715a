// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/fit_text.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/fit/fit.h"
#include "superpose/report/report.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct FitFlags {
  std::string table, law;
  fit::Selection selection;
  std::map<std::string, std::string> columns;  // input -> flag's value, "" = not given
  std::string group;                           // comma-separated
  std::vector<std::string> fix, units;
  std::string objective, interval = "auto", page;
  std::optional<int> bootstrap;
  double delta = 1e-3;
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

// NAME=NUMBER words. A word may hold several behind commas; a group name may hold commas and '=' of its own.
std::map<std::string, double> parse_numbers(const std::vector<std::string>& words, const char* flag,
                                            const char* example) {
  std::map<std::string, double> out;
  for (const auto& word : words) {
    size_t begin = 0;
    while (begin <= word.size()) {
      const size_t equals = word.find('=', begin);
      // The last "=number" before the next comma that is followed by another NAME=NUMBER.
      size_t end = word.size();
      double value = 0;
      bool good = false;
      for (size_t at = equals; at != std::string::npos && !good; at = word.find('=', at + 1)) {
        const char* const first = word.data() + at + 1;
        const auto parsed = std::from_chars(first, word.data() + word.size(), value);
        const auto stop = static_cast<size_t>(parsed.ptr - word.data());
        good = at > begin && parsed.ec == std::errc() && std::isfinite(value) &&
               (stop == word.size() || word[stop] == ',');
        if (!good) continue;
        end = stop;
        if (!out.emplace(word.substr(begin, at - begin), value).second) {
          throw Error(ErrorKind::usage,
                      fmt::format("{0}: --{0} {1}: {2} is given twice", flag, word, word.substr(begin, at - begin)));
        }
      }
      if (!good)
        throw Error(ErrorKind::usage,
                    fmt::format("{0}: --{0} {1}: expected NAME=NUMBER, e.g. {2}", flag, word, example));
      begin = end + 1;
    }
  }
  return out;
}

fit::IntervalKind interval_kind(const std::string& name) {
  return name == "profile"     ? fit::IntervalKind::profile
         : name == "bootstrap" ? fit::IntervalKind::bootstrap
         : name == "t"         ? fit::IntervalKind::asymptotic
                               : fit::IntervalKind::automatic;
}

Json resolved_config(const FitFlags& flags, const fit::Law& law, const fit::Selected& selected,
                     const fit::Options& options) {
  const auto& s = flags.selection;
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  return {{"table", flags.table},
          {"law", flags.law},
          {"columns", Json(selected.columns)},
          {"x", selected.x},
          {"y", selected.y},
          {"group", s.group},
          {"cluster", text_or_null(s.cluster)},
          {"weight", text_or_null(s.weight)},
          {"se", text_or_null(s.se)},
          {"units", Json(s.units)},
          {"where", s.where},
          {"min_x", or_null(s.min_x)},
          {"max_x", or_null(s.max_x)},
          {"drop_highest", s.drop_highest},
          {"fix", Json(options.fixed)},
          {"objective", fit::objective_name(law.objective)},
          {"delta", options.delta},
          {"interval", flags.interval},
          {"bootstrap", options.bootstrap},
          {"seed", options.seed}};
}

// A name of the table of laws, or a formula over the table's columns.
fit::Law law_of(const std::string& text, const fit::Table& table, const fit::Selection& selection) {
  if (text.find_first_of("+-*/^( ") == std::string::npos || text.find_first_of("+*/^(") == std::string::npos) {
    return fit::find_law(text);
  }
  return fit::expression_law(text, fit::input_names(table, selection));
}

fit::Options options_of(const FitFlags& flags, const fit::Law& law, const fit::Data& data) {
  fit::Options out;
  out.fixed = parse_numbers(flags.fix, "fix", "--fix alpha=1");
  out.seed = flags.seed;
  out.delta = flags.delta;
  out.objective = law.objective;
  out.bootstrap = flags.bootstrap.value_or(fit::default_bootstrap(law, data));
  out.interval = interval_kind(flags.interval);
  // Asked for resamples, told that rows belong together, or a robust objective: then the bootstrap is the interval.
  // docs/fitting.md "Which interval".
  const bool squares = law.objective == fit::Objective::squares || law.objective == fit::Objective::log_squares;
  if (out.interval == fit::IntervalKind::automatic && !flags.bootstrap && data.cluster.empty() && squares) {
    out.interval = fit::IntervalKind::profile;
  }
  return out;
}

int run_fit(FitFlags flags) {
  if (!flags.page.empty()) file_to_write(flags.page);  // before seconds of work
  flags.selection.group = split(flags.group);
  flags.selection.units = parse_numbers(flags.units, "unit", "--unit D=1e6");
  for (const auto& [input, column] : flags.columns) {
    if (!column.empty()) flags.selection.columns[input] = column;
  }
  const std::string text = study::read_table_file(flags.table);
  fit::Law law;
  fit::Selected selected;
  try {
    const fit::Table table = fit::read_table(text, flags.table);
    law = law_of(flags.law, table, flags.selection);
    if (flags.selection.columns.contains("x") && flags.selection.columns.contains(law.inputs[0])) {
      throw Error(ErrorKind::usage,
                  fmt::format("fit: --x is the law's first input, {0}, and --{0} is given too", law.inputs[0]));
    }
    if (!flags.objective.empty()) law.objective = fit::find_objective(flags.objective);
    selected = fit::select(table, law, flags.selection);
    for (const auto& input : law.inputs) {
      const auto column = selected.columns.find(input);
      if (column == selected.columns.end() || column->second != selected.y) continue;
      throw Error(ErrorKind::usage, fmt::format("fit: column {} is y and the input {} too", selected.y, input));
    }
  } catch (const Error& e) {
    throw std::string_view(e.what()).starts_with(flags.table) ? e : e.in(flags.table);
  }
  fit::Options options = options_of(flags, law, selected.data);
  fit::Result result;
  {
    ProgressLine progress("fit");
    options.progress = [&](int done, int total) {
      const double fraction = static_cast<double>(done) / total;
      progress.update(fraction, fmt::format("{}/{} resamples", done, total), progress.eta(fraction));
    };
    result = law.fit(selected.data, options);
  }
  // A law of the width fitted over something else says nothing about the width.
  for (const auto& [input, column] : selected.columns) {
    if (input != "m" && selected.columns.contains("m") && selected.columns.at("m") == column && input != "d") {
      result.inverse_width.reset();
    }
  }
  Json body = fit::to_json(result);
  body["rows_read"] = selected.rows_read;
  body["notes"] = selected.notes;
  body["data"] = fit::to_json(law, selected.data);
  const Json config = resolved_config(flags, law, selected, options);
  if (flags.json) {
    print_json("fit", config, body);
  } else {
    fmt::print("{}", fit_text(law, selected, result));
  }
  if (!flags.page.empty()) {
    Json whole = json_object("fit", config, body);
    const bool page = !flags.page.ends_with(".json");
    write_file(flags.page, page ? report::render_fit(whole) : whole.dump(1) + "\n");
    if (!flags.json) fmt::print("\nwritten: {}\n", flags.page);
  }
  return 0;
}

}  // namespace

Action declare_fit(CLI::App& app) {
  auto flags = std::make_shared<FitFlags>();
  std::string known;
  for (const auto& law : fit::laws()) known += fmt::format("{}: {}; ", law.name, law.formula);
  auto& s = flags->selection;
  app.add_option("table", flags->table,
                 "CSV or TSV with a header line ('#' begins a comment), JSON, JSON Lines, or the name of a built-in "
                 "table: published/fig8b_llm_losses.csv, ...")
      ->required();
  app.add_option("--law", flags->law, known + "or a formula over columns: 'E + A*m^-a + B*log(D)' (log is natural)")
      ->required();
  app.add_option("--x", flags->columns["x"], "column of the law's first input");
  app.add_option("--m,--width", flags->columns["m"], "column of the width");
  app.add_option("--depth,--l", flags->columns["l"], "column of the depth");
  app.add_option("--N", flags->columns["N"], "column of the parameters");
  app.add_option("--D", flags->columns["D"], "column of the tokens trained on");
  app.add_option("--C", flags->columns["C"], "column of the training FLOPs; without tokens D = C/(6N)");
  app.add_option("--V", flags->columns["V"], "column of the vocabulary size");
  app.add_option("--d", flags->columns["d"], "column of the embedding width, law vocab");
  app.add_option("--H", flags->columns["H"], "column of the characters trained on, law vocab");
  app.add_option("--t", flags->columns["t"], "column of the step or the tokens seen, law time");
  app.add_option("--y", s.y, "column of the loss (default: loss, y, ...)");
  app.add_option("--group", flags->group, "columns A,B: one floor for each of their combinations");
  app.add_option("--cluster", s.cluster, "column: rows that share its value are resampled together");
  app.add_option("--weight", s.weight, "column of weights of the rows");
  app.add_option("--se", s.se, "column of standard errors of the loss: weights 1/se²");
  app.add_option("--unit", flags->units, "INPUT=NUMBER, e.g. D=1e6: count D in millions (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--fix", flags->fix, "NAME=NUMBER, e.g. alpha=1 or a_m=1,a_l=1: hold parameters (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--where", s.where,
                 "rows to use: 'm>=512', \"family=='opt'\", \"name=~'Qwen'\" (repeatable: all must hold)")
      ->allow_extra_args(false);
  app.add_option("--min-x", s.min_x, "window: leave out rows with a smaller first input");
  app.add_option("--max-x", s.max_x, "window: leave out rows with a larger first input");
  app.add_option("--drop-highest", s.drop_highest, "k: keep losses strictly below the k-th highest");
  app.add_option("--objective", flags->objective,
                 "ls, log-ls, huber, log-huber, absolute, log-absolute (default: the law's)");
  app.add_option("--delta", flags->delta, "threshold of Huber's loss")->capture_default_str();
  app.add_option(
         "--interval", flags->interval,
         "which kind ci95 is: profile, bootstrap, t (default: bootstrap with --cluster, --bootstrap or a robust "
         "objective, else profile)")
      ->check(CLI::IsMember({"auto", "profile", "bootstrap", "t"}));
  app.add_option("--bootstrap", flags->bootstrap, "resamples; 0 = none (default: 1000; power 0; 0 above 100000 rows)");
  app.add_option("--seed", flags->seed, "seed of the resampling")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("-o,--out", flags->page, "write a page (fit.html) or, for NAME.json, what --json prints");
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return run_fit(*flags); };
}

}  // namespace superpose::cli
