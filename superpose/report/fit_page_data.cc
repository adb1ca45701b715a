// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/fit_page_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "superpose/report/cells.h"
#include "superpose/report/figures_fit.h"

namespace superpose::report {
namespace {

constexpr size_t kMostParameters = 4096;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_true(const Json& object, std::string_view name) { return member(object, name) == Json(true); }

// NaN for what is no number.
std::vector<double> numbers_or_nan(const Json& array) {
  std::vector<double> out;
  if (!array.is_array()) return out;
  for (const Json& one : array) out.push_back(one.is_number() ? one.get<double>() : std::nan(""));
  return out;
}

std::vector<std::string> texts(const Json& array) {
  std::vector<std::string> out;
  if (!array.is_array()) return out;
  for (const Json& one : array) out.push_back(one.is_string() ? one.get<std::string>() : "");
  return out;
}

std::optional<OpenInterval> open_interval(const Json& value) {
  if (!value.is_array() || value.size() != 2) return {};
  const auto end = [](const Json& one, double otherwise) { return one.is_number() ? one.get<double>() : otherwise; };
  const OpenInterval out{end(value[0], -kInfinity), end(value[1], kInfinity)};
  return out.low <= out.high ? std::optional(out) : std::nullopt;
}

void read_parameters(const Json& fit, FitPage& page) {
  const Json& parameters = member(fit, "parameters");
  if (!parameters.is_object()) return;
  for (const auto& [name, value] : parameters.items()) {
    if (page.parameters.size() == kMostParameters) break;
    const Json& intervals = member(value, "intervals");
    page.parameters.push_back({.name = name,
                               .value = field(value, "value"),
                               .se = field(value, "se"),
                               .ci95 = open_interval(member(value, "ci95")),
                               .profile = open_interval(member(intervals, "profile")),
                               .bootstrap = open_interval(member(intervals, "bootstrap")),
                               .asymptotic = open_interval(member(intervals, "asymptotic")),
                               .identified = is_true(value, "identified"),
                               .held = is_true(value, "held"),
                               .at_bound = is_true(value, "at_bound")});
  }
}

// Columns of another length than the losses say nothing about which row they belong to: they are left out.
void read_rows(const Json& fit, FitPage& page) {
  const Json &data = member(fit, "data"), &inputs = member(data, "inputs"),
             &columns = member(member(fit, "config"), "columns");
  page.y = finite_numbers(member(data, "y"));
  const size_t n = page.y.size();
  const auto fitting = [&](auto values) { return values.size() == n ? std::move(values) : decltype(values){}; };
  if (inputs.is_object()) {
    for (const auto& [name, values] : inputs.items()) {
      page.inputs.push_back({name, text_field(columns, name), fitting(finite_numbers(values))});
    }
    std::erase_if(page.inputs, [](const FitInput& input) { return input.values.empty(); });
  }
  page.predicted = fitting(finite_numbers(member(fit, "predicted")));
  page.residuals = fitting(finite_numbers(member(fit, "residuals")));
  page.group = fitting(texts(member(data, "group")));
  page.unit = fitting(texts(member(data, "cluster")));
  std::set<std::string> seen;
  for (const std::string& group : page.group) {
    if (seen.insert(group).second) page.groups.push_back(group);
  }
  const double stated = field(fit, "rows").value_or(0);
  page.rows = n > 0 ? n : stated > 0 && stated < 1e15 ? static_cast<size_t>(stated) : 0;
}

void read_curves(const Json& fit, FitPage& page) {
  const Json& list = member(fit, "curves");
  if (!list.is_array()) return;
  for (const Json& one : list) {
    FitCurve curve{text_field(one, "group"), finite_numbers(member(one, "x")), finite_numbers(member(one, "y")),
                   numbers_or_nan(member(one, "low")), numbers_or_nan(member(one, "high"))};
    const size_t n = curve.x.size();
    if (n < 2 || curve.y.size() != n || !std::is_sorted(curve.x.begin(), curve.x.end())) continue;
    if (curve.low.size() != n || curve.high.size() != n) {
      curve.low.assign(n, std::nan("")), curve.high.assign(n, std::nan(""));
    }
    page.curves.push_back(std::move(curve));
  }
}

void read_profiles(const Json& fit, FitPage& page) {
  const Json& list = member(fit, "profiles");
  if (!list.is_array()) return;
  for (const Json& one : list) {
    FitProfile profile{text_field(one, "parameter"), numbers_or_nan(member(one, "value")),
                       numbers_or_nan(member(one, "excess"))};
    if (profile.value.size() == profile.excess.size()) page.profiles.push_back(std::move(profile));
  }
}

void read_backtest(const Json& fit, FitPage& page) {
  const Json& list = member(member(fit, "backtest"), "points");
  if (!list.is_array()) return;
  for (const Json& one : list) {
    const auto x = field(one, "x"), observed = field(one, "observed"), predicted = field(one, "predicted");
    const Json& covered = member(one, "covered");
    if (!x || !observed || !predicted) continue;
    page.backtest.push_back({text_field(one, "group"), *x, *observed, *predicted,
                             open_interval(member(one, "interval95")),
                             covered.is_boolean() ? std::optional(covered.get<bool>()) : std::nullopt});
  }
}

void read_draws(const Json& fit, FitPage& page) {
  const Json& draws = member(member(fit, "bootstrap"), "draws");
  if (!draws.is_object()) return;
  for (const auto& [name, values] : draws.items()) {
    if (page.parameter(name)) page.draws.emplace_back(name, numbers_or_nan(values));
  }
}

}  // namespace

bool OpenInterval::bounded() const { return std::isfinite(low) && std::isfinite(high); }

const FitParameter* FitPage::parameter(const std::string& name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const FitParameter& one) { return one.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

const FitInput* FitPage::input(const std::string& name) const {
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const FitInput& one) { return one.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

std::string FitPage::offset_of(const std::string& of_group) const {
  return of_group.empty() ? offset : offset + "." + of_group;
}

const std::vector<double>* FitPage::draws_of(const std::string& name) const {
  for (const auto& [known, values] : draws) {
    if (known == name) return &values;
  }
  return nullptr;
}

std::string amount(double value, int digits) {
  const double size = std::abs(value);
  return size >= std::pow(10, digits) && size < 1e6 ? count_text(value) : number(value, digits);
}

std::string end_text(double end, const OpenInterval& interval) {
  const double width = interval.high - interval.low, size = std::abs(end);
  const bool wide = !std::isfinite(width) || !(width > 0) || !(size > width);
  // Two digits more than where the ends begin to differ.
  return amount(end, wide ? 3 : std::clamp(static_cast<int>(std::ceil(std::log10(size / width))) + 2, 3, 12));
}

std::string interval_text(const OpenInterval& interval) {
  const std::string low = end_text(interval.low, interval), high = end_text(interval.high, interval);
  if (interval.bounded()) return fmt::format("[{}, {}]", low, high);
  if (std::isfinite(interval.low)) return "at least " + low;
  if (std::isfinite(interval.high)) return "at most " + high;
  return "unbounded";
}

std::string law_name(const FitPage& page) {
  constexpr size_t kLongest = 60;
  const bool own = page.law == "expression" && !page.formula.empty() && page.formula.size() <= kLongest;
  return own ? page.formula : page.law;
}

FitPage make_fit_page(const Json& fit) {
  const Json& config = member(fit, "config");
  FitPage page;
  page.fit = &fit;
  page.law = text_field(fit, "law"), page.formula = text_field(fit, "formula");
  page.table = text_field(config, "table"), page.y_name = text_field(config, "y");
  if (page.y_name.empty()) page.y_name = "loss";
  page.identified = is_true(fit, "identified");
  page.logarithms = text_field(fit, "objective_is").find("ln(observed)") != std::string::npos;
  read_parameters(fit, page);
  read_rows(fit, page);
  read_curves(fit, page);
  read_profiles(fit, page);
  read_backtest(fit, page);
  read_draws(fit, page);
  const auto window = finite_numbers(member(fit, "window"));
  if (window.size() == 2 && window[0] <= window[1]) page.window = Interval{window[0], window[1]};
  read_formula(page);
  for (auto* make : {law_figure, terms_figure, residuals_figure, profiles_figure, pairs_figure, backtest_figure}) {
    if (auto figure = make(page)) page.figures.push_back(std::move(*figure));
  }
  return page;
}

}  // namespace superpose::report
