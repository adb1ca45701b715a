// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/inspection.h"

#include <fmt/format.h>

#include "superpose/base/version.h"
#include "superpose/report/cells.h"
#include "superpose/report/figures_inspection.h"
#include "superpose/report/html.h"
#include "superpose/report/inspection_page.h"

namespace superpose::report {
namespace {

// More matrices than that (of --all, or of many checkpoints) have a line each and no figures: the page stays readable.
constexpr size_t kMostWhole = 24, kMostSideBySide = 8;

void add_figures(InspectedMatrix& matrix, size_t index) {
  const auto add = [&](std::optional<Figure> figure) {
    if (figure) matrix.figures.push_back(std::move(*figure));
  };
  const std::string id = fmt::format("m{}-", index);
  add(baseline_rows(*matrix.value, id + "baselines"));
  add(norm_distribution(*matrix.value, id + "norms"));
  add(overlap_distribution(*matrix.value, id + "overlaps"));
  add(singular_value_decay(*matrix.value, id + "spectrum"));
  add(overlap_against_frequency(*matrix.value, id + "frequency"));
}

void add_left_out(const Json& file, InspectionPage& page) {
  const std::string path = text_field(file, "path"), error = text_field(member(file, "error"), "text");
  if (!error.empty()) page.left_out.push_back(path + ": " + error);
  const Json& skipped = member(file, "skipped");
  if (!skipped.is_array()) return;
  for (const Json& one : skipped) {
    page.left_out.push_back(
        fmt::format("{}: {}: {}", file_name(path), text_field(one, "tensor"), text_field(one, "because")));
  }
}

void add_file(const Json& file, InspectionPage& page) {
  const std::string path = text_field(file, "path");
  add_left_out(file, page);
  const Json& matrices = member(file, "matrices");
  if (matrices.is_array()) {
    for (const Json& value : matrices) {
      if (!value.is_object()) continue;
      InspectedMatrix matrix{path, text_field(file, "format"), "", &value};
      matrix.name = fmt::format("{}: {}", file_name(path), text_field(value, "tensor"));
      matrix.whole = page.matrices.size() < (page.compare->is_object() ? kMostSideBySide : kMostWhole);
      if (matrix.whole) add_figures(matrix, page.matrices.size() + 1);
      page.matrices.push_back(std::move(matrix));
    }
  }
  const Json& warnings = member(file, "warnings");
  if (!warnings.is_array()) return;
  for (const Json& warning : warnings) {
    if (warning.is_string()) page.warnings.push_back(file_name(path) + ": " + warning.get<std::string>());
  }
}

std::string title_of(const Json& files, const std::string& path) {
  if (!files.is_array()) return "superpose: " + (path.empty() ? "an inspection" : file_name(path));
  return fmt::format("superpose: {} inspected files", files.size());
}

}  // namespace

InspectionPage make_inspection_page(const Json& inspection) {
  InspectionPage page;
  const Json& files = member(inspection, "files");
  page.title = title_of(files, text_field(inspection, "path"));
  page.compare = &member(inspection, "compare");
  if (files.is_array()) {
    for (const Json& file : files) add_file(file, page);
  } else {
    add_file(inspection, page);
  }
  for (auto& figure : {overlap_against_width(*page.compare), change_over_steps(*page.compare)}) {
    if (figure) page.comparison.push_back(*figure);
  }
  return page;
}

Json inspection_data(const Json& inspection) {
  const InspectionPage page = make_inspection_page(inspection);
  Json figures = Json::array();
  for (const Figure& figure : page.comparison) figures.push_back(to_json(figure));
  for (const InspectedMatrix& matrix : page.matrices) {
    for (const Figure& figure : matrix.figures) figures.push_back(to_json(figure));
  }
  return {
      {"schema", "superpose.inspection-page/1"}, {"version", kVersion}, {"title", page.title}, {"figures", figures}};
}

std::string render_inspection(const Json& inspection) {
  const InspectionPage page = make_inspection_page(inspection);
  return assemble_page(page.title, inspection_body(page), inspection_data(inspection));
}

}  // namespace superpose::report
