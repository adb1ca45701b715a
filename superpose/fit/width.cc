// SPDX-License-Identifier: Apache-2.0
// law width: L = C/m^α + L0[group], the form of the paper's joint fit of language models (its Fig. 8b of v1, 6b of v4).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/base/error.h"
#include "superpose/fit/backtest.h"
#include "superpose/fit/bootstrap.h"
#include "superpose/fit/compare.h"
#include "superpose/fit/fit.h"
#include "superpose/fit/identify.h"
#include "superpose/fit/laws.h"
#include "superpose/fit/statistics.h"
#include "superpose/fit/width_profile.h"

namespace superpose::fit {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::string offset_name(const std::string& group) { return group.empty() ? "L0" : "L0." + group; }

// The data and the fit, losses divided by `scale` (a power of two: exact) so that no square over- or underflows.
struct WidthFit {
  Cells cells;
  Held held;
  double scale = 1;
  std::vector<double> loss;  // [rows]
  WidthProfile::Optimum optimum;
  double rss = 0, within = 0, total = 0;  // Σr²; its part inside cells, which no α can explain; Σ(L - mean of group)²
  int free = 0;
  double dof = 0, t = 0;
  std::optional<double> variance;  // rss/dof
  // Covariance of (s, α) in units of `variance`; 0 for held ones.
  double var_s = 0, cov_sa = 0, var_a = 0;

