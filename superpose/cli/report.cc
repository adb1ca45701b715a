// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "superpose/base/files.h"
#include "superpose/cli/output.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  std::string store, out = "report.html", title, results;
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

int write_page(const Flags& flags) {
  const store::Store store(flags.store, store::Mode::read_only);
  const report::Inputs inputs = study::report_inputs(store, flags.title, flags.results);
  const std::string page = report::render(inputs);
  write_file(flags.out, page);
  const Json data = report::page_data(inputs);
  if (flags.json) {
    Json body{{"out", flags.out}, {"bytes", page.size()}};
    body.update(outline(data));
    print_json("report",
               {{"store", flags.store},
                {"out", flags.out},
                {"title", data["title"]},
                {"results", flags.results.empty() ? Json(nullptr) : Json(flags.results)}},
               body);
    return 0;
  }
  for (const Json& sentence : data["summary"]["sentences"]) fmt::print("{}\n", sentence.get<std::string>());
  fmt::print("Page: {} ({} kB); open it in a browser.\n", flags.out, (page.size() + 999) / 1000);
  return 0;
}

}  // namespace

Action declare_report(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("store", flags->store, "the run store (one SQLite file)")->required();
  app.add_option("-o,--out", flags->out, "the page to write")->capture_default_str();
  app.add_option("--title", flags->title, "its title (default: from the store's study)");
  app.add_option("--results", flags->results,
                 "recorded runs to draw where the store has none: a table that ls --csv wrote, or builtin");
  app.add_flag("--json", flags->json, "print one JSON object: where the page is, its summary, claims and figures");
  return [flags] { return write_page(*flags); };
}

}  // namespace superpose::cli
