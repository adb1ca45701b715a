// SPDX-License-Identifier: Apache-2.0
// Fits and forecasts as JSON: what `fit --json` wrote back in, what `forecast --json` prints.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

[[noreturn]] void not_a_fit(const std::string& text) {
  throw Error(ErrorKind::bad_file, text + "; expected what `superpose fit ... --json` prints");
}

const Json& member(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) not_a_fit(fmt::format("no \"{}\"", name));
  return object.at(name);
}

std::vector<double> numbers(const Json& array, const std::string& what) {
  if (!array.is_array()) not_a_fit(what + " is no list");
  std::vector<double> out;
  for (const Json& v : array) {
    if (!v.is_number() || !std::isfinite(v.get<double>())) not_a_fit(what + " holds something that is no number");
    out.push_back(v.get<double>());
  }
  return out;
}

std::vector<std::string> texts(const Json& array, const std::string& what) {
  if (!array.is_array()) not_a_fit(what + " is no list");
  std::vector<std::string> out;
  for (const Json& v : array) {
    if (!v.is_string()) not_a_fit(what + " holds something that is no text");
    out.push_back(v.get<std::string>());
  }
  return out;
}

Data rows_of(const Json& json, const Law& law) {
  if (json.is_null()) not_a_fit(fmt::format("its table had more than {} rows and was not kept", kMostKeptRows));
  Data out;
  const Json& inputs = member(json, "inputs");
  for (const auto& input : law.inputs)
    out.inputs.push_back(numbers(member(inputs, input.c_str()), "data.inputs." + input));
  out.y = numbers(member(json, "y"), "data.y");
  out.group = texts(member(json, "group"), "data.group");
  out.cluster = texts(member(json, "cluster"), "data.cluster");
  out.weight = numbers(member(json, "weight"), "data.weight");
  const Json& others = member(json, "others");
  if (!others.is_object()) not_a_fit("data.others is no object");
  for (const auto& [name, values] : others.items()) out.others[name] = numbers(values, "data.others." + name);
  for (const auto& [name, values] : out.others) out.inputs.push_back(values);  // checked alike, then taken off again
  for (const auto& values : out.inputs) {
    const bool positive = std::all_of(values.begin(), values.end(), [](double v) { return v > 0; });
    if (!positive && law.expression.empty()) not_a_fit("an input of \"data\" is not above 0");
  }
  out.inputs.resize(law.inputs.size());
  if (std::any_of(out.weight.begin(), out.weight.end(), [](double w) { return w < 0; }))
    not_a_fit("a weight is below 0");
  const size_t n = out.y.size();
  const auto fits = [n](size_t size, bool optional) { return size == n || (optional && size == 0); };
  bool good = n > 0 && fits(out.group.size(), true) && fits(out.cluster.size(), true) && fits(out.weight.size(), true);
  for (const auto& input : out.inputs) good = good && fits(input.size(), false);
  for (const auto& [name, values] : out.others) good = good && fits(values.size(), false);
  if (!good) not_a_fit("the lists of \"data\" differ in length");
  return out;
}

Json number(const std::optional<double>& v) { return v && std::isfinite(*v) ? Json(*v) : Json(nullptr); }
Json interval(const std::optional<Interval>& v) {
  return v ? Json::array({number(v->first), number(v->second)}) : Json(nullptr);
}

Json to_json(const ForecastPoint& point, const std::string& first) {
  Json views = Json::array();
  for (const auto& view : point.views) {
    views.push_back(
        {{"law", view.law}, {"weight", view.weight}, {"loss", number(view.loss)}, {"ci95", interval(view.ci95)}});
  }
  return {{first, point.x},
          {"inputs", point.inputs},
          {"group", point.group.empty() ? Json(nullptr) : Json(point.group)},
          {"loss", number(point.loss)},
          {"ci95", interval(point.ci95)},
          {"prediction95", interval(point.prediction95)},
          {"extrapolation_factor", point.extrapolation_factor},
          {"rests_on", point.rests_on.empty() ? Json(nullptr) : Json(point.rests_on)},
          {"laws", views},
          {"gain_per_doubling", number(point.gain)},
          {"gain_per_doubling_ci95", interval(point.gain95)},
          {"refused", !point.loss.has_value()},
          {"because", point.because.empty() ? Json(nullptr) : Json(point.because)}};
}

Json to_json(const ComputeSplit& split) {
  if (split.refused) {
    return {{"compute", split.compute},
            {"N", nullptr},
            {"D", nullptr},
            {"loss", nullptr},
            {"N_ci95", nullptr},
            {"D_ci95", nullptr},
            {"loss_ci95", nullptr},
            {"tokens_per_parameter", nullptr},
            {"tokens_per_parameter_ci95", nullptr},
            {"extrapolation_factor", split.extrapolation_factor},
            {"refused", true},
            {"because", split.because}};
  }
  return {{"compute", split.compute},
          {"N", number(split.N)},
          {"D", number(split.D)},
          {"loss", number(split.loss)},
          {"N_ci95", interval(split.N95)},
          {"D_ci95", interval(split.D95)},
          {"loss_ci95", interval(split.loss95)},
          {"tokens_per_parameter", number(split.D / split.N)},
          {"tokens_per_parameter_ci95", interval(split.tokens_per_parameter95)},
          {"extrapolation_factor", split.extrapolation_factor},
          {"refused", false},
          {"because", split.because.empty() ? Json(nullptr) : Json(split.because)}};
}

}  // namespace

