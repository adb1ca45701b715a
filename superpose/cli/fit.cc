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
  std::string table;
  fit::Request request;
  std::map<std::string, std::string> columns;  // input -> flag's value, "" = not given
  std::string group;                           // comma-separated
  std::vector<std::string> fix, units;
  std::string page;
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

int run_fit(FitFlags flags) {
  if (!flags.page.empty()) file_to_write(flags.page);  // before seconds of work
  fit::Request& request = flags.request;
  request.selection.group = split(flags.group);
  request.selection.units = parse_numbers(flags.units, "unit", "--unit D=1e6");
  for (const auto& [input, column] : flags.columns) {
    if (!column.empty()) request.selection.columns[input] = column;
  }
  const fit::Table table = fit::read_table(study::read_table_file(flags.table), flags.table);
  request.fixed = parse_numbers(flags.fix, "fix", "--fix alpha=1");
  fit::Answer answer;
  {
    ProgressLine progress("fit");
    request.progress = [&](int done, int total) {
      const double fraction = static_cast<double>(done) / total;
      progress.update(fraction, fmt::format("{}/{} resamples", done, total), progress.eta(fraction));
    };
    answer = fit::fit(table, flags.table, request);
  }
  const Json body = fit::to_json(answer), config = fit::config_json(flags.table, answer);
  if (flags.json) {
    print_json("fit", config, body);
  } else {
    fmt::print("{}", fit_text(answer.law, answer.selected, answer.result));
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
  auto& r = flags->request;
  auto& s = r.selection;
  app.add_option("table", flags->table,
                 "CSV or TSV with a header line ('#' begins a comment), JSON, JSON Lines, or the name of a built-in "
                 "table: published/fig8b_llm_losses.csv, ...")
      ->required();
  app.add_option("--law", r.law, known + "or a formula over columns: 'E + A*m^-a + B*log(D)' (log is natural)")
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
  app.add_option("--objective", r.objective,
                 "ls, log-ls, huber, log-huber, absolute, log-absolute (default: the law's)");
  app.add_option("--delta", r.delta, "threshold of Huber's loss")->capture_default_str();
  app.add_option(
         "--interval", r.interval,
         "which kind ci95 is: profile, bootstrap, t (default: bootstrap with --cluster, --bootstrap or a robust "
         "objective, else profile)")
      ->check(CLI::IsMember({"auto", "profile", "bootstrap", "t"}));
  app.add_option("--bootstrap", r.bootstrap, "resamples; 0 = none (default: 1000; power 0; 0 above 100000 rows)");
  app.add_option("--seed", r.seed, "seed of the resampling")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("-o,--out", flags->page, "write a page (fit.html) or, for NAME.json, what --json prints");
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return run_fit(*flags); };
}

}  // namespace superpose::cli
