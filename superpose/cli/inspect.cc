// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  std::vector<std::string> paths;
  std::string tensor;
  bool json = false;
};

// "0.0087258 = 3.351/m": beside 1/m, the level of random directions, a mean square overlap can be read.
std::string beside_random(const std::optional<double>& mean_square, size_t m) {
  if (!mean_square) return "-";
  return fmt::format("{} = {}/m", number(mean_square), number(*mean_square * static_cast<double>(m)));
}

std::string absolute_text(const geometry::Overlap& o) {
  if (!o.mean_abs) return "-";
  if (o.sampled) return fmt::format("{} ± {} (a sample of pairs)", number(o.mean_abs), number(o.mean_abs_se, 2));
  return fmt::format("{}, std {}, largest {}", number(o.mean_abs), number(o.std_abs), number(o.max_abs));
}

std::string percent(const std::optional<double>& fraction) { return fraction ? number(100 * *fraction) + " %" : "-"; }

void print_matrix(const study::MatrixReport& r) {
  const auto& norm = r.norm;
  fmt::print("\n{}  {} x {}  {}, {}{}\n  chosen because: {}\n", r.tensor, r.n, r.m, r.dtype, r.role,
             r.tied ? " tied to the embedding" : "", r.evidence);
  const std::string some = r.n ? fmt::format("mean {}, std {}, from {} to {}", number(norm.mean), number(norm.std),
                                             number(norm.min), number(norm.max))
                               : "-";
  const std::vector<std::vector<std::string>> rows{
      {"  row norms", some},
      {"  rows with norm > 1/2, > 1", percent(r.phi_half) + ", " + percent(r.phi_one)},
      {"  zero rows", fmt::format("{}", r.zero_rows)},
      {"  mean square overlap", beside_random(r.overlap.mean_square, r.m)},
      {"    without the mean row", beside_random(r.overlap_centered.mean_square, r.m)},
      {"    of random directions", beside_random(r.random_mean_square, r.m)},
      {"    least possible (Welch)", beside_random(r.welch_bound_mean_square, r.m)},
      {"  mean |cos|", absolute_text(r.overlap)},
      {"    without the mean row", absolute_text(r.overlap_centered)},
      {"  effective rank", fmt::format("{} of {}", number(r.effective_rank), std::min(r.n, r.m))},
      {"  participation ratio", number(r.participation_ratio)}};
  size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row[0].size());
  for (const auto& row : rows) fmt::print("{:<{}}  {}\n", row[0], width, row[1]);
  fmt::print("  superposition: {}\n    {}\n",
             r.judgement.regime == study::Regime::cannot_tell ? "cannot tell" : study::regime_name(r.judgement.regime),
             r.judgement.because);
}

int inspect(const Flags& flags) {
  study::InspectOptions options;
  if (!flags.tensor.empty()) options.tensor = flags.tensor;
  const Json config{{"paths", flags.paths},
                    {"tensor", flags.tensor.empty() ? Json(nullptr) : Json(flags.tensor)},
                    {"max_exact_pairs", options.max_exact_pairs},
                    {"sampled_pairs", options.sampled_pairs},
                    {"seed", options.seed}};
  Json files = Json::array();
  for (const std::string& path : flags.paths) {
    const study::Inspection inspection = study::inspect(path, options);
    if (flags.json) {
      files.push_back(study::to_json(inspection));
      continue;
    }
    fmt::print("{}{} ({})\n", &path == flags.paths.data() ? "" : "\n", inspection.path, inspection.format);
    for (const auto& report : inspection.matrices) print_matrix(report);
    for (const auto& warning : inspection.warnings) fmt::print(stderr, "superpose: {}: warning: {}\n", path, warning);
  }
  if (flags.json) print_json("inspect", config, files.size() == 1 ? files[0] : Json{{"files", files}});
  return 0;
}

}  // namespace

Action declare_inspect(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("path", flags->paths, "files (safetensors, .npy, llama2.c .bin) or model folders")->required();
  app.add_option("--tensor", flags->tensor, "inspect this tensor instead of the head that is found");
  app.add_flag("--json", flags->json, "one JSON object on stdout");
  return [flags] { return inspect(*flags); };
}

}  // namespace superpose::cli
