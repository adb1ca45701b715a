// SPDX-License-Identifier: Apache-2.0
// The page's figures as files for a paper, named after the figure: loss-vs-m.svg, loss-vs-m.csv ...
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/report/figure.h"

namespace superpose::report {

struct Inputs;

// "svg,pdf" -> {"svg", "pdf"}: known names without repeats. Error{usage} for another name, or none, with the known
// ones.
std::vector<std::string> figure_formats(std::string_view list);

struct FigureFile {
  std::string path, format;
  size_t bytes = 0;
};

struct WrittenFigure {
  std::string id, title;
  std::string empty;              // why nothing of ours is in it, as in Figure
  bool ours = false;              // a point of a run, of this store or recorded
  std::vector<FigureFile> files;  // none: it has no data at all
};

// Every figure with data, in every format, in the folder, which is made if absent. Error{io}.
std::vector<WrittenFigure> write_figures(const Inputs& inputs, const std::filesystem::path& folder,
                                         const std::vector<std::string>& formats);

}  // namespace superpose::report
