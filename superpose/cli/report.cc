// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  std::vector<std::string> files;
  std::string out = "report.html", title, results, data;
  bool json = false;
};

// What a script wants to know of the page: the summary and each figure without its points.
Json outline(const Json& page) {
  Json figures = Json::array();
  for (const Json& figure : page["figures"]) {
    figures.push_back({{"id", figure["id"]},
                       {"title", figure["title"]},
                       {"caption", figure["caption"]},
                       {"interval", figure["interval"]},
                       {"ranges", figure["ranges"]},
                       {"empty", figure["empty"] == "" ? Json(nullptr) : figure["empty"]}});
  }
  return {{"title", page["title"]},
          {"summary", page["summary"]},
          {"claims", page["claims"]},
          {"figures", figures},
          {"notes", page["notes"]}};
}

// The full data, into a folder that is made where it is missing. Returns the number of files.
size_t write_data(const std::filesystem::path& folder, const report::Inputs& inputs) {
  std::error_code failed;
  std::filesystem::create_directories(folder / "figures", failed);
  if (failed)
    throw Error(ErrorKind::io, fmt::format("{}: cannot make this folder: {}", folder.string(), failed.message()));
  size_t files = 0;
  report::for_each_data_file(inputs, [&](const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    ++files;
  });
  return files;
}

int write_page(const Flags& flags) {
  const report::Inputs inputs = study::report_inputs(flags.files, flags.title, flags.results);
  const auto [page, data] = report::render_with_data(inputs);
  write_file(flags.out, page);
  const size_t files = flags.data.empty() ? 0 : write_data(flags.data, inputs);
  if (flags.json) {
    Json body{{"out", flags.out}, {"bytes", page.size()}};
    body.update(outline(data));
    print_json("report",
               {{"files", flags.files},
                {"out", flags.out},
                {"title", data["title"]},
                {"data", flags.data.empty() ? Json(nullptr) : Json(flags.data)},
                {"results", flags.results.empty() ? Json(nullptr) : Json(flags.results)}},
               body);
    return 0;
  }
  for (const Json& sentence : data["summary"]["sentences"]) fmt::print("{}\n", sentence.get<std::string>());
  fmt::print("Page: {} ({} kB); open it in a browser.\n", flags.out, (page.size() + 999) / 1000);
  if (files > 0) fmt::print("Full data: {} files in {}\n", files, flags.data);
  return 0;
}

}  // namespace

Action declare_report(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("FILE", flags->files,
                 "run stores (SQLite files; several are merged), and JSON that inspect, fit or forecast --json printed")
      ->required();
  app.add_option("-o,--out", flags->out, "the page to write")->capture_default_str();
  app.add_option("--title", flags->title, "its title (default: from the store's study)");
  app.add_option("--results", flags->results,
                 "recorded runs to draw where the store has none: a table that ls --csv wrote, or builtin");
  app.add_option("--data", flags->data,
                 "folder for the full data beside the page: runs.jsonl, curves.csv, each figure as CSV");
  app.add_flag("--json", flags->json, "print one JSON object: where the page is, its summary, claims and figures");
  return [flags] { return write_page(*flags); };
}

}  // namespace superpose::cli
