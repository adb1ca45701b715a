// SPDX-License-Identifier: Apache-2.0
// What a user gives to fit and forecast: any table with any filter, any formula, any file as a stored fit. What is read
// keeps its promises, or an Error of the kind that fit.h names.
//
// Input: byte 0 selects what the rest is. 0 a table, a byte 0 and a filter; 1 a formula over the columns m and D; 2
// what `fit --json` printed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/fit/fit.h"

namespace {

using superpose::Error;
using superpose::ErrorKind;
using namespace superpose::fit;

void require(bool condition) {
  if (!condition) std::abort();
}

template <class Action>
void expect_only(std::initializer_list<ErrorKind> allowed, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    require(std::find(allowed.begin(), allowed.end(), error.kind()) != allowed.end());
    require(!std::string_view(error.what()).empty());
  }
}

void check_finite(const std::vector<double>& values, size_t rows) {
  require(values.size() == rows);
  for (const double v : values) require(std::isfinite(v));
}

void check(const Data& data, const Law& law) {
  const size_t rows = data.y.size();
  require(rows > 0 && data.inputs.size() == law.inputs.size());
  check_finite(data.y, rows);
  for (const auto& input : data.inputs) require(input.size() == rows);
  require(data.group.empty() || data.group.size() == rows);
  require(data.cluster.empty() || data.cluster.size() == rows);
  if (!data.weight.empty()) check_finite(data.weight, rows);
  for (const double w : data.weight) require(w >= 0);
  for (const auto& [name, values] : data.others) check_finite(values, rows);
}

void check_table(const Table& table) {
  require(!table.names.empty() && table.text.size() == table.names.size() && table.rows() > 0);
  for (const auto& column : table.text) require(column.size() == table.rows());
  require(table.lines.empty() || table.lines.size() == table.rows());
  for (size_t i = 0; i < table.names.size(); ++i) {
    require(table.has(table.names[i]));
    expect_only({ErrorKind::bad_file}, [&] { check_finite(table.numbers(table.names[i]), table.rows()); });
  }
}

void select_and_check(const Table& table, const Law& law, const Selection& selection) {
  expect_only({ErrorKind::usage, ErrorKind::bad_file}, [&] {
    const Selected selected = select(table, law, selection);
    check(selected.data, law);
    require(selected.rows_read == table.rows() && selected.data.y.size() <= table.rows());
    const superpose::Json kept = to_json(law, selected.data);
    require(kept.is_object() && kept.at("y").size() == selected.data.y.size());
  });
}

void read_and_select(std::string_view input) {
  const size_t zero = std::min(input.find('\0'), input.size());
  const std::string filter(input.substr(std::min(zero + 1, input.size())));
  expect_only({ErrorKind::bad_file}, [&] {
    const Table table = read_table(input.substr(0, zero), "table");
    check_table(table);
    for (const Law& law : laws()) {
      select_and_check(table, law, {});
      if (!filter.empty()) select_and_check(table, law, {.where = {filter}, .drop_highest = 1});
    }
    if (table.has("weight")) select_and_check(table, find_law("power"), {.weight = "weight"});
    if (table.has("se")) select_and_check(table, find_law("width"), {.se = "se", .units = {{"m", 1e3}}});
  });
}

void read_formula(std::string_view input) {
  expect_only({ErrorKind::usage}, [&] {
    const Law law = expression_law(input, {"m", "D"});
    require(!law.inputs.empty() && !law.parameters.empty() && law.expression.size() <= input.size());
    for (const auto& name : law.inputs) require(name == "m" || name == "D");
    for (const auto& name : law.parameters) require(name != "m" && name != "D");
  });
}

void read_fit(std::string_view input) {
  expect_only({ErrorKind::bad_file}, [&] {
    const StoredFit fit = stored_fit(superpose::parse_json(input, "fit.json"));
    check(fit.data, fit.law);
    require(fit.options.delta > 0 && fit.options.objective);
    for (const auto& [name, value] : fit.options.fixed) require(std::isfinite(value));
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      read_and_select(input);
      break;
    case 1:
      read_formula(input);
      break;
    default:
      read_fit(input);
  }
  return 0;
}
