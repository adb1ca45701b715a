// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "superpose/base/base.h"
#include "superpose/cli/output.h"
#include "superpose/cli/sweep_progress.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Options {
  study::StudyOptions study;
  std::vector<std::string> words, checkpoints;
  std::string out = "superpose-out", store;
  bool json = false;
};

std::string published_text(const Json& published, double tolerance) {
  std::string text = published.is_array() ? fmt::format("{} to {}", number(published[0].get<double>(), 3),
                                                        number(published[1].get<double>(), 3))
                                          : number(published.get<double>());
  return tolerance > 0 ? fmt::format("{} ± {}", text, number(tolerance, 3)) : text;
}

std::string verdict_text(const std::string& verdict, bool colour) {
  const char* code = verdict == "confirmed" ? "32" : verdict == "denied" ? "31" : "33";
  const char* mark = verdict == "confirmed" ? "✓ confirmed" : verdict == "denied" ? "✗ denied" : "? cannot tell";
  return colour ? fmt::format("\033[{}m{}\033[0m", code, mark) : mark;
}

// Words of `text` in lines of at most `width` code points, each behind `indent`.
std::string wrapped(const std::string& text, const std::string& indent, size_t width) {
  std::string out, line;
  size_t used = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const auto length =
        static_cast<size_t>(std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    if (used > 0 && used + 1 + length > width) {
      out += indent + line + '\n';
      line.clear();
      used = 0;
    }
    line += (used ? " " : "") + word;
    used += length + (used ? 1 : 0);
    at = end + 1;
  }
  return line.empty() ? out : out + indent + line + '\n';
}

void print_ledger(const std::vector<study::Claim>& claims) {
  const bool colour = colour_stdout();
  for (const auto& c : claims) {
    fmt::print("{:<5} {}  {}\n", c.id, verdict_text(c.verdict, colour), c.claim);
    std::string numbers =
        c.quantity + ": published " + published_text(c.published, c.tolerance) + ", measured " + number(c.measured);
    if (c.ci95) numbers += fmt::format(" [{}, {}]", number(c.ci95->first, 3), number(c.ci95->second, 3));
    fmt::print("{}{}", wrapped(numbers, "      ", 110), wrapped(c.because, "      ", 110));
    fmt::print("      $ {}\n\n", c.command);
  }
  size_t confirmed = 0, denied = 0;
  for (const auto& c : claims) confirmed += c.verdict == "confirmed", denied += c.verdict == "denied";
  fmt::print(
      "{} claims: {} confirmed, {} denied, {} cannot be told from what was run. A denied claim is a finding.\n"
      "How to read this: docs/claims.md; the rule and the tolerances: studies/tolerances.yaml.\n",
      claims.size(), confirmed, denied, claims.size() - confirmed - denied);
}

// "seed=range(3)" is an override; anything else has to be there as a file or folder.
void sort_words(Options& o) {
  for (const std::string& word : o.words) {
    if (word.find('=') != std::string::npos && !std::filesystem::exists(word)) {
      o.study.overrides.push_back(word);
    } else if (std::filesystem::exists(word)) {
      o.checkpoints.push_back(word);
    } else {
      throw Error(ErrorKind::io, word + ": no such checkpoint file or folder, and not a key=value override");
    }
  }
}

int run_verb(Options& o) {
  ProgressLine line("study");
  const StopOnSignal signals;
  o.study.out = o.out;
  o.study.store = o.store;
  sort_words(o);
  o.study.checkpoints.assign(o.checkpoints.begin(), o.checkpoints.end());
  if (o.study.jobs == 0) o.study.jobs = available_cores();
  o.study.stop = signals.flag();
  o.study.on_progress = show_progress(line);
  o.study.on_stage = [](const std::string& text) { fmt::print(stderr, "study: {}\n", text); };
  const study::StudyResult result = study::run_study(o.study);
  for (const std::string& failure : result.failures) fmt::print(stderr, "study: {}\n", failure);
  if (o.json) {
    print_json("study",
               {{"study", o.study.study},
                {"overrides", o.study.overrides},
                {"out", o.out},
                {"store", result.store.string()},
                {"checkpoints", o.checkpoints},
                {"results", o.study.results.empty() ? Json(nullptr) : Json(o.study.results)},
                {"jobs", o.study.jobs}},
               study::to_json(result));
  } else {
    print_ledger(result.claims);
    fmt::print("\n{} runs in {} ({} were already there). The page: {}\n", result.progress.done,
               duration(result.progress.seconds), result.progress.skipped,
               std::filesystem::absolute(result.report).string());
  }
  if (result.stopped) {
    fmt::print(stderr, "study: stopped; what was finished is kept in {}, and the same command goes on from there\n",
               result.store.string());
    return signals.exit_code();
  }
  return result.failures.empty() ? 0 : exit_code(ErrorKind::numeric);
}

}  // namespace

Action declare_study(CLI::App& verb) {
  auto options = std::make_shared<Options>();
  verb.add_option("STUDY", options->study.study,
                  "quick, paper, toy-models, end-of-law, ablation, or the path of a study file")
      ->capture_default_str();
  verb.add_option(
      "WORD", options->words,
      "key=value overrides a field of the study's grids, e.g. seed=range(3); a file or folder is a checkpoint");
  verb.add_option("--store", options->store, "run store (default: runs.sqlite in --out); finished runs in it are used");
  verb.add_option("--out", options->out, "folder for the page")->capture_default_str();
  verb.add_option("--checkpoint", options->checkpoints, "a model file or folder to inspect too; may be repeated")
      ->allow_extra_args(false);
  verb.add_option("--results", options->study.results,
                  "recorded runs to judge and draw where the store has none: a table that ls --csv wrote, or builtin");
  verb.add_option("--jobs", options->study.jobs, "runs at once (0: all cores)")->check(CLI::Range(0, 4096));
  verb.add_flag("--json", options->json, "print one JSON object");
  return [options] { return run_verb(*options); };
}

}  // namespace superpose::cli
