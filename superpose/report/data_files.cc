// SPDX-License-Identifier: Apache-2.0
// The full data of a page as files: nothing decimated, nothing rounded.
#include <fmt/format.h>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/report/figure_csv.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

std::string line_of(const store::Run& run) {
  const Json out{{"id", run.recorded ? Json(nullptr) : Json(id_text(run.id))},
                 {"recorded", run.recorded},
                 {"key", run.key},
                 {"kind", run.kind},
                 {"status", run.status},
                 {"config", run.config},
                 {"result", run.result},
                 {"error", run.error.empty() ? Json(nullptr) : Json(run.error)},
                 {"version", run.version},
                 {"seconds", run.seconds},
                 {"started_at", run.started_at},
                 {"finished_at", run.finished_at}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void add_curve(const store::Run& run, std::string& out) {
  const Json& curve = member(run.result, "curve");
  if (!curve.is_array()) return;
  for (const Json& pair : curve) {
    const std::vector<double> one = finite_numbers(pair);
    if (one.size() == 2) out += fmt::format("{},{},{}\n", id_text(run.id), one[0], one[1]);
  }
}

constexpr const char* kReadme =
    "The full data of a report page of superpose, nothing rounded and nothing left out.\n"
    "\n"
    "runs.jsonl     one run per line: its configuration and its whole result, as the store holds them\n"
    "curves.csv     run, step, loss: the loss curves of all runs\n"
    "claims.json    the claims ledger, where the store has one\n"
    "figures/*.csv  what each figure draws; a line with a seed is one of the values behind the line above it\n";

}  // namespace

void for_each_data_file(const Inputs& inputs,
                        const std::function<void(const std::string&, const std::string&)>& write) {
  const Page page = make_page(inputs);
  std::string runs, curves = "run,step,loss\n";
  for (const std::vector<store::Run>* list : {&inputs.runs, &inputs.recorded}) {
    for (const store::Run& run : *list) {
      runs += line_of(run);
      if (!run.recorded) add_curve(run, curves);
    }
  }
  write("README.txt", kReadme);
  write("runs.jsonl", runs);
  write("curves.csv", curves);
  if (!page.claims.empty()) {
    Json claims = Json::array();
    for (const Claim& claim : page.claims) claims.push_back(claim.value);
    write("claims.json", claims.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  for (const Figure* figure : figures_of(page)) write("figures/" + figure->id + ".csv", figure_csv(*figure));
}

size_t write_data(const Inputs& inputs, const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder / "figures", failed);
  if (failed)
    throw Error(ErrorKind::io, fmt::format("{}: cannot make this folder: {}", folder.string(), failed.message()));
  size_t files = 0;
  for_each_data_file(inputs, [&](const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    ++files;
  });
  return files;
}

}  // namespace superpose::report
