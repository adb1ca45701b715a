// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/names.h"

#include <algorithm>

namespace superpose {
namespace {

// Optimal string alignment distance: edit distance in which swapping two neighbours counts once.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  if (name.size() > 64) return "";
  size_t best = std::max<size_t>(2, name.size() / 3) + 1;
  std::string out;
  for (const auto& candidate : known) {
    size_t distance = edit_distance(name, candidate);
    // A prefix ("feat" for "features") is as good as one edit, whatever the lengths.
    if (name.size() >= 3 && candidate.starts_with(name)) distance = std::min<size_t>(distance, 1);
    if (distance < best) {
      best = distance;
      out = candidate;
    }
  }
  return out;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  if (const std::string near = nearest_name(name, known); !near.empty()) return " (did you mean " + near + "?)";
  if (known.empty() || known.size() > 30) return "";
  std::string list;
  for (const auto& candidate : known) list += (list.empty() ? "" : ", ") + candidate;
  return " (known: " + list + ")";
}

}  // namespace superpose
