// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

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

Json to_json(const Backtest& backtest) {
  Json points = Json::array();
  int covered = 0;
  bool judged = true;
  for (const auto& point : backtest.points) {
    points.push_back({{"group", point.group},
                      {"observed", number(point.observed)},
                      {"predicted", number(point.predicted)},
                      {"error", number(point.predicted - point.observed)},
                      {"interval95", interval(point.interval95)},
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
  for (const auto& [name, p] : result.parameters) {
    parameters[name] = {{"value", number(p.value)},   {"se", number(p.se)},
                        {"ci95", interval(p.ci95)},   {"bootstrap_sd", number(p.bootstrap_sd)},
                        {"identified", p.identified}, {"held", p.held}};
  }
  Json residuals = Json::array();
  for (const double r : result.residuals) residuals.push_back(number(r));
  Json rivals = Json::array();
  for (const auto& rival : result.compared_to) {
    rivals.push_back({{"law", rival.law},
                      {"formula", rival.formula},
                      {"parameters", rival.n_parameters},
                      {"aicc", number(rival.aicc)},
                      {"delta_aicc", number(rival.delta)}});
  }
  Json resampling = nullptr;
  if (const auto& r = result.resampling) {
    resampling = {{"unit", r->unit},
                  {"units", r->n_units},
                  {"resamples", r->resamples},
                  {"failed", r->failed},
                  {"at_bound", r->at_bound}};
  }
  const Law& law = find_law(result.law);
  return {{"law", result.law},
          {"formula", law.formula},
          {"status", status_name(result.status)},
          {"parameters", parameters},
          {"objective", number(result.objective)},
          {"objective_is", law.objective},
          {"r2", number(result.r2)},
          {"identified", result.identified},
          {"interval_method", result.interval_method},
          {"bootstrap", resampling},
          {"condition", number(result.condition)},
          {"window", interval(result.window)},
          {"rows", result.residuals.size()},
          {"warnings", result.warnings},
          {"aicc", number(result.aicc)},
          {"compared_to", rivals},
          {"backtest", result.backtest ? to_json(*result.backtest) : Json(nullptr)},
          {"residuals", residuals}};
}

}  // namespace superpose::fit
