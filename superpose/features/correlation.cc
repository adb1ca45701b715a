// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/base/spec.h"
#include "superpose/features/features.h"

namespace superpose::features {
namespace {

bool is_group_size(const double* in) { return in[0] >= 1 && in[0] <= 1e6 && in[0] == std::floor(in[0]); }

struct CorrelationKind {
  SpecForm form;
  Correlation::Kind kind;
};

// One line per kind of dependence; the draw of each is in sampler.cc.
const CorrelationKind kCorrelations[] = {
    {{"none", "none", 0, {}, nullptr}, Correlation::Kind::none},
    {{"together", "together:K with a whole K from 1 to 10^6", 1, {}, is_group_size}, Correlation::Kind::together},
    {{"exclusive", "exclusive:K with a whole K from 1 to 10^6", 1, {}, is_group_size}, Correlation::Kind::exclusive},
};

}  // namespace

Correlation make_correlation(std::string_view spec) {
  std::vector<SpecForm> forms;
  for (const CorrelationKind& kind : kCorrelations) forms.push_back(kind.form);
  const Spec parsed = parse_spec("correlation", spec, forms);
  Correlation out;
  out.spec = parsed.text;
  out.kind = kCorrelations[parsed.form].kind;
  if (!parsed.numbers.empty()) out.size = static_cast<uint32_t>(parsed.numbers[0]);
  return out;
}

void share_frequencies(const Correlation& correlation, Law& law) {
  if (correlation.kind == Correlation::Kind::none) return;
  auto& p = law.probability;
  for (size_t first = 0; first < p.size(); first += correlation.size) {
    const size_t count = std::min<size_t>(correlation.size, p.size() - first);
    const auto begin = p.begin() + static_cast<std::ptrdiff_t>(first), end = begin + static_cast<std::ptrdiff_t>(count);
    const double mean = std::accumulate(begin, end, 0.0) / static_cast<double>(count);
    std::fill(begin, end, mean);
    const double group = mean * static_cast<double>(count);
    constexpr double kRounding = 1e-9;
    if (correlation.kind == Correlation::Kind::exclusive && group > 1 + kRounding) {
      throw Error(ErrorKind::usage,
                  fmt::format("correlation = {}: the group of features {} to {} would be present with probability "
                              "{:.4g} = {} x {:.4g}; lower the density",
                              correlation.spec, first + 1, first + count, group, count, mean));
    }
  }
}

}  // namespace superpose::features
