// SPDX-License-Identifier: Apache-2.0
// A fit as it is asked for in words -> table of laws, rows, options -> the fit.
#include <fmt/format.h>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

IntervalKind interval_kind(const std::string& name) {
  if (name == "auto") return IntervalKind::automatic;
  if (name == "profile") return IntervalKind::profile;
  if (name == "bootstrap") return IntervalKind::bootstrap;
  if (name == "t") return IntervalKind::asymptotic;
  throw Error(ErrorKind::usage, fmt::format("fit: --interval {}: expected auto, profile, bootstrap or t", name));
}

// A name of the table of laws, or a formula over the table's columns.
Law law_of(const std::string& text, const Table& table, const Selection& selection) {
  if (text.find_first_of("+-*/^( ") == std::string::npos || text.find_first_of("+*/^(") == std::string::npos) {
    return find_law(text);
  }
  return expression_law(text, input_names(table, selection));
}

Options options_of(const Request& request, const Law& law, const Data& data) {
  Options out;
  out.fixed = request.fixed;
  out.seed = request.seed;
  out.delta = request.delta;
  out.objective = law.objective;
  out.bootstrap = request.bootstrap.value_or(default_bootstrap(law, data));
  out.interval = interval_kind(request.interval);
  // Asked for resamples, told that rows belong together, or a robust objective: then the bootstrap is the interval.
  // docs/fitting.md "Which interval".
  const bool squares = law.objective == Objective::squares || law.objective == Objective::log_squares;
  if (out.interval == IntervalKind::automatic && !request.bootstrap && data.cluster.empty() && squares) {
    out.interval = IntervalKind::profile;
  }
  out.progress = request.progress;
  return out;
}

void choose_rows(const Table& table, Answer& out) {
  const Request& request = out.request;
  const auto& columns = request.selection.columns;
  out.law = law_of(request.law, table, request.selection);
  if (columns.contains("x") && columns.contains(out.law.inputs[0])) {
    throw Error(ErrorKind::usage,
                fmt::format("fit: --x is the law's first input, {0}, and --{0} is given too", out.law.inputs[0]));
  }
  if (!request.objective.empty()) out.law.objective = find_objective(request.objective);
  out.selected = select(table, out.law, request.selection);
  for (const auto& input : out.law.inputs) {
    const auto column = out.selected.columns.find(input);
    if (column == out.selected.columns.end() || column->second != out.selected.y) continue;
    throw Error(ErrorKind::usage, fmt::format("fit: column {} is y and the input {} too", out.selected.y, input));
  }
}

}  // namespace

Answer fit(const Table& table, const std::string& where, const Request& request) {
  Answer out{request, {}, {}, {}, {}};
  try {
    choose_rows(table, out);
  } catch (const Error& e) {
    throw std::string_view(e.what()).starts_with(where) ? e : e.in(where);
  }
  out.options = options_of(request, out.law, out.selected.data);
  out.result = out.law.fit(out.selected.data, out.options);
  // A law of the width fitted over something else says nothing about the width.
  const auto& columns = out.selected.columns;
  for (const auto& [input, column] : columns) {
    if (input != "m" && input != "d" && columns.contains("m") && columns.at("m") == column) {
      out.result.inverse_width.reset();
    }
  }
  return out;
}

Json to_json(const Answer& answer) {
  Json body = to_json(answer.result);
  body["rows_read"] = answer.selected.rows_read;
  body["notes"] = answer.selected.notes;
  body["data"] = to_json(answer.law, answer.selected.data);
  return body;
}

Json config_json(const std::string& table, const Answer& answer) {
  const Request& request = answer.request;
  const Selection& s = request.selection;
  return {{"table", table},
          {"law", request.law},
          {"columns", Json(answer.selected.columns)},
          {"x", answer.selected.x},
          {"y", answer.selected.y},
          {"group", s.group},
          {"cluster", or_null(s.cluster)},
          {"weight", or_null(s.weight)},
          {"se", or_null(s.se)},
          {"units", Json(s.units)},
          {"where", s.where},
          {"min_x", or_null(s.min_x)},
          {"max_x", or_null(s.max_x)},
          {"drop_highest", s.drop_highest},
          {"fix", Json(request.fixed)},
          {"objective", objective_name(answer.law.objective)},
          {"delta", request.delta},
          {"interval", request.interval},
          {"bootstrap", answer.options.bootstrap},
          {"seed", request.seed}};
}

}  // namespace superpose::fit
