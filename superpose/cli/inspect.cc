// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/inspect_text.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/report/report.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  std::vector<std::string> paths;
  study::InspectOptions options;
  std::string tensor, counts, tokenizer, page;
  bool compare = false, no_compare = false, verbose = false, json = false;
};

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json config_of(const Flags& flags) {
  const auto& o = flags.options;
  return {{"paths", flags.paths},
          {"tensor", or_null(flags.tensor)},
          {"all", o.all},
          {"transpose", o.transpose},
          {"quick", o.quick},
          {"exact", o.exact},
          {"max_exact_pairs", o.max_exact_pairs ? Json(*o.max_exact_pairs) : Json(nullptr)},
          {"sampled_pairs", o.sampled_pairs},
          {"seed", o.seed},
          {"counts", or_null(flags.counts)},
          {"top", o.top},
          {"tokenizer", or_null(flags.tokenizer)},
          {"tokens", o.tokens},
          {"centered", o.centered_crowding},
          {"compare", flags.compare}};
}

bool is_table(const std::string& path) { return path.ends_with(".csv") || path.ends_with(".tsv"); }

// A table of models measured elsewhere takes the place of checkpoints.
Json compared_table(const Flags& flags, study::Comparison& comparison) {
  const std::string& path = flags.paths[0];
  if (flags.paths.size() > 1) {
    throw Error(ErrorKind::usage, path + ": a table is compared alone, without other paths");
  }
  try {
    comparison = study::compare_table(fit::read_table(study::read_table_file(path), path));
  } catch (const Error& error) {
    throw std::string_view(error.what()).starts_with(path) ? error : error.in(path);
  }
  return {{"compare", study::to_json(comparison)}};
}

struct Outcome {
  Json body;
  std::optional<study::Comparison> comparison;
  std::vector<study::Inspection> inspections;
  std::vector<std::pair<std::string, Error>> errors;  // of single paths, where others went well
};

Outcome inspect_all(Flags& flags) {
  Outcome out;
  const std::vector<std::string> paths = study::expanded_paths(flags.paths);
  flags.compare = (flags.compare || paths.size() > flags.paths.size()) && !flags.no_compare;
  Json files = Json::array();
  ProgressLine progress("inspect");
  for (size_t k = 0; k < paths.size(); ++k) {
    study::InspectOptions options = flags.options;
    options.progress = [&](std::string_view what, double fraction) {
      const double done = (static_cast<double>(k) + fraction) / static_cast<double>(paths.size());
      progress.update(done, paths.size() > 1 ? fmt::format("{}/{} {}", k + 1, paths.size(), what) : std::string(what),
                      progress.eta(done));
    };
    try {
      out.inspections.push_back(study::inspect(paths[k], options));
      files.push_back(study::to_json(out.inspections.back()));
    } catch (const Error& error) {
      if (paths.size() == 1) throw;
      files.push_back(
          {{"path", paths[k]}, {"error", {{"kind", error_kind_name(error.kind())}, {"text", error.what()}}}});
      out.errors.emplace_back(paths[k], error);
    }
  }
  if (paths.size() == 1) {
    out.body = files[0];
  } else {
    out.body = Json{{"files", std::move(files)}};
  }
  if (flags.compare) {
    out.comparison = study::compare(out.inspections);
    out.body["compare"] = study::to_json(*out.comparison);
  }
  return out;
}

void print_text(const Flags& flags, const Outcome& out) {
  // A comparison of many is read as a table; each report is there with --verbose or without --compare.
  const bool each = !out.comparison || out.inspections.size() == 1 || flags.verbose;
  for (const auto& inspection : out.inspections) {
    if (each) fmt::print("{}{}", &inspection == out.inspections.data() ? "" : "\n", inspection_text(inspection));
    for (const auto& warning : inspection.warnings) {
      fmt::print(stderr, "superpose: {}: warning: {}\n", inspection.path, warning);
    }
    if (flags.verbose) {
      fmt::print(stderr, "superpose: {}: read {} of {} bytes ({:.3g} %)\n", inspection.path, inspection.bytes_read,
                 inspection.bytes_total,
                 inspection.bytes_total
                     ? 100.0 * static_cast<double>(inspection.bytes_read) / static_cast<double>(inspection.bytes_total)
                     : 0.0);
      if (inspection.traffic.requests > 0) {
        fmt::print(stderr, "superpose: {}: {} bytes came over the network in {} requests\n", inspection.path,
                   inspection.traffic.bytes, inspection.traffic.requests);
      }
    }
  }
  if (out.comparison)
    fmt::print("{}{}", each && !out.inspections.empty() ? "\n" : "", comparison_text(*out.comparison));
}

