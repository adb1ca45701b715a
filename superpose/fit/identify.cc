// SPDX-License-Identifier: Apache-2.0
// When does a table identify a parameter? One rule per kind of parameter, the same for every law; docs/fitting.md
// states them for users.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "superpose/base/error.h"
#include "superpose/fit/analysis.h"

namespace superpose::fit {
namespace {

using Eigen::Index;

constexpr double kWidestExponent = 4;       // high/low of an exponent's interval
constexpr double kWidestCoefficient = 100;  // high/low of a coefficient's interval: it spans decades by nature

void reject(std::string_view name, const std::string& reason, Parameter& parameter,
            std::vector<std::string>& warnings) {
  parameter.identified = false;
  warnings.push_back(fmt::format("{} is not identified: {}", name, reason));
}

// The interval exists, excludes 0 and its ends differ by at most `factor`.
void judge_ratio(std::string_view name, double factor, Parameter& p, std::vector<std::string>& warnings) {
  p.identified = true;
  if (!p.ci95) return reject(name, "it has no interval", p, warnings);
  const auto [low, high] = *p.ci95;
  if (!std::isfinite(low) || !std::isfinite(high)) return reject(name, "its interval is unbounded", p, warnings);
  if (low <= 0 && high >= 0) {
    return reject(name, fmt::format("its 95 % interval [{:.4g}, {:.4g}] includes 0", low, high), p, warnings);
  }
  const double ratio = low > 0 ? high / low : low / high;
  if (ratio > factor) {
    const std::string by = std::isfinite(ratio) ? fmt::format("{:.3g}", ratio) : "more than 1e308";
    reject(
        name,
        fmt::format("the ends of its 95 % interval [{:.4g}, {:.4g}] differ by a factor of {}; at most {:g} is useful",
                    low, high, by, factor),
        p, warnings);
  }
}

// An end of the search range of this exponent that fits as well as the optimum, at the 95 % level.
std::optional<double> bound_that_fits(const Fit& fit, size_t parameter) {
  const auto& place = fit.model.parameters()[parameter];
  const auto range = fit.model.solver().system().basis->ranges[static_cast<size_t>(place.index)];
  if (!fit.noise.excess || !std::isfinite(range.low)) return std::nullopt;
  Options options = fit.options;
  options.fixed[place.name] = range.low;
  if (!(range.low > 0)) return std::nullopt;  // an expression's: its range is ours, not the law's
  Model held(fit.model.law(), fit.data, options);
  for (const double bound : {range.low, range.high}) {
    held.hold(parameter, bound);
    const auto found = held.search(held.weights());
    if (found[0].objective - fit.optima[0].objective <= *fit.noise.excess * fit.noise.t * fit.noise.t / 2) return bound;
  }
  return std::nullopt;
}

void judge_exponent(const Fit& fit, size_t parameter, Result& result) {
  auto& [name, p] = result.parameters[parameter];
  const bool search = fit.model.law().expression.empty();
  if (!search && !p.at_bound) {  // a number of the user's formula: any sign, any size
    p.identified = p.ci95 && std::isfinite(p.ci95->first) && std::isfinite(p.ci95->second);
    if (!p.identified)
      reject(name, p.ci95 ? "its interval is unbounded" : "it has no interval", p, result.warnings);
    else if (p.ci95->first <= 0 && p.ci95->second >= 0)
      judge_ratio(name, kWidestExponent, p, result.warnings);
    return;
  }
  judge_ratio(name, kWidestExponent, p, result.warnings);
  const auto bound = bound_that_fits(fit, parameter);
  if (p.at_bound) {
    result.status = Status::at_bound;
    reject(name, fmt::format("the best value, {:g}, is the bound of the search", p.value), p, result.warnings);
  } else if (bound) {
    if (result.status == Status::converged) result.status = Status::flat;
    reject(name, fmt::format("{:g}, a bound of the search, fits as well at the 95 % level", *bound), p,
           result.warnings);
  } else if (p.identified && p.ci95 && !fit.model.law().is_only_a_power() &&
             (p.ci95->first <= kMinAlpha || p.ci95->second >= kMaxAlpha)) {
    reject(name, "its interval reaches a bound of the search", p, result.warnings);
  }
}

// The falling part of the prediction, largest per group, in the user's units.
std::vector<double> falling_parts(const Fit& fit, const Result& result) {
  const auto& system = fit.model.solver().system();
  std::vector<double> out(fit.model.groups().size());
  for (size_t i = 0; i < result.predicted.size(); ++i) {
    const uint32_t g = system.group[i];
    const double falling = result.predicted[i] - system.offset_sign * fit.at().b[g] * fit.model.scale();
    out[g] = std::max(out[g], std::abs(falling));
  }
  return out;
}

// A floor is told apart from the falling part when its interval is narrower than that part, and from no floor at all
// when the interval excludes 0 (asked where every y is positive, as losses are).
void judge_offsets(const Fit& fit, Result& result) {
  if (fit.model.groups().empty()) return;
  const auto falling = falling_parts(fit, result);
  const auto& y = fit.data.y;
  const bool positive = std::all_of(y.begin(), y.end(), [](double v) { return v > 0; });
  std::string failing;
  int n_failing = 0;
  constexpr int kMostNamed = 6;
  for (size_t i = 0; i < result.parameters.size(); ++i) {
    const auto& place = fit.model.parameters()[i];
    if (place.kind != ParameterKind::offset) continue;
    auto& [name, p] = result.parameters[i];
    const bool floor = !positive || (p.ci95 && (p.ci95->first > 0 || p.ci95->second < 0));
    p.identified =
        p.held || (p.ci95 && p.ci95->second - p.ci95->first <= falling[static_cast<size_t>(place.index)] && floor);
    if (p.at_bound && !p.held) {
      reject(name, "it is at 0, its lowest value: the table shows no floor", p, result.warnings);
    } else if (!p.identified && ++n_failing <= kMostNamed) {
      failing += (failing.empty() ? "" : ", ") + name;
    }
  }
  if (n_failing == 0) return;
  const std::string input = fit.model.law().inputs.size() == 1 ? " with " + fit.model.law().inputs[0] : "";
  result.warnings.push_back(fmt::format(
      "{}{} not identified: the interval is absent, wider than the part of the loss that falls{}, or includes 0",
      failing,
      n_failing > kMostNamed ? fmt::format(" and {} more are", n_failing - kMostNamed)
      : n_failing > 1        ? " are"
                             : " is",
      input));
}

// ln of each term's product of inputs, [term][row].
std::vector<std::vector<double>> term_logs(const Fit& fit) {
  std::vector<std::vector<double>> out;
  const Law& law = fit.model.law();
  for (const Term& term : law.terms) {
    auto& logs = out.emplace_back(fit.data.y.size());
    for (const auto& input : term.inputs) {
      const auto& x = fit.data.inputs[law.input_index(input)];
      for (size_t i = 0; i < x.size(); ++i) logs[i] += std::log(x[i]);
    }
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) ma += a[i] / n, mb += b[i] / n;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb), ab += (a[i] - ma) * (b[i] - mb);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

std::string term_text(const Term& term) { return fmt::format("{}", fmt::join(term.inputs, "·")); }

void reject_term(const Term& term, const std::string& reason, Result& result) {
  for (auto& [name, p] : result.parameters) {
    if ((name == term.coefficient || name == term.exponent) && !p.held && p.identified) {
      reject(name, reason, p, result.warnings);
    }
  }
}

// Designs that cannot tell parts of a law apart, whatever the noise.
void judge_design(const Fit& fit, Result& result) {
  constexpr double kTogether = 0.95, kSame = 0.9995;
  const Law& law = fit.model.law();
  if (fit.data.y.size() > kManyRows) return;
  const auto logs = term_logs(fit);
  for (size_t a = 0; a < logs.size(); ++a) {
    std::set<double> distinct;
    for (const double v : logs[a]) {
      if (distinct.size() <= 4) distinct.insert(v);
    }
    const bool line = law.is_only_a_power(), free = !fit.options.fixed.contains(law.terms[a].exponent);
    if (distinct.size() == 2 && free && !line) {
      reject_term(law.terms[a],
                  fmt::format("the table has two values of {}, which any exponent fits", term_text(law.terms[a])),
                  result);
    } else if (distinct.size() == 3 && free && !line) {
      result.warnings.push_back(
          fmt::format("the table has three values of {}: enough for an exponent, too few to test "
                      "the form of the law",
                      term_text(law.terms[a])));
    }
    for (size_t b = a + 1; b < logs.size(); ++b) {
      const double r = correlation(logs[a], logs[b]);
      if (std::abs(r) < kTogether) continue;
      const std::string pair = fmt::format("{} and {} move together (correlation {:.4f} of their logarithms)",
                                           term_text(law.terms[a]), term_text(law.terms[b]), r);
      if (std::abs(r) < kSame) {
        result.warnings.push_back(pair + ": how the fall is shared between them rests on small differences");
        continue;
      }
      result.warnings.push_back(pair + ": the table cannot tell their parts of the loss apart");
      for (const size_t k : {a, b}) reject_term(law.terms[k], pair, result);
    }
  }
}

void warn_of_oddities(const Fit& fit, Result& result) {
  auto& warnings = result.warnings;
  const Law& law = fit.model.law();
  if (!fit.noise.variance && fit.determined) {
    warnings.push_back(fmt::format("{} rows for {} parameters leave no degree of freedom: no standard errors",
                                   fit.data.y.size(), fit.n_free()));
  }
  for (size_t i = 0; i < result.parameters.size(); ++i) {
    const auto& [name, p] = result.parameters[i];
    const auto kind = fit.model.parameters()[i].kind;
    const bool falls =
        kind == ParameterKind::coefficient && law.expression.empty() && result.status == Status::converged;
    if (falls && p.value < 0) {
      warnings.push_back(
          fmt::format("{} is negative: the loss rises with {}, the law describes a falling one", name, law.inputs[0]));
    }
    if (kind == ParameterKind::offset && p.value < 0) {
      warnings.push_back(fmt::format("{} is negative, which no loss can reach", name));
    }
    if (kind == ParameterKind::coefficient && p.at_bound && !p.held) {
      warnings.push_back(fmt::format("{} is at 0: this part of the law does not show in the table", name));
    }
    if (law.is_only_a_power() && kind == ParameterKind::shape && p.value < 0 && p.identified) {
      warnings.push_back(fmt::format("{} is negative: y rises with {}", name, law.inputs[0]));
    }
  }
  constexpr double kStraight = 0.9;
  if (law.is_only_a_power() && result.r2 && *result.r2 < kStraight) {
    warnings.push_back(
        fmt::format("R² = {:.3f}: a straight line in ln x leaves {:.0f} % of the variance of ln y unexplained",
                    *result.r2, 100 * (1 - *result.r2)));
  }
  if (!fit.optima[0].moved) {
    warnings.push_back("the solver ended where it started: the objective did not improve, which is no optimum");
  }
}

void say_nothing_is_identified(const Fit& fit, Result& result) {
  result.status = Status::flat;
  for (auto& [name, p] : result.parameters) p.identified = p.held;
  const Law& law = fit.model.law();
  std::string names;
  for (const auto& place : fit.model.parameters()) {
    if (place.held || (place.kind == ParameterKind::offset && place.index > 0)) continue;
    names += (names.empty() ? "" : ", ") + place.name;
  }
  result.warnings.push_back(
      fmt::format("nothing is identified: the table does not tell {} apart{}", names,
                  law.inputs.size() == 1 && law.expression.empty()
                      ? fmt::format(" (two different {0} per group can not; three or more are needed)", law.inputs[0])
                      : std::string(": they can be moved together without changing the fit")));
}

}  // namespace

void identify(const Fit& fit, Result& result) {
  result.status = Status::converged;
  if (!fit.determined) {
    say_nothing_is_identified(fit, result);
  } else {
    for (size_t i = 0; i < result.parameters.size(); ++i) {
      auto& [name, p] = result.parameters[i];
      const auto& place = fit.model.parameters()[i];
      p.identified = p.held;
      if (p.held) continue;
      if (place.kind == ParameterKind::shape && fit.vanished[static_cast<size_t>(place.index)]) {
        result.status = Status::flat;
        reject(name, "the part of the law it belongs to is 0: the loss does not change with it", p, result.warnings);
      } else if (place.kind == ParameterKind::shape) {
        judge_exponent(fit, i, result);
      } else if (place.kind == ParameterKind::coefficient) {
        judge_ratio(name, kWidestCoefficient, p, result.warnings);
      }
    }
    judge_offsets(fit, result);
    judge_design(fit, result);
    // With an exponent anywhere up to a bound, intervals of the rest mean nothing.
    if (result.status != Status::converged && fit.model.law().inputs.size() == 1) {
      for (auto& [name, p] : result.parameters) p.identified = p.held;
    }
  }
  if (!std::isfinite(result.objective)) {
    for (auto& [name, p] : result.parameters) p.identified = p.held;
    result.warnings.push_back("nothing is identified: the objective is too large for a number; scale the loss");
  }
  warn_of_oddities(fit, result);
  result.identified =
      std::isfinite(result.objective) && std::all_of(result.parameters.begin(), result.parameters.end(),
                                                     [](const auto& entry) { return entry.second.identified; });
}

void judge_inverse_width(const Fit& fit, Result& result) {
  const Law& law = fit.model.law();
  const auto term = std::find_if(law.terms.begin(), law.terms.end(), [](const Term& t) {
    return t.inputs == std::vector<std::string>{"m"} && !t.exponent.empty();
  });
  if (term == law.terms.end()) return;
  const Parameter& p = result[term->exponent];
  if (p.held) return;
  InverseWidth out{term->exponent, "cannot_tell", ""};
  try {
    Options options = fit.options;
    options.fixed[term->exponent] = 1;
    Model held(law, fit.data, options);
    const double forced = held.objective_of(held.search(held.weights())[0].at, held.weights());
    if (result.objective > 0 && std::isfinite(forced)) out.objective_ratio = forced / result.objective;
  } catch (const Error&) {
  }
  const std::string ratio = out.objective_ratio ? fmt::format("; {} held at 1 has {:.3g} times the objective",
                                                              term->exponent, *out.objective_ratio)
                                                : "";
  if (!p.ci95 || !std::isfinite(p.value)) {
    out.because = fmt::format("{} has no interval{}", term->exponent, ratio);
  } else {
    const auto [low, high] = *p.ci95;
    const std::string interval = fmt::format("95 % interval [{:.3g}, {:.3g}]", low, high);
    constexpr double kRounding = 1e-9;  // of a table without noise
    const bool contains = low <= 1 + kRounding && 1 - kRounding <= high;
    if (!p.identified) {
      out.because = fmt::format("{} is not identified ({}){}", term->exponent, interval, ratio);
    } else {
      out.verdict = contains ? "confirmed" : "denied";
      out.because = fmt::format("{} = {:.3g}, {} {} 1{}", term->exponent, p.value, interval,
                                contains ? "contains" : "excludes", ratio);
    }
  }
  result.inverse_width = out;
}

}  // namespace superpose::fit
