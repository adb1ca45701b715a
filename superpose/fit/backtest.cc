// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace superpose::fit {
namespace {

Data chosen_rows(const Data& data, const std::vector<size_t>& rows) {
  Data out;
  out.unit = data.unit;
  out.inputs.resize(data.inputs.size());
  for (const size_t row : rows) {
    for (size_t i = 0; i < data.inputs.size(); ++i) out.inputs[i].push_back(data.inputs[i][row]);
    out.y.push_back(data.y[row]);
    if (!data.group.empty()) out.group.push_back(data.group[row]);
    if (!data.cluster.empty()) out.cluster.push_back(data.cluster[row]);
  }
  return out;
}

}  // namespace

void backtest(const Data& data, const Predictor& predict, Result& result) {
  const auto& x = data.inputs[0];
  Backtest out;
  out.held_out_x = *std::max_element(x.begin(), x.end());
  std::vector<size_t> known_rows, held_rows;
  for (size_t row = 0; row < x.size(); ++row) {
    (x[row] == out.held_out_x ? held_rows : known_rows).push_back(row);
  }
  for (const size_t row : known_rows) out.largest_x_used = std::max(out.largest_x_used, x[row]);
  out.rows_used = known_rows.size();
  const auto no_backtest = [&](std::string_view why) {
    result.warnings.push_back(fmt::format("no backtest: without the rows at {:g}, {}", out.held_out_x, why));
  };
  if (known_rows.empty()) return no_backtest("none is left");
  const Data held_out = chosen_rows(data, held_rows);
  const auto predictions = predict(chosen_rows(data, known_rows), held_out);
  if (!predictions) return no_backtest("the others do not determine the law");
  double squares = 0;
  for (size_t i = 0; i < held_rows.size(); ++i) {
    const auto& prediction = (*predictions)[i];
    if (!prediction || !std::isfinite(prediction->value)) continue;
    const double observed = held_out.y[i];
    Backtest::Point point{held_out.group.empty() ? "" : held_out.group[i], observed, prediction->value,
                          prediction->interval95, std::nullopt};
    if (point.interval95) point.covered = point.interval95->first <= observed && observed <= point.interval95->second;
    squares += (observed - point.predicted) * (observed - point.predicted);
    out.points.push_back(point);
  }
  if (out.points.empty()) return no_backtest("their groups have no row left");
  out.rms_error = std::sqrt(squares / static_cast<double>(out.points.size()));
  result.backtest = std::move(out);
}

}  // namespace superpose::fit
