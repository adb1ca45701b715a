// SPDX-License-Identifier: Apache-2.0
// The command line that a fit's config is the record of.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "superpose/report/cells.h"
#include "superpose/report/fit_page_data.h"

namespace superpose::report {
namespace {

// As a POSIX shell reads it back.
std::string quoted(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string plain_number(double value) { return fmt::format("{:.12g}", value); }

std::string flag(const std::string& name, const std::string& value) {
  return value.empty() ? "" : fmt::format(" --{} {}", name, quoted(value));
}

std::string number_flag(const Json& config, const char* key, const char* name) {
  const auto value = field(config, key);
  return value ? flag(name, plain_number(*value)) : "";
}

std::string column_flags(const Json& config) {
  constexpr std::array<const char*, 10> kInputs{"x", "m", "l", "N", "D", "C", "V", "d", "H", "t"};
  std::string out;
  const Json& columns = member(config, "columns");
  for (const char* input : kInputs) {
    const std::string column = text_field(columns, input);
    const bool derived = column.find("·") != std::string::npos;  // "C/(6·N)": made from others
    if (!derived) out += flag(input, column);
  }
  return out + flag("y", text_field(config, "y"));
}

std::string list_flags(const Json& config) {
  std::string out, groups;
  const Json &group = member(config, "group"), &where = member(config, "where");
  if (group.is_array()) {
    for (const Json& one : group) {
      if (one.is_string()) groups += (groups.empty() ? "" : ",") + one.get<std::string>();
    }
  }
  out += flag("group", groups);
  if (where.is_array()) {
    for (const Json& one : where) {
      if (one.is_string()) out += flag("where", one.get<std::string>());
    }
  }
  for (const auto& [key, name] : {std::pair("units", "unit"), std::pair("fix", "fix")}) {
    const Json& numbers = member(config, key);
    if (!numbers.is_object()) continue;
    for (const auto& [parameter, value] : numbers.items()) {
      if (value.is_number()) out += flag(name, parameter + "=" + plain_number(value.get<double>()));
    }
  }
  return out;
}

// Which interval, said outright: with "auto" it would depend on which other flags were given.
std::string interval_flags(const FitPage& page, const Json& config) {
  const std::string method = text_field(*page.fit, "interval_method");
  std::string out;
  for (const char* name : {"profile", "bootstrap", "t"}) {
    if (method == name || method.starts_with(std::string(name) + ":")) out += flag("interval", name);
  }
  out += number_flag(config, "bootstrap", "bootstrap");
  if (field(config, "bootstrap").value_or(0) > 0) out += number_flag(config, "seed", "seed");
  return out;
}

}  // namespace

std::string fit_command(const FitPage& page) {
  const Json& config = member(*page.fit, "config");
  if (page.table.empty()) return "";
  const std::string law = text_field(config, "law"), objective = text_field(config, "objective");
  std::string out = "superpose fit " + quoted(page.table) + flag("law", law.empty() ? page.law : law);
  out += column_flags(config) + list_flags(config);
  for (const char* name : {"cluster", "weight", "se"}) out += flag(name, text_field(config, name));
  out += number_flag(config, "min_x", "min-x") + number_flag(config, "max_x", "max-x");
  if (field(config, "drop_highest").value_or(0) > 0) out += number_flag(config, "drop_highest", "drop-highest");
  out += flag("objective", objective);
  if (objective.find("huber") != std::string::npos) out += number_flag(config, "delta", "delta");
  return out + interval_flags(page, config) + " -o fit.html";
}

}  // namespace superpose::report
