// SPDX-License-Identifier: Apache-2.0
#include "superpose/features/file_counts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/number.h"

namespace superpose::features {

Counts file_counts(std::string_view path) {
  const std::string text = read_text(path);
  Counts out;
  size_t line_number = 0;
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++line_number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const size_t separator = line.find_last_of(", \t");
    std::string_view field = separator == std::string_view::npos ? line : line.substr(separator + 1);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    const auto count = read_number(field);
    const bool may_be_header = std::exchange(first, false);
    if (!count && may_be_header) continue;
    if (!count || !std::isfinite(*count) || *count < 0) {
      throw Error(ErrorKind::bad_file, std::string(path) + ": line " + std::to_string(line_number) +
                                           ": expected a finite count >= 0 as the last field, found '" +
                                           std::string(field.substr(0, 40)) + "'");
    }
    if (*count > 0) {
      out.values.push_back(*count);
    } else {
      ++out.zeros;
    }
  }
  if (out.values.empty()) throw Error(ErrorKind::bad_file, std::string(path) + ": no positive count in it");
  std::sort(out.values.begin(), out.values.end(), std::greater<>());
  return out;
}

}  // namespace superpose::features
