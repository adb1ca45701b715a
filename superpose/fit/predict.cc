// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

size_t row_count(const std::map<std::string, std::vector<double>>& inputs, const std::vector<std::string>& group) {
  size_t rows = std::max<size_t>(group.size(), 1);
  for (const auto& [name, values] : inputs) rows = std::max(rows, values.size());
  const auto check = [&](size_t size, const std::string& name) {
    if (size == rows || size == 1) return;
    throw Error(ErrorKind::usage,
                fmt::format("predict: {} has {} values, expected one or {}, as many as the others", name, size, rows));
  };
  for (const auto& [name, values] : inputs) check(values.size(), name);
  if (!group.empty()) check(group.size(), "group");
  return rows;
}

template <class T>
std::vector<T> repeated(const std::vector<T>& values, size_t rows) {
  return values.size() == rows ? values : std::vector<T>(rows, values[0]);
}

Data rows_to_predict(const StoredFit& fit, const Model& model, const std::map<std::string, std::vector<double>>& inputs,
                     const std::vector<std::string>& group) {
  for (const auto& [name, values] : inputs) {
    if (std::find(fit.law.inputs.begin(), fit.law.inputs.end(), name) == fit.law.inputs.end()) {
      throw Error(ErrorKind::usage, fmt::format("predict: law {} takes no input {}{}", fit.law.name, name,
                                                suggestion(name, fit.law.inputs)));
    }
  }
  const size_t rows = row_count(inputs, group);
  Data out;
  for (const std::string& name : fit.law.inputs) {
    const auto found = inputs.find(name);
    if (found == inputs.end()) {
      throw Error(ErrorKind::usage, fmt::format("predict: law {} needs {} too", fit.law.name, name));
    }
    std::vector<double> values = repeated(found->second, rows);
    for (const double v : values) {
      if (!std::isfinite(v) || (fit.law.expression.empty() && !(v > 0))) {
        throw Error(ErrorKind::usage, fmt::format("predict: {} = {}: expected a finite number above 0", name, v));
      }
    }
    out.inputs.push_back(std::move(values));
  }
  out.y.assign(rows, 1);
  const auto& known = model.groups();
  if (known.empty() || (known.size() == 1 && known[0].empty())) {
    if (!group.empty()) throw Error(ErrorKind::usage, "predict: the fit has no groups");
    return out;
  }
  if (group.empty()) {
    throw Error(ErrorKind::usage, fmt::format("predict: of which group? The fit has {}, {}", known.front(),
                                              known.size() > 1 ? known[1] + ", ..." : "no other"));
  }
  for (const std::string& one : group) {
    if (std::find(known.begin(), known.end(), one) == known.end()) {
      throw Error(ErrorKind::usage, fmt::format("predict: no group {}{}", one, suggestion(one, known)));
    }
  }
  out.group = repeated(group, rows);
  return out;
}

}  // namespace

Predicted predict(const StoredFit& stored, const std::map<std::string, std::vector<double>>& inputs,
                  const std::vector<std::string>& group) {
  for (const auto& [name, values] : inputs) {
    if (values.empty()) return {};
  }
  const Fit fit(stored.law, stored.data, stored.options);
  const Data rows = rows_to_predict(stored, fit.model, inputs, group);
  const bool logarithms = on_logarithms(fit.model.objective());
  Predicted out;
  for (const auto& at : fit.model.predict(rows, fit.at(), fit.curvature)) {
    const double y = at ? at->value : kUnknown;
    const double half = at && fit.determined && fit.noise.variance
                            ? fit.noise.t * std::sqrt(*fit.noise.variance * std::max(at->variance, 0.0))
                            : kUnknown;
    out.y.push_back(y);
    out.low.push_back(logarithms ? y * std::exp(-half) : y - half);
    out.high.push_back(logarithms ? y * std::exp(half) : y + half);
  }
  return out;
}

}  // namespace superpose::fit
