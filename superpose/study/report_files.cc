// SPDX-License-Identifier: Apache-2.0
// Which of the files given to `report` is what.
#include <fmt/format.h>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/study/files.h"
#include "superpose/study/results.h"
#include "superpose/study/run.h"

namespace superpose::study {
namespace {

constexpr std::string_view kSqlite = "SQLite format 3";
constexpr const char* kExpected =
    "expected a run store (an SQLite file that sweep or study made), or the JSON that superpose inspect, fit or "
    "forecast "
    "prints with --json";

bool is_store(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return bytes.size() >= kSqlite.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), kSqlite.size()) == kSqlite;
}

// {"schema": "superpose.fit/1", ...} -> "fit"
store::Artifact read_artifact(const std::string& path) {
  constexpr size_t kMostBytes = size_t{256} << 20;
  const std::string text = read_text(path, kMostBytes);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text[first] != '{') {
    throw Error(ErrorKind::bad_file, fmt::format("{}: neither SQLite nor a JSON object; {}", path, kExpected));
  }
  Json value = parse_json(text, path);
  const auto schema = value.find("schema");
  const std::string name = schema != value.end() && schema->is_string() ? schema->get<std::string>() : "";
  for (const char* kind : {"inspect", "fit", "forecast"}) {
    if (name == fmt::format("superpose.{}/1", kind)) return {kind, path, std::move(value), ""};
  }
  throw Error(ErrorKind::bad_file,
              fmt::format("{}: JSON with schema {}; {}", path, name.empty() ? "missing" : "'" + name + "'", kExpected));
}

// An inspection of several files is one artifact for each.
void add_artifact(store::Artifact artifact, report::Inputs& inputs) {
  const auto files = artifact.value.find("files");
  if (artifact.kind != "inspect" || files == artifact.value.end() || !files->is_array()) {
    inputs.artifacts.push_back(std::move(artifact));
    return;
  }
  for (Json& file : *files) inputs.artifacts.push_back({"inspect", artifact.name, std::move(file), ""});
}

void keep_only(const KeysOfFiles& only, const std::string& file, std::vector<store::Run>& runs) {
  const auto keys = only.find(file);
  if (keys == only.end()) return;
  std::erase_if(runs, [&](const store::Run& run) { return !keys->second.contains(run.key); });
}

}  // namespace

report::Inputs report_inputs(const std::vector<std::string>& files, const std::string& title,
                             const std::string& results, const KeysOfFiles& only) {
  report::Inputs inputs;
  inputs.title = title;
  std::vector<report::StoreContents> stores;
  std::vector<store::Artifact> artifacts;
  for (const std::string& file : files) {
    if (!is_store(file)) {
      artifacts.push_back(read_artifact(file));
      continue;
    }
    const store::Store store(file, store::Mode::read_only);
    stores.push_back({store.path().filename().string(), store.runs("toy"), store.artifacts()});
    keep_only(only, file, stores.back().runs);
  }
  report::merge_stores(std::move(stores), inputs);
  for (store::Artifact& artifact : artifacts) add_artifact(std::move(artifact), inputs);
  if (!results.empty()) {
    inputs.recorded = beside(inputs.runs, load_results(results));
    keep_only(only, results, inputs.recorded);
  }
  inputs.published = published_tables();
  return inputs;
}

}  // namespace superpose::study
