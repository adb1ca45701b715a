// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figure_csv.h"

#include <fmt/format.h>

#include <cmath>

namespace superpose::report {
namespace {

// A text that a spreadsheet would take for a formula gets an apostrophe.
std::string quoted(std::string text) {
  if (!text.empty() && std::string_view("=+@-\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  for (size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';
}

std::string plain(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{}", *value) : "";
}

void add_point(const std::string& head, const Point& point, std::string& out) {
  const Setting& at = point.at;
  const std::string where = fmt::format("{},{},{},{}", at.alpha ? plain(at.alpha) : quoted(at.law), plain(at.decay),
                                        plain(at.m), plain(at.density));
  const std::string x = plain(point.x) + "," + plain(point.x2);
  const std::string lo = point.interval ? plain(point.interval->first) : "";
  const std::string hi = point.interval ? plain(point.interval->second) : "";
  out += fmt::format("{},{},{},{},{},{},{},,{},{}\r\n", head, x, plain(point.y), plain(point.z), lo, hi, where,
                     quoted(id_ranges(point.runs)), quoted(point.note));
  for (const auto& [seed, value] : point.seeds) {
    const std::string y = point.z ? plain(point.y) : plain(value), z = point.z ? plain(value) : "";
    out += fmt::format("{},{},{},{},,,{},{},,\r\n", head, x, y, z, where, seed);
  }
}

}  // namespace

std::string figure_csv(const Figure& figure) {
  std::string out = "panel,series,role,x,x2,y,z,lo,hi,alpha_or_law,decay,dim,density,seed,runs,note\r\n";
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      const std::string head = fmt::format("{},{},{}", quoted(panel.title), quoted(series.key), role_name(series.role));
      for (const Point& point : series.points) add_point(head, point, out);
    }
  }
  return out;
}

}  // namespace superpose::report
