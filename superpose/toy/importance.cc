// SPDX-License-Identifier: Apache-2.0
#include "superpose/toy/importance.h"

#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/spec.h"

namespace superpose::toy {
namespace {

struct ImportanceKind {
  SpecForm form;
  double (*weight)(double j, const double* in);  // j = 1 .. n; nullptr: all 1
};

// One line per importance.
const ImportanceKind kImportances[] = {
    {{"uniform", "uniform", 0, {}, nullptr}, nullptr},
    {{"geometric", "geometric:R with R > 0", 1, {}, [](const double* in) { return in[0] > 0; }},
     [](double j, const double* in) { return std::pow(in[0], j - 1); }},
};

constexpr double kLargest = 1e30;  // losses and gradients stay inside float

}  // namespace

Importance make_importance(std::string_view spec, size_t n) {
  std::vector<SpecForm> forms;
  for (const ImportanceKind& kind : kImportances) forms.push_back(kind.form);
  const Spec parsed = parse_spec("importance", spec, forms);
  Importance out{parsed.text, {}};
  const auto weight = kImportances[parsed.form].weight;
  if (!weight) return out;
  for (size_t j = 0; j < n; ++j) {
    out.value.push_back(weight(static_cast<double>(j + 1), parsed.numbers.data()));
    if (!(out.value.back() <= kLargest)) {
      throw Error(ErrorKind::usage, "importance = " + parsed.text + ": feature " + std::to_string(j + 1) +
                                        " would weigh more than 10^30");
    }
  }
  return out;
}

}  // namespace superpose::toy
