// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/how.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "superpose/report/cells.h"

namespace superpose::report {
namespace {

constexpr size_t kMostNamed = 8;

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return number(value.get<double>(), 4);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "10, 15, 25" or "17 values from 0 to 2".
std::string values_text(const std::vector<Json>& values) {
  std::vector<std::string> texts;
  for (const Json& value : values) texts.push_back(text_of(value));
  if (values.size() <= kMostNamed) return fmt::format("{}", fmt::join(texts, ", "));
  if (!std::all_of(values.begin(), values.end(), [](const Json& value) { return value.is_number(); }))
    return fmt::format("{} values", values.size());
  return fmt::format("{} values from {} to {}", values.size(), texts.front(), texts.back());
}

std::vector<Json> sorted_values(const std::set<std::string>& texts) {
  std::vector<Json> out;
  for (const std::string& text : texts) out.push_back(Json::parse(text, nullptr, false));
  const auto less = [](const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) return a.get<double>() < b.get<double>();
    return a.is_number() && !b.is_number();
  };
  std::stable_sort(out.begin(), out.end(), less);
  return out;
}

}  // namespace

void describe_runs(const RunsById& runs, Figure& figure) {
  std::map<std::string, std::set<std::string>> values;
  std::set<std::string> versions;
  std::set<int64_t> seeds;
  for (const int64_t id : figure.runs) {
    const auto found = runs.find(id);
    if (found == runs.end() || !found->second->config.is_object()) continue;
    const store::Run& run = *found->second;
    for (const auto& [key, value] : run.config.items()) {
      if (key != "seed" && !value.is_structured())
        values[key].insert(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    if (const auto seed = field(run.config, "seed")) seeds.insert(static_cast<int64_t>(*seed));
    if (!run.version.empty()) versions.insert(run.version);
  }
  std::vector<std::string> same, apart;
  for (const auto& [key, texts] : values) {
    (texts.size() == 1 ? same : apart).push_back(fmt::format("{} = {}", key, values_text(sorted_values(texts))));
  }
  figure.made = {fmt::format("{}", fmt::join(same, ", ")), fmt::format("{}", fmt::join(apart, "; ")),
                 id_ranges({seeds.begin(), seeds.end()}), fmt::format("{}", fmt::join(versions, ", "))};
}

}  // namespace superpose::report
