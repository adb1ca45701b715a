// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "superpose/cli/output.h"
#include "superpose/cli/run_text.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

constexpr size_t kLongestCell = 60;

// The config fields in which two runs differ, in the order in which they are first met.
std::vector<std::string> varying_fields(const std::vector<store::Run>& runs) {
  struct Seen {
    std::string text;
    size_t count = 0;
    bool varies = false;
  };
  std::vector<std::string> order;
  std::map<std::string, Seen> fields;
  for (const auto& run : runs) {
    if (!run.config.is_object()) continue;
    for (const auto& [name, value] : run.config.items()) {
      const auto [place, is_new] = fields.try_emplace(name, Seen{cell_text(value)});
      if (is_new) order.push_back(name);
      ++place->second.count;
      place->second.varies |= !is_new && place->second.text != cell_text(value);
    }
  }
  std::erase_if(order, [&](const std::string& name) {
    const Seen& seen = fields.at(name);
    return !seen.varies && seen.count == runs.size();
  });
  return order;
}

std::string shortened(const std::string& text) {
  if (text.size() <= kLongestCell) return text;
  size_t end = kLongestCell;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
  return text.substr(0, end) + "...";
}

std::string summary(const std::vector<store::Run>& runs) {
  std::map<std::string, int> counts;
  double seconds = 0;
  for (const auto& run : runs) ++counts[run.status], seconds += run.seconds;
  std::string list;
  for (const char* status : {"ok", "diverged", "failed", "running", "interrupted"}) {
    if (counts[status]) list += fmt::format("{}{} {}", list.empty() ? ": " : ", ", counts[status], status);
  }
  return fmt::format("{} run{}{}; {} of computing", runs.size(), runs.size() == 1 ? "" : "s", list, duration(seconds));
}

void print_table(const std::vector<store::Run>& runs) {
  const auto fields = varying_fields(runs);
  const bool several_kinds =
      std::any_of(runs.begin(), runs.end(), [&](const auto& run) { return run.kind != runs.front().kind; });
  const bool has_errors = std::any_of(runs.begin(), runs.end(), [](const auto& run) { return !run.error.empty(); });
  std::vector<std::string> header{"id", "status"};
  if (several_kinds) header.push_back("kind");
  header.insert(header.end(), fields.begin(), fields.end());
  header.insert(header.end(), {"loss", "time"});
  if (has_errors) header.push_back("error");
  std::vector<std::vector<std::string>> rows{header};
  for (const auto& run : runs) {
    const Json shown = study::run_summary(run);
    std::vector<std::string> row{std::to_string(run.id), run.status};
    if (several_kinds) row.push_back(one_line(run.kind));
    for (const auto& field : fields) {
      row.push_back(run.config.is_object() && run.config.contains(field) ? shortened(cell_text(run.config[field]))
                                                                         : "-");
    }
    row.push_back(shown["loss"].is_null() ? "-" : number(shown["loss"].get<double>()));
    row.push_back(shown["seconds"].is_null() ? "-" : duration(run.seconds));
    if (has_errors) row.push_back(shortened(one_line(run.error)));
    rows.push_back(std::move(row));
  }
  fmt::print("{}", aligned(rows));
}

struct Flags {
  std::string store;
  bool csv = false, json = false;
};

int list(const Flags& flags) {
  const store::Store store(flags.store, store::Mode::read_only);
  auto runs = store.runs();
  if (flags.csv) {
    fmt::print("{}", study::results_table(runs, "superpose ls " + store.path().filename().string() + " --csv"));
    return 0;
  }
  for (auto& run : runs) run.config = study::shown_config(run);
  if (flags.json) {
    Json list = Json::array();
    for (const auto& run : runs) list.push_back(study::run_summary(run));
    print_json("ls", {{"store", flags.store}}, {{"runs", std::move(list)}});
    return 0;
  }
  if (!runs.empty()) print_table(runs);
  fmt::print("{}\n", summary(runs));
  return 0;
}

}  // namespace

Action declare_ls(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("store", flags->store, "the store file, as given to sweep --store")->required();
  auto* const csv = app.add_flag("--csv", flags->csv,
                                 "print the finished runs as a results table, for studies/results/ and --results");
  app.add_flag("--json", flags->json, "print one JSON object")->excludes(csv);
  return [flags] { return list(*flags); };
}

}  // namespace superpose::cli
