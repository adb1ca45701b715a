// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figure_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/report/draw.h"
#include "superpose/report/figure_csv.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

struct Format {
  const char* name;
  std::string (*bytes)(const Figure& figure);
};

// A new format is one line here.
constexpr Format kFormats[] = {
    {"svg", [](const Figure& figure) { return draw(figure, Picture::svg); }},
    {"pdf", [](const Figure& figure) { return draw(figure, Picture::pdf); }},
    {"png", [](const Figure& figure) { return draw(figure, Picture::png); }},
    {"csv", figure_csv},
};

const Format* find_format(std::string_view name) {
  for (const Format& format : kFormats) {
    if (name == format.name) return &format;
  }
  return nullptr;
}

bool has_points(const Figure& figure) {
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      if (panel.shown && !series.points.empty()) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> figure_formats(std::string_view list) {
  std::vector<std::string> out;
  while (true) {
    const size_t comma = list.find(',');
    const std::string name(list.substr(0, comma));
    if (!find_format(name)) {
      std::vector<std::string_view> known;
      for (const Format& format : kFormats) known.emplace_back(format.name);
      throw Error(ErrorKind::usage, fmt::format("--format: \"{}\" is not a format of figures; known are {}, as a list "
                                                "with commas between them",
                                                name, fmt::join(known, ", ")));
    }
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    if (comma == std::string_view::npos) return out;
    list.remove_prefix(comma + 1);
  }
}

std::vector<WrittenFigure> write_figures(const Inputs& inputs, const std::filesystem::path& folder,
                                         const std::vector<std::string>& formats) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw Error(ErrorKind::io,
                fmt::format("{}: cannot make this folder for the figures: {}", folder.string(), failed.message()));
  }
  std::vector<WrittenFigure> out;
  for (const Figure& figure : make_page(inputs).figures) {
    WrittenFigure written{figure.id, figure.title, figure.empty, has_role(figure, Role::ours), {}};
    for (const std::string& name : has_points(figure) ? formats : std::vector<std::string>{}) {
      const Format* const format = find_format(name);
      SUPERPOSE_ASSERT(format);
      const std::string bytes = format->bytes(figure);
      const std::filesystem::path path = folder / (figure.id + "." + name);
      write_file(path, bytes);
      written.files.push_back({path.string(), name, bytes.size()});
    }
    out.push_back(std::move(written));
  }
  return out;
}

}  // namespace superpose::report
