// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json number(const std::optional<double>& value) { return value ? number(*value) : Json(nullptr); }
Json interval(const std::optional<Interval>& value) {
  if (!value || !std::isfinite(value->first) || !std::isfinite(value->second)) return nullptr;
  return Json::array({value->first, value->second});
}

Json end(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }  // null: nothing bounds it
Json open_interval(const std::optional<Interval>& value) {
  return value ? Json::array({end(value->first), end(value->second)}) : Json(nullptr);
}

Json to_json(const Backtest& backtest) {
  Json points = Json::array();
  int covered = 0;
  bool judged = true;
  for (const auto& point : backtest.points) {
    points.push_back({{"group", point.group},
                      {"x", number(point.x)},
                      {"observed", number(point.observed)},
                      {"predicted", number(point.predicted)},
                      {"error", number(point.predicted - point.observed)},
                      {"interval95", open_interval(point.interval95)},
                      {"covered", point.covered ? Json(*point.covered) : Json(nullptr)}});
    judged = judged && point.covered;
    covered += point.covered.value_or(false);
  }
  return {{"held_out_x", number(backtest.held_out_x)},
          {"largest_x_used", number(backtest.largest_x_used)},
          {"extrapolation_factor", number(backtest.held_out_x / backtest.largest_x_used)},
          {"rows_used", backtest.rows_used},
          {"rms_error", number(backtest.rms_error)},
          {"covered", judged ? Json(covered) : Json(nullptr)},
          {"points", points}};
}

Json to_json(const Diagnostics& d) {
  Json influential = Json::array();
  for (const auto& one : d.influential) {
    influential.push_back(
        {{"row", one.row}, {"unit", one.unit}, {"shift_in_se", number(one.shift)}, {"value", number(one.value)}});
  }
  return {{"runs", d.runs},
          {"runs_p", number(d.runs_p)},
          {"largest_leverage", number(d.largest_leverage)},
          {"leverage_row", d.leverage_row},
          {"influence_of", d.influence_of.empty() ? Json(nullptr) : Json(d.influence_of)},
          {"influential", influential}};
}

Json to_json(const Parameter& p) {
  return {{"value", number(p.value)},
          {"se", number(p.se)},
          {"ci95", open_interval(p.ci95)},
          {"intervals",
           {{"profile", open_interval(p.profile)},
            {"bootstrap", open_interval(p.bootstrap)},
            {"asymptotic", open_interval(p.asymptotic)}}},
          {"bootstrap_sd", number(p.bootstrap_sd)},
          {"identified", p.identified},
          {"held", p.held},
          {"at_bound", p.at_bound}};
}

Json to_json(const Resampling& r, const Result& result) {
  constexpr size_t kKept = 300;  // enough to draw; the intervals are of all
  Json draws = Json::object();
  for (size_t p = 0; p < r.draws.size(); ++p) {
    if (result.parameters[p].second.held) continue;
    Json column = Json::array();
    for (size_t i = 0; i < std::min(kKept, r.draws[p].size()); ++i) column.push_back(number(r.draws[p][i]));
    draws[result.parameters[p].first] = column;
  }
  return {{"unit", r.unit},     {"units", r.n_units},     {"resamples", r.resamples},
          {"failed", r.failed}, {"at_bound", r.at_bound}, {"draws", draws}};
}

Json numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double v : values) out.push_back(number(v));
  return out;
}

Json to_json(const Curve& curve) {
  return {{"group", curve.group},
          {"x", numbers(curve.x)},
          {"y", numbers(curve.y)},
          {"low", numbers(curve.low)},
          {"high", numbers(curve.high)}};
}

Json to_json(const Comparison& c) {
  return {{"law", c.law},
          {"formula", c.formula},
          {"parameters", c.n_parameters},
          {"objective", number(c.objective)},
          {"aicc", number(c.aicc)},
          {"bic", number(c.bic)},
          {"delta_aicc", number(c.delta)},
          {"backtest_rms_error", number(c.backtest_rms)},
          {"yardstick", !c.candidate}};
}

Json to_json(const Profile& profile) {
  return {{"parameter", profile.parameter}, {"value", numbers(profile.value)}, {"excess", numbers(profile.excess)}};
}

template <class T>
Json array_of(const std::vector<T>& values) {
  Json out = Json::array();
  for (const auto& value : values) out.push_back(to_json(value));
  return out;
}

}  // namespace

std::string_view status_name(Status status) {
  switch (status) {
    case Status::converged:
      return "converged";
    case Status::flat:
      return "flat";
    case Status::at_bound:
      return "at_bound";
  }
  return "unknown";
}

const Parameter& Result::operator[](std::string_view name) const {
  for (const auto& [known, parameter] : parameters) {
    if (known == name) return parameter;
  }
  throw Error(ErrorKind::usage, fmt::format("law {} has no parameter {}", law, name));
}

Json to_json(const Result& result) {
  Json parameters = Json::object();
  for (const auto& [name, p] : result.parameters) parameters[name] = to_json(p);
  Json inverse_width = nullptr;
  if (const auto& w = result.inverse_width) {
    inverse_width = {{"parameter", w->parameter},
                     {"verdict", w->verdict},
                     {"because", w->because},
                     {"objective_ratio", number(w->objective_ratio)}};
  }
  return {{"law", result.law},
          {"formula", result.formula},
          {"status", status_name(result.status)},
          {"parameters", parameters},
          {"objective", number(result.objective)},
          {"objective_is", objective_text(result.objective_kind, result.delta)},
          {"r2", number(result.r2)},
          {"identified", result.identified},
          {"interval_method", result.interval_method},
          {"bootstrap", result.resampling ? to_json(*result.resampling, result) : Json(nullptr)},
          {"condition", number(result.condition)},
          {"window", interval(result.window)},
          {"rows", result.residuals.size()},
          {"warnings", result.warnings},
          {"aicc", number(result.aicc)},
          {"bic", number(result.bic)},
          {"compared_to", array_of(result.compared_to)},
          {"backtest", result.backtest ? to_json(*result.backtest) : Json(nullptr)},
          {"diagnostics", result.diagnostics ? to_json(*result.diagnostics) : Json(nullptr)},
          {"profiles", array_of(result.profiles)},
          {"inverse_width", inverse_width},
          {"curves", array_of(result.curves)},
          {"predicted", numbers(result.predicted)},
          {"residuals", numbers(result.residuals)}};
}

Json to_json(const Law& law, const Data& data) {
  if (data.y.size() > kMostKeptRows) return nullptr;
  Json inputs = Json::object();
  for (size_t i = 0; i < law.inputs.size(); ++i) inputs[law.inputs[i]] = data.inputs[i];
  return {{"inputs", inputs},      {"y", data.y},           {"group", data.group},      {"cluster", data.cluster},
          {"weight", data.weight}, {"others", data.others}, {"cluster_unit", data.unit}};
}

}  // namespace superpose::fit
