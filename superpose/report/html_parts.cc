// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "superpose/report/html.h"
#include "superpose/report/page.h"

namespace superpose::report {

std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("<code>{}</code>", escaped(text)); }

std::string cell(const char* label, std::string_view html, const char* css) {
  return fmt::format("<td role=\"cell\" data-label=\"{}\" class=\"{}\">{}</td>", label, css, html.empty() ? "—" : html);
}

std::string head_row(const std::vector<const char*>& names) {
  std::string out = "<thead role=\"rowgroup\"><tr role=\"row\">";
  for (const char* name : names) out += fmt::format("<th role=\"columnheader\" scope=\"col\">{}</th>", name);
  return out + "</tr></thead>";
}

std::string superposition_badge(const std::string& verdict) {
  if (verdict.empty()) return "";
  const std::string_view word = verdict == "cannot_tell" ? "cannot tell" : std::string_view(verdict);
  const bool known = verdict == "strong" || verdict == "weak" || verdict == "none";
  const char* icon = verdict == "strong" ? "●" : verdict == "weak" ? "◐" : verdict == "none" ? "○" : "?";
  return fmt::format("<span class=\"badge {}\"><span class=\"icon\" aria-hidden=\"true\">{}</span>{}</span>",
                     known ? verdict : "cannot_tell", icon, escaped(word));
}

std::string file_name(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

}  // namespace superpose::report
