// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/published.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace superpose::report {

Published::Published(std::span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files) {
    if (!file.path.ends_with(".csv")) continue;
    const size_t slash = file.path.rfind('/');
    const std::string_view name = file.path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    tables_.emplace(name.substr(0, name.size() - 4), fit::read_table(file.text, file.path));
  }
}

const fit::Table* Published::find(std::string_view name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : &found->second;
}

std::string cell_text(const fit::Table& table, std::string_view column, size_t row) {
  const auto found = std::find(table.names.begin(), table.names.end(), column);
  return found == table.names.end() ? "" : table.text[static_cast<size_t>(found - table.names.begin())][row];
}

std::optional<double> cell_number(const fit::Table& table, std::string_view column, size_t row) {
  const std::string text = cell_text(table, column, row);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace superpose::report
