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

void print_text(const Flags& flags, const study::Inspections& out) {
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
  study::Inspections out;
  if (study::is_table_of_models(flags.paths[0])) {
    out.comparison = study::compare_table_file(flags.paths);
    out.body = {{"compare", study::to_json(*out.comparison)}};
  } else {
    ProgressLine progress("inspect");
    flags.options.progress = [&](std::string_view what, double done) {
      progress.update(done, std::string(what), progress.eta(done));
    };
    const auto compare = flags.no_compare ? std::optional(false) : flags.compare ? std::optional(true) : std::nullopt;
    out = study::inspect_paths(flags.paths, flags.options, compare);
  }
  const Json config = study::config_json(flags.paths, flags.options, out.comparison.has_value());
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
      ->allow_extra_args(false);
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