  const ProfilePoint& point() const { return optimum.point; }
  double C() const { return held.C ? *held.C : point().s * std::exp(point().alpha * cells.ln_m_min); }
  double u(double m) const { return std::exp(-point().alpha * (std::log(m) - cells.ln_m_min)); }
};

std::vector<std::string> parameter_names(const Cells& cells) {
  std::vector<std::string> out{"C", "alpha"};
  for (const auto& group : cells.group_names) out.push_back(offset_name(group));
  return out;
}

Held held_parameters(const Cells& cells, const Options& options, double scale) {
  auto known = parameter_names(cells);
  if (cells.groups() > 1) known.emplace_back("L0");  // every group's
  check_fixed(options, known, "width");
  const auto fixed = [&](const std::string& name) -> std::optional<double> {
    const auto it = options.fixed.find(name);
    return it == options.fixed.end() ? std::nullopt : std::optional(it->second);
  };
  Held out;
  out.alpha = fixed("alpha");
  if (out.alpha && !(*out.alpha > 0)) {
    throw Error(ErrorKind::usage, fmt::format("fix: alpha = {:g}, expected above 0", *out.alpha));
  }
  if (const auto C = fixed("C")) out.C = *C / scale;
  for (const auto& group : cells.group_names) {
    const auto value = fixed(offset_name(group)) ? fixed(offset_name(group)) : fixed("L0");
    out.L0.push_back(value ? std::optional(*value / scale) : std::nullopt);
  }
  return out;
}

double row_prediction(const WidthFit& fit, size_t row) {
  const double u = std::exp(-fit.point().alpha * fit.cells.x[fit.cells.width[fit.cells.cell_of_row[row]]]);
  return fit.point().s * u + fit.point().L0(fit.cells.group_of_row[row]);
}

void add_sums(WidthFit& fit) {
  const size_t n = fit.loss.size();
  std::vector<double> group_sum(fit.cells.groups()), group_count(fit.cells.groups());
  std::vector<double> cell_sum(fit.cells.width.size()), cell_count(fit.cells.width.size());
  for (size_t i = 0; i < n; ++i) {
    group_sum[fit.cells.group_of_row[i]] += fit.loss[i];
    ++group_count[fit.cells.group_of_row[i]];
    cell_sum[fit.cells.cell_of_row[i]] += fit.loss[i];
    ++cell_count[fit.cells.cell_of_row[i]];
  }
  for (size_t i = 0; i < n; ++i) {
    const uint32_t g = fit.cells.group_of_row[i], c = fit.cells.cell_of_row[i];
    const double r = fit.loss[i] - row_prediction(fit, i);
    const double from_group = fit.loss[i] - group_sum[g] / group_count[g];
    const double from_cell = fit.loss[i] - cell_sum[c] / cell_count[c];
    fit.rss += r * r;
    fit.total += from_group * from_group;
    fit.within += from_cell * from_cell;
  }
}

// The inverse of the 2x2 normal matrix of (s, α), L0 eliminated, or of its one free entry.
void add_covariance(WidthFit& fit) {
  const ProfilePoint& p = fit.point();
  if (fit.held.C && fit.held.alpha) return;
  if (fit.held.C) {
    fit.var_a = 1 / p.ee;
  } else if (fit.held.alpha) {
    fit.var_s = 1 / p.uu;
  } else {
    const double left = 1 - p.collinearity();
    fit.var_s = 1 / (p.uu * left);
    fit.var_a = 1 / (p.ee * left);
    fit.cov_sa = -p.ue / (p.uu * p.ee * left);
  }
}

// ∂(s·u)/∂α at ln(m/m_min) = x; with C held s moves too (width_profile.cc).
double slope_in_alpha(const WidthFit& fit, double x, double u) {
  return -fit.point().s * (x + (fit.held.C ? fit.cells.ln_m_min : 0)) * u;
}

// Variance of the fitted curve of a group at (u, ∂/∂α), in units of `variance`.
double curve_variance(const WidthFit& fit, size_t g, double u, double e) {
  const GroupMoments& group = fit.point().groups[g];
  const bool held = fit.held.L0[g].has_value();
  const double mean_e =
      held ? 0 : -fit.point().s * (group.mean_xu + (fit.held.C ? fit.cells.ln_m_min : 0) * group.mean_u);
  const double du = u - group.mean_u, de = e - mean_e;
  return (held ? 0 : 1 / group.weight) + du * du * fit.var_s + 2 * du * de * fit.cov_sa + de * de * fit.var_a;
}

WidthFit solve_width(const Data& data, const Options& options) {
  WidthFit fit;
  fit.cells = make_cells(data.inputs[0], data.group);
  double largest = 0;
  for (const double y : data.y) largest = std::max(largest, std::abs(y));
  if (largest > 0) fit.scale = std::exp2(std::clamp(std::ilogb(largest), -1000, 1000));
  fit.held = held_parameters(fit.cells, options, fit.scale);
  for (const double y : data.y) fit.loss.push_back(y / fit.scale);
  WidthProfile profile(fit.cells, fit.held);
  profile.load(std::vector<double>(fit.loss.size(), 1.0), fit.loss);
  fit.optimum = profile.solve();
  add_sums(fit);
  fit.free = !fit.held.alpha + !fit.held.C;
  for (const auto& L0 : fit.held.L0) fit.free += !L0;
  fit.dof = static_cast<double>(fit.loss.size()) - fit.free;
  // A fall of the order of the rounding of the losses says nothing about its shape.
  constexpr double kRounding = 1e-13;
  double squares = 0;
  for (const double loss : fit.loss) squares += loss * loss;
  const ProfilePoint& p = fit.point();
  const bool falls = p.s * p.s * p.uu > kRounding * kRounding * squares;
  if (p.solvable && !falls && !fit.held.alpha) fit.optimum.end = SearchEnd::undetermined;
  if (fit.optimum.end == SearchEnd::undetermined) return fit;
  if (fit.dof > 0) {
    fit.variance = fit.rss / fit.dof;
    fit.t = student_t_95(fit.dof);
  }
  add_covariance(fit);
  return fit;
}

// Whether a bound of the search fits as well as the optimum, at the 95 % level of the F-test for one parameter:
// rss(bound) <= rss·(1 + t²/dof).
std::optional<double> bound_that_fits(const WidthFit& fit) {
  if (fit.held.alpha || !fit.variance) return std::nullopt;
  WidthProfile profile(fit.cells, fit.held);
  profile.load(std::vector<double>(fit.loss.size(), 1.0), fit.loss);
  for (const double bound : {kMinAlpha, kMaxAlpha}) {
    if (profile.at(bound).rss + fit.within <= fit.rss * (1 + fit.t * fit.t / fit.dof)) return bound;
  }
  return std::nullopt;
}

void set_interval(Parameter& parameter, const WidthFit& fit, double variance) {
  if (parameter.held || !fit.variance) return;
  parameter.se = std::sqrt(*fit.variance * variance);
  parameter.ci95 = Interval{parameter.value - fit.t * *parameter.se, parameter.value + fit.t * *parameter.se};
}

void set_parameters(const WidthFit& fit, Result& result) {
  const bool known = fit.optimum.end != SearchEnd::undetermined;
  const ProfilePoint& p = fit.point();
  Parameter C{fit.C() * fit.scale}, alpha{p.alpha};
  C.held = fit.held.C.has_value();
  alpha.held = fit.held.alpha.has_value();
  if (!known && !C.held) C.value = kUnknown;
  if (!known && !alpha.held) alpha.value = kUnknown;
  if (known) {
    // C = s·m_min^α, so dC = m_min^α·(ds + s·ln(m_min)·dα).
    const double factor = std::exp(p.alpha * fit.cells.ln_m_min) * fit.scale, along = p.s * fit.cells.ln_m_min;
    set_interval(C, fit, factor * factor * (fit.var_s + 2 * along * fit.cov_sa + along * along * fit.var_a));
    set_interval(alpha, fit, fit.var_a);
  }
  result.parameters = {{"C", C}, {"alpha", alpha}};
  for (size_t g = 0; g < fit.cells.groups(); ++g) {
    Parameter L0{fit.held.L0[g] ? *fit.held.L0[g] * fit.scale : p.L0(g) * fit.scale};
    L0.held = fit.held.L0[g].has_value();
    if (!known && !L0.held) L0.value = kUnknown;
    if (known) set_interval(L0, fit, fit.scale * fit.scale * curve_variance(fit, g, 0, 0));
    result.parameters.emplace_back(offset_name(fit.cells.group_names[g]), L0);
  }
}

void bootstrap_width(const WidthFit& fit, const Data& data, const Options& options, Result& result) {
  WidthProfile profile(fit.cells, fit.held);
  std::vector<int> absent(fit.cells.groups());
  bootstrap(
      data, options,
      [&](const std::vector<double>& weights) {
        profile.load(weights, fit.loss);
        const auto [point, end] = profile.solve(fit.point().alpha);
        if (end == SearchEnd::undetermined) return Refit{{}, false};
        Refit out{{point.s * std::exp(point.alpha * fit.cells.ln_m_min) * fit.scale, point.alpha}};
        out.at_bound = end != SearchEnd::inside;
        for (size_t g = 0; g < fit.cells.groups(); ++g) {
          const bool present = point.groups[g].weight > 0;
          absent[g] += !present;
          out.values.push_back(present ? point.L0(g) * fit.scale : kUnknown);
        }
        return out;
      },
      result);
  const auto most = std::max_element(absent.begin(), absent.end());
  if (most != absent.end() && *most > 0) {
    result.warnings.push_back(fmt::format(
        "resamples without any row of a group are left out of that group's interval (at most {} of {}, group {})",
        *most, options.bootstrap, fit.cells.group_names[static_cast<size_t>(most - absent.begin())]));
  }
}

// L0 is told apart from the falling part when its interval is narrower than that part at the group's smallest width,
// and from no floor at all when the interval excludes 0 (asked where every y is positive, as losses are).
void judge_offsets(const WidthFit& fit, Result& result) {
  const bool positive = std::all_of(fit.loss.begin(), fit.loss.end(), [](double y) { return y > 0; });
  std::string failing;
  int n_failing = 0;
  for (size_t g = 0; g < fit.cells.groups(); ++g) {
    auto& [name, L0] = result.parameters[2 + g];
    const double u_max = std::exp(-fit.point().alpha * fit.cells.x[fit.cells.width[fit.cells.first[g]]]);
    const double falling = std::abs(fit.point().s * u_max) * fit.scale;
    const bool floor = !positive || (L0.ci95 && (L0.ci95->first > 0 || L0.ci95->second < 0));
    L0.identified = L0.held || (L0.ci95 && L0.ci95->second - L0.ci95->first <= falling && floor);
    if (L0.identified) continue;
    constexpr int kMostNamed = 6;
    if (++n_failing <= kMostNamed) failing += (failing.empty() ? "" : ", ") + name;
  }
  if (n_failing == 0) return;
  result.warnings.push_back(fmt::format(
      "{}{} not identified: the interval is absent, wider than the part of the loss that falls with m, or includes 0",
      failing,
      n_failing > 6   ? fmt::format(" and {} more are", n_failing - 6)
      : n_failing > 1 ? " are"
                      : " is"));
}

void judge(const WidthFit& fit, Result& result) {
  auto& C = result.parameters[0].second;
  auto& alpha = result.parameters[1].second;
  auto& warnings = result.warnings;
  if (fit.optimum.end == SearchEnd::undetermined) {
    result.status = Status::flat;
    warnings.push_back(
        fit.total == 0 || fit.point().s == 0 || fit.point().collinearity() < 1
            ? "nothing is identified: the loss does not change with m"
            : "nothing is identified: the widths do not tell C, alpha and L0 apart (two widths per group can "
              "not; three or more are needed)");
    for (auto& [name, parameter] : result.parameters) parameter.identified = parameter.held;
    return;
  }
  judge_ratio("alpha", kWidestExponent, alpha, warnings);
  judge_ratio("C", kWidestCoefficient, C, warnings);
  judge_offsets(fit, result);
  const auto bound = bound_that_fits(fit);
  if (fit.optimum.end != SearchEnd::inside) {
    result.status = Status::at_bound;
    reject("alpha", fmt::format("the best value, {:g}, is the bound of the search", fit.point().alpha), alpha,
           warnings);
  } else if (bound) {
    result.status = Status::flat;
    reject("alpha", fmt::format("{:g}, a bound of the search, fits as well at the 95 % level", *bound), alpha,
           warnings);
  } else if (alpha.ci95 && (alpha.ci95->first <= kMinAlpha || alpha.ci95->second >= kMaxAlpha) && alpha.identified) {
    reject("alpha", "its interval reaches a bound of the search", alpha, warnings);
  }
  if (result.status == Status::converged) return;
  // With α anywhere up to a bound, asymptotic intervals of the rest mean nothing.
  C.identified = C.held;
  for (size_t p = 2; p < result.parameters.size(); ++p) {
    result.parameters[p].second.identified = result.parameters[p].second.held;
  }
}

void warn(const WidthFit& fit, Result& result) {
  auto& warnings = result.warnings;
  if (!fit.variance && fit.optimum.end != SearchEnd::undetermined) {
    warnings.push_back(fmt::format("{} rows for {} parameters leave no degree of freedom: no standard errors",
                                   fit.loss.size(), fit.free));
  }
  const auto& C = result.parameters[0].second;
  if (C.value < 0) warnings.push_back("C is negative: the loss rises with m, the law describes a falling one");
  for (const auto& [name, parameter] : result.parameters) {
    if (name.starts_with("L0") && parameter.value < 0) {
      warnings.push_back(fmt::format("{} is negative, which no loss can reach", name));
    }
  }
  constexpr double kLoose = 3;
  if (C.ci95 && C.ci95->first > 0 && C.ci95->second > kLoose * C.ci95->first && !fit.held.alpha &&
      fit.cells.ln_m_min > std::log(kLoose)) {
    const double se_C = std::exp(fit.point().alpha * fit.cells.ln_m_min) * fit.scale;
    const double cov = fit.cov_sa + fit.point().s * fit.cells.ln_m_min * fit.var_a;
    const double correlation =
        C.se && *C.se > 0 && fit.variance ? cov * se_C * std::sqrt(*fit.variance / fit.var_a) / *C.se : kUnknown;
    if (std::isfinite(correlation)) {
      warnings.push_back(
          fmt::format("C is the falling part at m = 1, far from the table, and moves with alpha "
                      "(correlation {:.3f}): its interval is wide even where the curve is well known",
                      correlation));
    }
  }
}

std::optional<std::vector<std::optional<Prediction>>> predict(const Data& known, const Data& held_out,
                                                              Options options) {
  // A held offset of a group that is only in the rows held out is not a parameter of this smaller fit.
  const auto cells = make_cells(known.inputs[0], known.group);
  auto names = parameter_names(cells);
  names.emplace_back("L0");
  std::erase_if(options.fixed,
                [&](const auto& entry) { return std::find(names.begin(), names.end(), entry.first) == names.end(); });
  const WidthFit fit = solve_width(known, options);
  if (fit.optimum.end == SearchEnd::undetermined) return std::nullopt;
  std::vector<std::optional<Prediction>> out;
  for (size_t i = 0; i < held_out.y.size(); ++i) {
    const auto& groups = fit.cells.group_names;
    const auto found =
        held_out.group.empty() ? groups.begin() : std::find(groups.begin(), groups.end(), held_out.group[i]);
    if (found == groups.end()) {
      out.emplace_back(std::nullopt);
      continue;
    }
    const auto g = static_cast<size_t>(found - groups.begin());
    const double x = std::log(held_out.inputs[0][i]) - fit.cells.ln_m_min, u = fit.u(held_out.inputs[0][i]);
    Prediction point{(fit.point().s * u + fit.point().L0(g)) * fit.scale, std::nullopt};
    if (fit.variance) {
      const double variance = *fit.variance * (1 + curve_variance(fit, g, u, slope_in_alpha(fit, x, u)));
      const double half = fit.t * std::sqrt(variance) * fit.scale;
      point.interval95 = Interval{point.value - half, point.value + half};
    }
    out.emplace_back(point);
  }
  return out;
}

void check_rows(const Data& data) {
  SUPERPOSE_ASSERT(data.inputs.size() == 1 && data.inputs[0].size() == data.y.size());
  SUPERPOSE_ASSERT(data.group.empty() || data.group.size() == data.y.size());
  SUPERPOSE_ASSERT(data.cluster.empty() || data.cluster.size() == data.y.size());
  if (data.y.empty()) throw Error(ErrorKind::numeric, "law width: no rows to fit");
  for (size_t i = 0; i < data.y.size(); ++i) {
    const double m = data.inputs[0][i];
    if (!(m > 0) || !std::isfinite(m) || !std::isfinite(data.y[i])) {
      throw Error(ErrorKind::numeric,
                  fmt::format("law width: row {} of the fitted rows has m = {:g}, loss = {:g}; expected m "
                              "above 0 and a finite loss",
                              i + 1, m, data.y[i]));
    }
  }
}

}  // namespace