int inspect(Flags& flags) {
  if (!flags.tensor.empty()) flags.options.tensor = flags.tensor;
  if (!flags.counts.empty()) flags.options.counts = flags.counts;
  if (!flags.tokenizer.empty()) flags.options.tokenizer = flags.tokenizer;
  if (!flags.page.empty()) file_to_write(flags.page);  // before minutes of work
  Outcome out;
  if (is_table(flags.paths[0])) {
    flags.compare = true;
    out.comparison.emplace();
    out.body = compared_table(flags, *out.comparison);
  } else {
    out = inspect_all(flags);
  }
  const Json config = config_of(flags);
  if (flags.json) {
    print_json("inspect", config, out.body);
  } else {
    print_text(flags, out);
  }
  if (!flags.page.empty()) {
    Json whole{{"schema", "superpose.inspect/1"}, {"config", config}};
    whole.update(out.body);
    write_file(flags.page, report::render_inspection(whole));
    if (!flags.json) fmt::print("\nwritten: {}\n", flags.page);
  }
  for (const auto& [path, error] : out.errors) fmt::print(stderr, "superpose: error: {}\n", error.what());
  return out.errors.empty() ? 0 : exit_code(out.errors[0].second.kind());
}

}  // namespace

Action declare_inspect(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  auto& o = flags->options;
  app.add_option(
         "path", flags->paths,
         "files, model folders, folders of checkpoints of one run, hf:OWNER/NAME[@REVISION][:FILE], or one table of "
         "models "
         "(.csv with m and mean_sq_overlap). Files: safetensors, GGUF, PyTorch .bin/.pt, .npy/.npz, ONNX, HDF5, "
         "llama2.c, word2vec")
      ->required();
  app.add_option("--tensor", flags->tensor, "inspect this tensor instead of the head that is found");
  app.add_flag("--all", o.all, "every matrix of the file, not only head and embedding");
  app.add_flag("--transpose", o.transpose, "tokens are the columns of the tensor");
  app.add_flag("--quick", o.quick, "norms and the exact mean square overlap only: one pass over the matrix");
  app.add_flag("--exact", o.exact,
               "|cos| over all pairs of rows, however long that takes (default: all pairs if that takes a few seconds, "
               "else a sample)");
  app.add_option("--counts", flags->counts, "a table of token counts (lines: id count): what tokens seen in text say");
  app.add_option("--top", o.top, "with --counts: also the K most frequent tokens (default 100,300,1000,...,30000)")
      ->delimiter(',');
  app.add_option("--tokenizer", flags->tokenizer,
                 "what the ids spell: tokenizer.json, vocab.json, vocab.txt, *.tiktoken, tokenizer.bin, or a folder "
                 "with one (default: beside the weights)");
  app.add_option("--token", o.tokens, "nearest neighbours of this token, an id or its text; may be repeated")
      ->expected(1);
  app.add_option("--neighbors", o.neighbors, "neighbours listed for each token")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--crowded", o.crowded, "most crowded tokens listed")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_flag("--centered", o.centered_crowding,
               "remove the mean row before looking for neighbours and crowded tokens");
  app.add_flag("--compare", flags->compare,
               "a table over the paths: overlap against 1/m with its exponent, or norms and overlaps over training "
               "steps; duplicates and discontinuities");
  app.add_flag("--no-compare", flags->no_compare, "no such table for a folder of checkpoints");
  app.add_option("--max-exact-pairs", o.max_exact_pairs,
                 "|cos| over all pairs up to so many, else over a sample (default: as many as take a few seconds)");
  app.add_option("--sample-pairs", o.sampled_pairs, "pairs drawn where all are too many")
      ->check(CLI::Range(size_t{2}, size_t{4'000'000'000}))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of samples and shuffles")->capture_default_str();
  app.add_option("--threads", o.threads, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  app.add_option("-o,--output", flags->page,
                 "write a page with the figures: norms, overlaps, spectrum, crowding, comparison");
  app.add_flag("--verbose", flags->verbose, "say how many bytes were read; with --compare also each report");
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return inspect(*flags); };
}

}  // namespace superpose::cli
