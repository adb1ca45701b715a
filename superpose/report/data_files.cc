// SPDX-License-Identifier: Apache-2.0
// The full data of a page as files: nothing decimated, nothing rounded.
#include <fmt/format.h>

#include <cmath>

#include "superpose/report/page.h"

namespace superpose::report {
namespace {

// RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe.
std::string csv_text(const std::string& text) {
  std::string out =
      !text.empty() && std::string_view("=+@-\t\r").find(text[0]) != std::string_view::npos ? "'" + text : text;
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  for (size_t at = 0; (at = out.find('"', at)) != std::string::npos; at += 2) out.insert(at, "\"");
  return '"' + out + '"';
}

std::string csv_number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

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

std::string roles_name(Role role) {
  return role == Role::ours ? "ours" : role == Role::fit ? "fit" : role == Role::published ? "published" : "theory";
}

std::string figure_csv(const Figure& figure) {
  std::string out = "panel,series,source,x,to,y,value,low,high,alpha_or_law,decay,dim,density,seed,runs,note\n";
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) {
        const Setting& at = point.at;
        const std::string head = csv_text(panel.title) + "," + csv_text(series.key) + "," + roles_name(series.role);
        const std::string where = (at.alpha ? csv_number(at.alpha) : csv_text(at.law)) + "," + csv_number(at.decay) +
                                  "," + csv_number(at.m) + "," + csv_number(at.density);
        const std::string low = point.interval ? csv_number(point.interval->first) : "";
        const std::string high = point.interval ? csv_number(point.interval->second) : "";
        out += fmt::format("{},{},{},{},{},{},{},{},,{},{}\n", head, csv_number(point.x), csv_number(point.x2),
                           csv_number(point.y), csv_number(point.z), low, high, where, csv_text(id_ranges(point.runs)),
                           csv_text(point.note));
        for (const auto& [seed, value] : point.seeds) {
          out += fmt::format("{},{},,{},{},,,{},{},,\n", head, csv_number(point.x),
                             point.z ? csv_number(point.y) : csv_number(value), point.z ? csv_number(value) : "", where,
                             seed);
        }
      }
    }
  }
  return out;
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

}  // namespace superpose::report