Result fit_width_law(const Data& data, const Options& options) {
  check_rows(data);
  const WidthFit fit = solve_width(data, options);
  if (!fit.point().solvable) {
    throw Error(
        ErrorKind::numeric,
        fit.cells.x.size() == 1
            ? fmt::format("law width needs at least two different m, every row has {:g}", data.inputs[0][0])
            : "law width: no group has two different m, so every loss is its group's L0 and nothing is left for C "
              "and alpha; use fewer groups or more widths");
  }
  Result result;
  result.law = std::string("width");
  result.interval_method = std::string("t");
  result.objective = fit.rss / 2 * fit.scale * fit.scale;
  for (size_t i = 0; i < data.y.size(); ++i)
    result.residuals.push_back((fit.loss[i] - row_prediction(fit, i)) * fit.scale);
  if (fit.total > 0) result.r2 = 1 - fit.rss / fit.total;
  const auto [least, most] = std::minmax_element(data.inputs[0].begin(), data.inputs[0].end());
  result.window = Interval{*least, *most};
  set_parameters(fit, result);
  if (fit.optimum.end == SearchEnd::undetermined) {
    result.interval_method = std::string("none");  // there is nothing to have an interval of
  } else {
    if (!fit.held.alpha && !fit.held.C) {
      const double rho = std::sqrt(fit.point().collinearity());
      result.condition = std::sqrt((1 + rho) / (1 - rho));
    }
    bootstrap_width(fit, data, options, result);
  }
  judge(fit, result);
  judge_whole(result);
  warn(fit, result);
  const Rival fitted{"width", data.group.empty() ? "y = C/x^alpha + L0" : "y = C/x^alpha + L0[group]", fit.free,
                     2 * result.objective};
  std::vector<Rival> rivals{inverse_rival(data), logarithm_rival(data)};
  if (const auto power = power_rival(data)) rivals.insert(rivals.begin(), *power);
  rivals.push_back(constant_rival(data));
  compare(data, fitted, rivals, result);
  backtest(
      data, [&](const Data& known, const Data& held_out) { return predict(known, held_out, options); }, result);
  return result;
}

Result fit_width(const WidthData& width, const Options& options) {
  Data data;
  data.inputs = {width.m};
  data.y = width.loss;
  data.group = width.group;
  data.cluster = width.cluster;
  return fit_width_law(data, options);
}

}  // namespace superpose::fit
