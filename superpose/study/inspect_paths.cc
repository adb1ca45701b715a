// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string_view>

#include "superpose/study/compare.h"
#include "superpose/study/files.h"

namespace superpose::study {

Inspections inspect_paths(const std::vector<std::string>& paths, const InspectOptions& wanted,
                          std::optional<bool> compare) {
  Inspections out;
  out.paths = expanded_paths(paths);
  const size_t count = out.paths.size();
  Json files = Json::array();
  for (size_t k = 0; k < count; ++k) {
    const std::string& path = out.paths[k];
    InspectOptions options = wanted;
    if (wanted.progress) {
      options.progress = [&wanted, k, count](std::string_view what, double fraction) {
        const double done = (static_cast<double>(k) + fraction) / static_cast<double>(count);
        wanted.progress(count > 1 ? fmt::format("{}/{} {}", k + 1, count, what) : std::string(what), done);
      };
    }
    try {
      out.inspections.push_back(inspect(path, options));
      files.push_back(to_json(out.inspections.back()));
    } catch (const Error& error) {
      if (count == 1) throw;
      files.push_back({{"path", path}, {"error", {{"kind", error_kind_name(error.kind())}, {"text", error.what()}}}});
      out.errors.emplace_back(path, error);
    }
  }
  out.body = count == 1 ? files[0] : Json{{"files", std::move(files)}};
  if (compare.value_or(count > paths.size())) {
    out.comparison = study::compare(out.inspections);
    out.body["compare"] = to_json(*out.comparison);
  }
  return out;
}

bool is_table_of_models(const std::string& path) { return path.ends_with(".csv") || path.ends_with(".tsv"); }

Comparison compare_table_file(const std::vector<std::string>& paths) {
  const std::string& path = paths[0];
  if (paths.size() > 1) {
    throw Error(ErrorKind::usage, path + ": a table is compared alone, without other paths");
  }
  try {
    return compare_table(fit::read_table(read_table_file(path), path));
  } catch (const Error& error) {
    throw std::string_view(error.what()).starts_with(path) ? error : error.in(path);
  }
}

}  // namespace superpose::study
