// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "superpose/base/error.h"
#include "superpose/cli/output.h"
#include "superpose/cli/run_text.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  std::string store;
  std::string run;
  bool json = false;
};

std::string existing_ids(const store::Store& store) {
  std::vector<int64_t> ids;
  for (const auto& run : store.runs()) ids.push_back(run.id);
  if (ids.empty()) return "it holds no runs";
  std::string text;  // "1-24, 30"
  for (size_t i = 0; i < ids.size();) {
    size_t last = i;
    while (last + 1 < ids.size() && ids[last + 1] == ids[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(ids[i]);
    if (last > i) text += "-" + std::to_string(ids[last]);
    i = last + 1;
    if (text.size() > 200) {
      text += ", ...";
      break;
    }
  }
  return "it holds " + text + "; see superpose ls";
}

// An id first; a key by 4 or more digits, so that a wrong id is not answered with some run whose key begins like it.
store::Run find_run(const store::Store& store, const std::string& word) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
  if (error == std::errc() && end == word.data() + word.size()) {
    if (auto run = store.find(id)) return std::move(*run);
  }
  constexpr size_t kLeastPrefix = 4;
  auto found = word.size() < kLeastPrefix ? std::vector<store::Run>{} : store.find_key(word);
  if (found.size() == 1) return std::move(found[0]);
  if (found.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{}: no run has the id or key '{}': {}", store.path().string(),
                                              one_line(word), existing_ids(store)));
  }
  throw Error(ErrorKind::usage, fmt::format("{}: {} runs have keys that begin with '{}' (the first two are runs {} and "
                                            "{}); give more digits",
                                            store.path().string(), found.size(), word, found[0].id, found[1].id));
}

// "name  value" lines; arrays longer than a line are told by their length.
std::string described(const Json& object, const std::string& indent) {
  constexpr size_t kLongestLine = 100;
  if (!object.is_object()) return indent + cell_text(object) + "\n";
  size_t width = 0;
  for (const auto& [name, value] : object.items()) width = std::max(width, name.size());
  std::string out;
  for (const auto& [name, value] : object.items()) {
    std::string text = value.is_number_float() ? number(value.get<double>(), 6) : cell_text(value);
    if (value.is_object() && text.size() > kLongestLine) {
      out += fmt::format("{}{}\n{}", indent, one_line(name), described(value, indent + "  "));
      continue;
    }
    if (value.is_array() && text.size() > kLongestLine) {
      text = fmt::format("[{} entries, the last is {}; all with --json]", value.size(), cell_text(value.back()));
    }
    out += fmt::format("{}{:<{}}  {}\n", indent, one_line(name), width, text);
  }
  return out;
}

void print_run(const store::Run& run) {
  fmt::print("run {}  {}  {}\n", run.id, run.status, run.key);
  fmt::print("  kind      {}\n  version   {}\n  started   {}\n", one_line(run.kind), one_line(run.version),
             one_line(run.started_at));
  if (!run.finished_at.empty()) {
    fmt::print("  finished  {}, after {}\n", one_line(run.finished_at), duration(run.seconds));
  }
  if (!run.error.empty()) fmt::print("  error     {}\n", one_line(run.error));
  fmt::print("config\n{}", described(study::shown_config(run), "  "));
  if (!run.result.is_null()) fmt::print("result\n{}", described(run.result, "  "));
}

int show(const Flags& flags) {
  const store::Store store(flags.store, store::Mode::read_only);
  const auto run = find_run(store, flags.run);
  if (!flags.json) {
    print_run(run);
    return 0;
  }
  Json whole = study::run_summary(run);
  whole["result"] = run.result;
  print_json("show", {{"store", flags.store}, {"run", flags.run}}, {{"run", std::move(whole)}});
  return 0;
}

}  // namespace

Action declare_show(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("store", flags->store, "the store file, as given to sweep --store")->required();
  app.add_option("run", flags->run, "an id from superpose ls, or the first 4 or more digits of a key")->required();
  app.add_flag("--json", flags->json, "print one JSON object");
  return [flags] { return show(*flags); };
}

}  // namespace superpose::cli
