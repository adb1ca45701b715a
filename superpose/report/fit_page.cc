// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/fit_page.h"

#include "superpose/base/version.h"
#include "superpose/report/fit_page_data.h"
#include "superpose/report/html.h"

namespace superpose::report {
namespace {

std::string title_of(const FitPage& page) {
  std::string out = "superpose: " + (page.law.empty() ? "a fit" : "law " + law_name(page));
  return page.table.empty() ? out : out + " fitted to " + file_name(page.table);
}

Json data_of(const FitPage& page) {
  Json figures = Json::array();
  for (const Figure& figure : page.figures) figures.push_back(to_json(figure));
  return {{"schema", "superpose.fit-page/1"},
          {"version", kVersion},
          {"title", title_of(page)},
          {"words", fit_words()},
          {"figures", figures}};
}

}  // namespace

Json fit_words() {
  return {{"ours", "from the table"}, {"fit", "fitted"}, {"published", "bootstrap"}, {"theory", "reference"}};
}

Json fit_data(const Json& fit) { return data_of(make_fit_page(fit)); }

std::string render_fit(const Json& fit) {
  const FitPage page = make_fit_page(fit);
  return assemble_page(title_of(page), fit_body(page), data_of(page));
}

}  // namespace superpose::report
