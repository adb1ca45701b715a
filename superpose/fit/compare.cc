// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/laws.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

constexpr double kTwoPi = 6.283185307179586;
// A difference of AICc that counts as evidence (Burnham and Anderson's "considerably less support" begins at 4).
constexpr double kClearDifference = 4;

// n·ln Z(s) + F/s, Z(s) = ∫ exp(-ρ(r)/s) dr of Huber's ρ: the density of Besiroglu et al. 2024, with its scale s.
double huber_cost(double delta, double F, double n, double s) {
  const double inside = std::sqrt(kTwoPi * s) * std::erf(delta / std::sqrt(2 * s));
  const double tails = 2 * s / delta * std::exp(-delta * delta / (2 * s));
  return F / s + n * std::log(inside + tails);
}

double lowest_huber_cost(double delta, double F, double n) {
  // Between the Laplace limit s = F·..., unimodal in ln s: golden section.
  const double guess = std::log(F / n);
  double a = guess - 10, b = guess + 10;
  constexpr double kGolden = 0.6180339887498949;
  for (int i = 0; i < 100; ++i) {
    const double c = b - kGolden * (b - a), d = a + kGolden * (b - a);
    (huber_cost(delta, F, n, std::exp(c)) < huber_cost(delta, F, n, std::exp(d)) ? b : a) =
        huber_cost(delta, F, n, std::exp(c)) < huber_cost(delta, F, n, std::exp(d)) ? d : c;
  }
  return huber_cost(delta, F, n, std::exp((a + b) / 2));
}

void set_criteria(const Model& model, double F, const std::vector<double>& y, double delta, int n_parameters,
                  std::optional<double>& aicc, std::optional<double>& bic) {
  const double n = static_cast<double>(y.size()), k = n_parameters + 1.0;  // the scale of the noise is one more
  const auto cost = deviance(model.objective(), delta, F, y);
  if (!cost || n - k - 1 <= 0) return;
  aicc = *cost + 2 * k + 2 * k * (k + 1) / (n - k - 1);
  bic = *cost + k * std::log(n);
}

}  // namespace

std::optional<Data> data_for(const Law& law, const Law& fitted, const Data& data) {
  Data out = data;
  out.inputs.clear();
  for (const auto& input : law.inputs) {
    const auto own = std::find(fitted.inputs.begin(), fitted.inputs.end(), input);
    const auto other = data.others.find(input);
    if (own != fitted.inputs.end()) {
      out.inputs.push_back(data.inputs[static_cast<size_t>(own - fitted.inputs.begin())]);
    } else if (other != data.others.end()) {
      out.inputs.push_back(other->second);
    } else {
      return std::nullopt;
    }
  }
  if (!law.groups) out.group.clear();
  return out;
}

std::vector<Rival> rivals_of(const Fit& fit) {
  const Law& law = fit.model.law();
  std::vector<Rival> out;
  for (const Law& other : laws()) {
    // A law without a floor per group is no rival of one that has them, and a run's time is a law of its own.
    const bool grouped = fit.model.groups().size() > 1 && !other.groups;
    const bool time = (other.name == "time") != (law.name == "time") && !fit.data.others.contains("t");
    if (other.name != law.name && !grouped && !time) out.push_back({other});
  }
  for (const Term& term : law.terms) {
    const bool width = term.inputs == std::vector<std::string>{"m"} && !term.exponent.empty();
    if (width && !fit.options.fixed.contains(term.exponent)) {
      Rival one{law, fit.options.fixed, true};
      one.fixed[term.exponent] = 1;
      one.law.name = fmt::format("{} with {} = 1", law.name, term.exponent);
      out.push_back(one);
    }
  }
  out.push_back({logarithm_law(law), {}, false});
  out.push_back({constant_law(law), {}, false});
  return out;
}

std::optional<double> aicc_of(const Fit& fit) {
  std::optional<double> aicc, bic;
  const double F = fit.model.objective_of(fit.at(), fit.model.weights());
  set_criteria(fit.model, F, fit.data.y, fit.options.delta, fit.n_free(), aicc, bic);
  return aicc;
}

namespace {

void add_comparison(const Fit& fit, const Rival& rival, const HeldOut& held_out, Result& result) {
  const auto data = data_for(rival.law, fit.model.law(), fit.data);
  if (!data) return;
  Options options = fit.options;
  options.fixed = rival.fixed;
  options.objective = fit.model.objective();
  options.brief = true;
  options.bootstrap = 0;
  Comparison row;
  try {
    const Fit other(rival.law, *data, options);
    if (!std::isfinite(other.optima[0].objective) || other.n_free() == 0) return;
    row.n_parameters = other.n_free();
    row.objective = other.model.objective_of(other.at(), other.model.weights());
    set_criteria(other.model, row.objective, data->y, options.delta, row.n_parameters, row.aicc, row.bic);
    if (const auto test = backtest(rival.law, *data, options, held_out)) row.backtest_rms = test->rms_error;
  } catch (const Error&) {
    return;  // this law has no answer here
  }
  row.law = rival.law.name;
  row.formula = rival.law.formula;
  row.candidate = rival.candidate;
  if (row.aicc && result.aicc) row.delta = *row.aicc - *result.aicc;
  // A constant need not win clearly: when it does as well, the table shows no dependence on x at all. With few rows
  // AICc favours the law of fewer parameters whatever the rows say; BIC must agree.
  if (fit.n_free() == 0 || (row.bic && result.bic && *row.bic > *result.bic)) {
    result.compared_to.push_back(row);
    return;
  }
  if (row.delta && row.law == "constant" && *row.delta <= 0) {
    result.warnings.push_back(
        fmt::format("{} describes the rows as well (AICc lower by {:.1f}): the table shows no dependence on {}",
                    row.formula, -*row.delta, fmt::join(fit.model.law().inputs, ", ")));
  } else if (row.delta && *row.delta < -kClearDifference) {
    result.warnings.push_back(fmt::format("law {} ({}) describes the rows better: its AICc is lower by {:.1f}", row.law,
                                          row.formula, -*row.delta));
  }
  result.compared_to.push_back(row);
}

}  // namespace

std::optional<double> deviance(Objective objective, double delta, double F, const std::vector<double>& y) {
  const double n = static_cast<double>(y.size());
  if (!(F > 0) || !std::isfinite(F) || y.empty()) return std::nullopt;
  double out = is_absolute(objective) ? 2 * n * std::log(2 * F / n) + 2 * n
               : is_huber(objective)  ? 2 * lowest_huber_cost(delta, F, n)
                                      : n * std::log(kTwoPi * 2 * F / n) + n;
  if (on_logarithms(objective)) {
    for (const double v : y) out += 2 * std::log(v);  // density of y = density of ln y / y
  }
  return out;
}

void compare(const Fit& fit, Result& result) {
  set_criteria(fit.model, result.objective, fit.data.y, fit.options.delta, fit.n_free(), result.aicc, result.bic);
  if (fit.data.y.size() > kManyRows) return;
  const HeldOut held_out = hold_out_largest(fit.data);
  for (const Rival& rival : rivals_of(fit)) add_comparison(fit, rival, held_out, result);
}

}  // namespace superpose::fit
