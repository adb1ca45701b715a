// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/error.h"
#include "superpose/optimizer/rows.h"

namespace superpose::optimizer {
namespace {

void adamw_in_double(const Update& update, MatrixView<double> W, MatrixView<const double> gradient,
                     MatrixView<double> state1, MatrixView<double> state2) {
  adamw_reference(W, gradient, state1, state2, update.gamma, adam_step(update.rate, update.step), update.rate);
}

void adamw_in_float(const Update& update, const FloatRows& rows, size_t first, size_t last) {
  adamw_fast(rows, first, last, update.gamma, adam_step(update.rate, update.step), update.rate);
}

constexpr Rule kAdamW{"adamw", adamw_in_double, adamw_in_float};

// One line per rule.
const Rule* const kRules[] = {&kAdamW, &kSgd, &kLion};

}  // namespace

const Rule& find_rule(std::string_view name) {
  for (const Rule* rule : kRules) {
    if (name == rule->name) return *rule;
  }
  SUPERPOSE_ASSERT(!"no such rule");
  return kAdamW;
}

const std::vector<std::string>& rule_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Rule* rule : kRules) out.emplace_back(rule->name);
    return out;
  }();
  return names;
}

}  // namespace superpose::optimizer