namespace {

Law law_of(const Json& fit, const Json& data) {
  const Json &name = member(fit, "law"), &formula = member(fit, "formula");
  if (!name.is_string() || !formula.is_string()) not_a_fit("its law is no text");
  if (name.get<std::string>() != "expression") return find_law(name.get<std::string>());
  if (data.is_null()) not_a_fit(fmt::format("its table had more than {} rows and was not kept", kMostKeptRows));
  std::vector<std::string> columns;
  for (const auto& [input, values] : member(data, "inputs").items()) columns.push_back(input);
  return expression_law(formula.get<std::string>(), columns);
}

double number_of(const Json& config, const char* key, double least, double most) {
  const Json& v = member(config, key);
  if (!v.is_number() || !(v.get<double>() >= least && v.get<double>() <= most)) {
    not_a_fit(fmt::format("config.{} is no number from {:g} to {:g}", key, least, most));
  }
  return v.get<double>();
}

std::map<std::string, double> numbers_by_name(const Json& config, const char* key) {
  const Json& object = member(config, key);
  if (!object.is_object()) not_a_fit(fmt::format("config.{} is no object", key));
  std::map<std::string, double> out;
  for (const auto& [name, v] : object.items()) {
    if (!v.is_number() || !std::isfinite(v.get<double>()))
      not_a_fit(fmt::format("config.{} holds something that is no number", key));
    out[name] = v.get<double>();
  }
  return out;
}

StoredFit read_fit(const Json& fit) {
  StoredFit out;
  const Json &schema = member(fit, "schema"), &config = member(fit, "config"), &data = member(fit, "data");
  if (!schema.is_string() || !schema.get<std::string>().starts_with("superpose.fit/"))
    not_a_fit("its schema is not superpose.fit");
  out.law = law_of(fit, data);
  const Json& objective = member(config, "objective");
  if (!objective.is_string()) not_a_fit("config.objective is no text");
  out.law.objective = find_objective(objective.get<std::string>());
  out.options.objective = out.law.objective;
  constexpr double kLargestSeed = 9007199254740992;  // beyond, a JSON number is no exact integer
  out.options.delta = number_of(config, "delta", 1e-300, 1e300);
  out.options.seed = static_cast<uint64_t>(number_of(config, "seed", 0, kLargestSeed));
  out.options.fixed = numbers_by_name(config, "fix");
  out.units = numbers_by_name(config, "units");
  const Json& parameters = member(fit, "parameters");
  for (const auto& [name, value] : out.options.fixed) {
    if (!parameters.is_object() || (!parameters.contains(name) && name != out.law.offset)) {
      not_a_fit(fmt::format("config.fix holds {}, which is no parameter of the fit", name));
    }
  }
  out.data = rows_of(data, out.law);
  const Json &identified = member(fit, "identified"), &warnings = member(fit, "warnings");
  if (!identified.is_boolean()) not_a_fit("\"identified\" is neither true nor false");
  out.identified = identified.get<bool>();
  for (const auto& sentence : texts(warnings, "warnings")) {
    if (out.why_not.empty() && sentence.find("identified") != std::string::npos) out.why_not = sentence;
  }
  return out;
}

}  // namespace

StoredFit stored_fit(const Json& fit) {
  try {
    return read_fit(fit);
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::bad_file) throw;
    not_a_fit(e.what());  // a law, an objective or a formula that nobody knows
  }
}

Json to_json(const Forecast& forecast, const Law& law) {
  Json points = Json::array(), laws = Json::array(), compute = Json::array();
  for (const auto& point : forecast.points) points.push_back(to_json(point, law.inputs[0]));
  for (const auto& one : forecast.laws) {
    laws.push_back({{"law", one.law}, {"formula", one.formula}, {"weight", one.weight}, {"aicc", number(one.aicc)}});
  }
  for (const auto& split : forecast.compute) compute.push_back(to_json(split));
  Json stop = nullptr;
  if (const auto& s = forecast.stop) {
    stop = {{"threshold", s->threshold},
            {law.inputs[0], number(s->x)},
            {"ci95", interval(s->ci95)},
            {"because", s->because.empty() ? Json(nullptr) : Json(s->because)}};
  }
  return {{"points", points},
          {"laws", laws},
          {"stop", stop},
          {"compute", compute},
          {"exponent_N_ci95", interval(forecast.exponent_N)},
          {"exponent_D_ci95", interval(forecast.exponent_D)},
          {"refused", forecast.refused},
          {"forced", forecast.forced},
          {"because", forecast.because.empty() ? Json(nullptr) : Json(forecast.because)},
          {"notes", forecast.notes}};
}

}  // namespace superpose::fit
