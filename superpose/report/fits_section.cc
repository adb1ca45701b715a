// SPDX-License-Identifier: Apache-2.0
// Fits and forecasts on the page of a store: what `fit --json` and `forecast --json` printed.
#include <fmt/format.h>

#include <algorithm>

#include "superpose/report/html.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

constexpr size_t kMostForecasts = 200;

std::optional<Interval> ends_of(const Json& value) {
  const std::vector<double> ends = finite_numbers(value);
  return ends.size() == 2 ? std::optional(Interval{ends[0], ends[1]}) : std::nullopt;
}

std::string inputs_text(const Json& inputs) {
  std::string out;
  if (!inputs.is_object()) return out;
  for (const auto& [name, value] : inputs.items()) {
    out += (out.empty() ? "" : ", ") + name + " = " + (value.is_number() ? count_text(value.get<double>()) : "?");
  }
  return out;
}

std::string forecast_row(const Json& point) {
  const bool refused = member(point, "refused") == Json(true);
  const auto loss = field(point, "loss");
  std::string out = "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"At\">" +
                    escaped(inputs_text(member(point, "inputs"))) + "</th>";
  out += cell("Group", escaped(text_field(point, "group")));
  out += cell("Loss [95 %]",
              refused && !loss ? "refused" : escaped(with_interval(loss, ends_of(member(point, "ci95")), 4)), "num");
  out += cell("of one run", escaped(with_interval(loss, ends_of(member(point, "prediction95")), 4)), "num");
  out += cell("Times beyond the data", number(field(point, "extrapolation_factor")), "num");
  out += cell("Rests on", escaped(text_field(point, "rests_on")));
  return out + cell("Because", escaped(text_field(point, "because"))) + "</tr>\n";
}

std::string forecast_html(const store::Artifact& forecast) {
  const Json& points = member(forecast.value, "points");
  std::string out = fmt::format("<h3>Forecast <small>{}</small></h3>\n", escaped(file_name(forecast.name)));
  if (member(forecast.value, "refused") == Json(true)) {
    out += "<p class=\"box\">Refused: " + escaped(text_field(forecast.value, "because")) + "</p>\n";
  }
  if (!points.is_array() || points.empty()) return out;
  out +=
      "<table role=\"table\" class=\"stack\">\n<caption>What the fit expects, with the 95 % interval of the law and "
      "that of one more run.</caption>" +
      head_row({"At", "Group", "Loss [95 %]", "of one run", "Times beyond the data", "Rests on", "Because"}) +
      "<tbody role=\"rowgroup\">\n";
  for (size_t i = 0; i < std::min(points.size(), kMostForecasts); ++i) out += forecast_row(points[i]);
  out += "</tbody></table>\n";
  if (points.size() > kMostForecasts)
    out += fmt::format("<p class=\"facts\">The first {} of {} rows.</p>\n", kMostForecasts, points.size());
  return out;
}

}  // namespace

std::string fits_html(const Page& page, const std::string& coverage) {
  if (page.fits.empty() && page.forecasts.empty() && coverage.empty()) return "";
  std::string out =
      "<section id=\"fits\" class=\"inspection\" aria-labelledby=\"fits-title\">\n<h2 id=\"fits-title\">Fits</h2>\n";
  for (const FitPage& fit : page.fits) out += fit_section(fit);
  for (const store::Artifact* forecast : page.forecasts) out += forecast_html(*forecast);
  return out + coverage + "</section>\n";
}

}  // namespace superpose::report
