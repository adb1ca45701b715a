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
  std::string figures, formats = "svg,pdf";  // figures: the folder for them; empty = none
  bool page = true, json = false;
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

Json files_json(const std::vector<report::WrittenFigure>& figures) {
  Json out = Json::array();
  for (const report::WrittenFigure& figure : figures) {
    for (const report::FigureFile& file : figure.files) {
      out.push_back({{"figure", figure.id}, {"format", file.format}, {"path", file.path}, {"bytes", file.bytes}});
    }
  }
  return out;
}

void print_files(const std::string& folder, const std::vector<report::WrittenFigure>& figures) {
  size_t bytes = 0, files = 0;
  for (const report::WrittenFigure& figure : figures) {
    if (figure.files.empty()) {
      fmt::print("{}: not drawn, there is nothing to draw. {}\n", figure.id, figure.empty);
    } else if (!figure.ours) {
      fmt::print("{}: no run of ours in it, only what is published, fits of that, and theory.{}{}\n", figure.id,
                 figure.empty.empty() ? "" : " ", figure.empty);
    }
    for (const report::FigureFile& file : figure.files) bytes += file.bytes, ++files;
  }
  fmt::print("Figures: {} files in {} ({} kB).\n", files, folder, (bytes + 999) / 1000);
}

int write_report(const Flags& flags) {
  const auto formats = report::figure_formats(flags.formats);
  const report::Inputs inputs = study::report_inputs(flags.files, flags.title, flags.results);
  const auto [page, data] = report::render_with_data(inputs);
  if (flags.page) write_file(flags.out, page);
  std::vector<report::WrittenFigure> figures;
  if (!flags.figures.empty()) figures = report::write_figures(inputs, flags.figures, formats);
  const size_t files = flags.data.empty() ? 0 : report::write_data(inputs, flags.data);
  const auto or_null = [](bool there, const Json& value) { return there ? value : Json(nullptr); };
  if (flags.json) {
    Json body{{"out", or_null(flags.page, flags.out)}, {"bytes", or_null(flags.page, page.size())}};
    body.update(outline(data));
    body["files"] = files_json(figures);
    print_json("report",
               {{"files", flags.files},
                {"out", or_null(flags.page, flags.out)},
                {"title", data["title"]},
                {"data", or_null(!flags.data.empty(), flags.data)},
                {"results", or_null(!flags.results.empty(), flags.results)},
                {"figures", or_null(!flags.figures.empty(), flags.figures)},
                {"formats", or_null(!flags.figures.empty(), formats)}},
               body);
    return 0;
  }
  for (const Json& sentence : data["summary"]["sentences"]) fmt::print("{}\n", sentence.get<std::string>());
  if (flags.page) fmt::print("Page: {} ({} kB); open it in a browser.\n", flags.out, (page.size() + 999) / 1000);
  if (!flags.figures.empty()) print_files(flags.figures, figures);
  if (files > 0) fmt::print("Full data: {} files in {}\n", files, flags.data);
  return 0;
}

}  // namespace

Action declare_report(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("FILE", flags->files,
                 "run stores (SQLite files; several are merged), and JSON that inspect, fit or forecast --json printed")
      ->required();
  const CLI::Option* const out = app.add_option("-o,--out", flags->out, "the page to write")->capture_default_str();
  app.add_option("--title", flags->title, "its title (default: from the store's study)");
  app.add_option("--results", flags->results,
                 "recorded runs to draw where the store has none: a table that ls --csv wrote, or builtin");
  app.add_option("--data", flags->data,
                 "folder for the full data beside the page: runs.jsonl, curves.csv, each figure as CSV");
  CLI::Option* const figures = app.add_option(
      "--figures", flags->figures,
      "write each figure as files for a paper into this folder (made if absent); the page then only with -o");
  app.add_option("--format", flags->formats, "formats of --figures: svg, pdf, png (300 dpi), csv (the numbers)")
      ->capture_default_str()
      ->needs(figures);
  app.add_flag("--json", flags->json,
               "print one JSON object: where the page and the files are, its summary, claims and figures");
  return [flags, out, figures] {
    if (figures->count() > 0 && flags->figures.empty()) {
      throw Error(ErrorKind::usage, "--figures: the folder's name is empty; give one, such as figures");
    }
    flags->page = figures->count() == 0 || out->count() > 0;
    return write_report(*flags);
  };
}

}  // namespace superpose::cli
