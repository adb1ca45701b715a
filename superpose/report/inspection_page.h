// SPDX-License-Identifier: Apache-2.0
// The page of an inspection between its JSON and its HTML.
#pragma once
#include <string>
#include <vector>

#include "superpose/report/figure.h"

namespace superpose::report {

struct InspectedMatrix {
  std::string path, format;
  std::string name;   // "model.gguf: output.weight"
  const Json* value;  // lives in the inspection
  bool whole = true;  // shown with its figures; false: a line of the overview only
  std::vector<Figure> figures;
};

struct InspectionPage {
  std::string title;
  std::vector<InspectedMatrix> matrices;
  std::vector<Figure> comparison;
  std::vector<std::string> warnings;  // "path: text"
  std::vector<std::string> left_out;  // files and tensors that could not be read, and why
  const Json* compare = nullptr;      // null JSON without --compare
};

InspectionPage make_inspection_page(const Json& inspection);
std::string inspection_body(const InspectionPage& page);

}  // namespace superpose::report
