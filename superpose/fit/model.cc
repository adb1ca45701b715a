// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

std::string offset_name(const Law& law, const std::string& group) {
  return group.empty() ? law.offset : law.offset + "." + group;
}

void check_options(const Options& options, const std::vector<std::string>& known, const Law& law) {
  std::string problems;
  const auto add = [&](const std::string& problem) { problems += (problems.empty() ? "" : "; ") + problem; };
  for (const auto& [name, value] : options.fixed) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      add(fmt::format("fix: law {} has no parameter {}{}", law.name, name, suggestion(name, known)));
    } else if (!std::isfinite(value)) {
      add(fmt::format("fix: {} is not finite", name));
    }
  }
  if (options.bootstrap < 0) add(fmt::format("bootstrap = {}: expected 0 or more", options.bootstrap));
  if (!(options.delta > 0)) add(fmt::format("delta = {:g}: expected above 0", options.delta));
  if (!problems.empty()) throw Error(ErrorKind::usage, problems);
}

}  // namespace

Data rows_of(const Data& data, const std::vector<size_t>& rows) {
  Data out;
  out.unit = data.unit;
  const auto chosen = [&](const auto& all, auto& into) {
    if (all.empty()) return;
    into.reserve(rows.size());
    for (const size_t row : rows) into.push_back(all[row]);
  };
  out.inputs.resize(data.inputs.size());
  for (size_t i = 0; i < data.inputs.size(); ++i) chosen(data.inputs[i], out.inputs[i]);
  chosen(data.y, out.y);
  chosen(data.group, out.group);
  chosen(data.cluster, out.cluster);
  chosen(data.weight, out.weight);
  for (const auto& [name, values] : data.others) chosen(values, out.others[name]);
  return out;
}

Model::Model(const Law& law, const Data& data, const Options& options)
    : law_(law), objective_(options.objective.value_or(law.objective)), delta_(options.delta) {
  SUPERPOSE_ASSERT(data.inputs.size() >= law.inputs.size());
  if (data.y.empty()) throw Error(ErrorKind::numeric, fmt::format("law {}: no rows to fit", law.name));
  law_.objective = objective_;
  read_groups(data);
  System system;
  read_rows(data, system);
  for (const auto& term : law_.terms) coefficient_held_.push_back(options.fixed.contains(term.coefficient));
  basis_ = make_basis(law_, data, coefficient_held_, nullptr);
  check_widths(data);
  system.basis = basis_.get();
  line_ = system.logarithms && law_.offset.empty() && basis_->only_power();
  place_parameters();
  check_names(options);
  for (auto& place : places_) {
    place.held = options.fixed.contains(place.name) ||
                 (place.kind == ParameterKind::offset && options.fixed.contains(law_.offset));
  }
  mark_held(system);
  solver_ = std::make_unique<Solver>(std::move(system));
  blank_ = solver_->blank();
  apply_fixed(options);
}

void Model::read_rows(const Data& data, System& system) {
  const auto n = static_cast<Index>(data.y.size());
  weights_ = VectorXd::Ones(n);
  for (Index i = 0; i < n && !data.weight.empty(); ++i) weights_[i] = data.weight[static_cast<size_t>(i)];
  system.y.resize(n);
  system.logarithms = on_logarithms(objective_);
  double largest = 0;
  for (size_t i = 0; i < data.y.size(); ++i) {
    largest = std::max(largest, std::abs(data.y[i]));
    if (!system.logarithms || data.y[i] > 0) continue;
    const bool line = law_.is_only_a_power();
    throw Error(
        ErrorKind::numeric,
        fmt::format("law {} {}takes logarithms, but row {} of the fitted rows has y = {:g}; expected above 0 ({})",
                    law_.name, line ? "" : "by " + std::string(objective_name(objective_)) + " ", i + 1, data.y[i],
                    line ? "law width allows any y" : "--objective ls or huber allow any y"));
  }
  if (largest > 0) scale_ = std::exp2(std::clamp(std::ilogb(largest), -1000, 1000));
  for (Index i = 0; i < n; ++i) system.y[i] = data.y[static_cast<size_t>(i)] / scale_;
  system.delta = is_absolute(objective_) ? 0
                 : is_huber(objective_)  ? (system.logarithms ? delta_ : delta_ / scale_)
                                         : HuberLoss{}.delta;
  if (law_.offset.empty()) return;
  system.groups = static_cast<int>(groups_.size());
  std::unordered_map<std::string_view, uint32_t> index;
  for (const auto& group : groups_) index.emplace(group, static_cast<uint32_t>(index.size()));
  for (size_t i = 0; i < data.y.size(); ++i) system.group.push_back(data.group.empty() ? 0 : index.at(data.group[i]));
  system.offset_sign = law_.offset_sign;
  system.offset_nonnegative = !law_.offset_any_sign;
}

// The order of the report: as the formula reads, with many floors last.
void Model::place_parameters() {
  const auto add_offsets = [&] {
    for (size_t g = 0; g < groups_.size(); ++g) {
      places_.push_back({offset_name(law_, groups_[g]), ParameterKind::offset, static_cast<int>(g)});
    }
  };
  if (groups_.size() == 1) add_offsets();
  for (size_t k = 0; k < basis_->coefficients.size(); ++k) {
    if (!basis_->coefficients[k].empty()) {
      places_.push_back({basis_->coefficients[k], ParameterKind::coefficient, static_cast<int>(k)});
    }
    if (k >= law_.terms.size() || law_.terms[k].exponent.empty()) continue;
    const auto p = std::find(basis_->shapes.begin(), basis_->shapes.end(), law_.terms[k].exponent);
    const bool seen = std::any_of(places_.begin(), places_.end(), [&](const auto& place) { return place.name == *p; });
    if (!seen) places_.push_back({*p, ParameterKind::shape, static_cast<int>(p - basis_->shapes.begin())});
  }
  for (size_t p = 0; p < basis_->shapes.size() && law_.terms.empty(); ++p) {
    places_.push_back({basis_->shapes[p], ParameterKind::shape, static_cast<int>(p)});
  }
  if (!law_.expression.empty()) {  // as the user wrote them
    const auto rank = [&](const ParameterPlace& place) {
      return std::find(law_.parameters.begin(), law_.parameters.end(), place.name) - law_.parameters.begin();
    };
    std::stable_sort(places_.begin(), places_.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  }
  if (groups_.size() > 1) add_offsets();
}

void Model::check_names(const Options& options) const {
  std::vector<std::string> known;
  for (const auto& place : places_) known.push_back(place.name);
  if (groups_.size() > 1) known.push_back(law_.offset);  // every group's
  check_options(options, known, law_);
}

void Model::mark_held(System& system) const {
  system.theta_held.resize(basis_->shapes.size());
  system.c_held.resize(basis_->coefficients.size());
  system.b_held.resize(static_cast<size_t>(system.groups));
  for (const auto& place : places_) {
    const auto at = static_cast<size_t>(place.index);
    if (place.kind == ParameterKind::shape) system.theta_held[at] = place.held;
    if (place.kind == ParameterKind::coefficient) system.c_held[at] = place.held;
    if (place.kind == ParameterKind::offset) system.b_held[at] = place.held;
  }
  for (size_t k = 0; k < basis_->coefficients.size(); ++k) {
    if (basis_->coefficients[k].empty()) system.c_held[k] = true;  // a part without a coefficient
  }
}

void Model::read_groups(const Data& data) {
  if (law_.offset.empty()) return;
  std::set<std::string_view> seen;
  for (const auto& group : data.group) {
    if (seen.insert(group).second) groups_.push_back(group);
  }
  if (groups_.empty()) groups_.emplace_back();
}

// One value of an input within every group tells nothing of how the loss changes with it.
void Model::check_widths(const Data& data) const {
  for (size_t i = 0; i < law_.inputs.size() && !law_.terms.empty(); ++i) {
    const auto& x = data.inputs[i];
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    if (*least == *most) {
      throw Error(ErrorKind::numeric,
                  fmt::format("law {} needs two different {}, every row has {:g}", law_.name, law_.inputs[i], *least));
    }
    if (groups_.size() < 2) continue;
    std::unordered_map<std::string_view, double> first;
    bool varies = false;
    for (size_t row = 0; row < x.size() && !varies; ++row) {
      varies = first.try_emplace(data.group[row], x[row]).first->second != x[row];
    }
    if (!varies) {
      throw Error(ErrorKind::numeric,
                  fmt::format("law {}: no group has two different {}, so nothing about how the loss changes with it is "
                              "in this table; group by less",
                              law_.name, law_.inputs[i]));
    }
  }
}

void Model::apply_fixed(const Options& options) {
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].held) continue;
    const auto it = options.fixed.find(places_[i].name);
    const double value = it != options.fixed.end() ? it->second : options.fixed.at(law_.offset);
    const auto range =
        places_[i].kind == ParameterKind::shape ? basis_->ranges[static_cast<size_t>(places_[i].index)] : ShapeRange{};
    if (places_[i].kind == ParameterKind::shape && range.low > 0 && !(value > 0)) {
      throw Error(ErrorKind::usage, fmt::format("fix: {} = {:g}, expected above 0", places_[i].name, value));
    }
    const bool coefficient = places_[i].kind == ParameterKind::coefficient;
    if (coefficient && line_ && !(value > 0)) {
      throw Error(ErrorKind::usage, fmt::format("fix: {} = {:g}, expected above 0", places_[i].name, value));
    }
    const bool bounded = coefficient ? basis_->nonnegative[static_cast<size_t>(places_[i].index)]
                                     : places_[i].kind == ParameterKind::offset && !law_.offset_any_sign;
    if (bounded && value < 0) {
      throw Error(ErrorKind::usage, fmt::format("fix: {} = {:g}, expected 0 or more", places_[i].name, value));
    }
    hold(i, value);
  }
}

void Model::hold(size_t parameter, double value) {
  const auto& place = places_[parameter];
  SUPERPOSE_ASSERT(place.held);
  if (place.kind == ParameterKind::shape) blank_.theta[place.index] = value;
  if (place.kind == ParameterKind::coefficient)
    blank_.c[place.index] = line_ ? std::log(value / scale_) : value / scale_;
  if (place.kind == ParameterKind::offset) blank_.b[place.index] = value / scale_;
}

std::vector<Solution> Model::search(const VectorXd& weights, size_t starts) const {
  return solver_->search(weights, blank_, starts);
}

Solution Model::polish(const VectorXd& weights, const Point& start) const {
  Point at = start;
  for (const auto& place : places_) {
    if (!place.held) continue;
    if (place.kind == ParameterKind::shape) at.theta[place.index] = blank_.theta[place.index];
    if (place.kind == ParameterKind::coefficient) at.c[place.index] = blank_.c[place.index];
    if (place.kind == ParameterKind::offset) at.b[place.index] = blank_.b[place.index];
  }
  return solver_->polish(weights, at);
}

double Model::value(size_t parameter, const Point& at) const {
  const auto& place = places_[parameter];
  if (place.kind == ParameterKind::shape) return at.theta[place.index];
  if (place.kind == ParameterKind::offset) return at.b[place.index] * scale_;
  const double reference = basis_->reference(static_cast<size_t>(place.index), at.theta), c = at.c[place.index];
  return line_ ? std::exp(c + reference) * scale_ : c * std::exp(reference) * scale_;
}

std::vector<double> Model::values(const Point& at) const {
  std::vector<double> out(places_.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = value(i, at);
  return out;
}

Point Model::point(const std::vector<double>& values) const {
  Point out = blank_;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].kind == ParameterKind::shape && !places_[i].held) out.theta[places_[i].index] = values[i];
  }
  for (size_t i = 0; i < places_.size(); ++i) {
    const auto& place = places_[i];
    if (place.held) continue;
    if (place.kind == ParameterKind::offset) out.b[place.index] = values[i] / scale_;
    if (place.kind != ParameterKind::coefficient) continue;
    const double reference = basis_->reference(static_cast<size_t>(place.index), out.theta);
    out.c[place.index] = line_ ? std::log(values[i] / scale_) - reference : values[i] / scale_ * std::exp(-reference);
  }
  return out;
}

double Model::objective_of(const Point& at, const VectorXd& weights) const {
  VectorXd prediction, residual;
  if (!solver_->predict(at, prediction, residual)) return std::numeric_limits<double>::infinity();
  const double F = solver_->objective(weights, residual);
  if (on_logarithms(objective_)) return F;
  return is_absolute(objective_) ? F * scale_ : F * scale_ * scale_;
}

std::vector<bool> Model::vanished(const Point& at) const {
  std::vector<bool> out(basis_->shapes.size());
  constexpr double kRounding = 1e-13;
  if (line_) {
    const VectorXd& logs = *basis_->only_power();
    out[0] = std::abs(at.theta[0]) * (logs.maxCoeff() - logs.minCoeff()) < kRounding;
    return out;
  }
  if (law_.terms.empty()) return out;
  Eigen::MatrixXd phi;
  basis_->evaluate(at.theta, phi);
  const double size = solver_->system().y.norm();
  for (size_t p = 0; p < out.size(); ++p) {
    out[p] = true;
    for (size_t k = 0; k < law_.terms.size(); ++k) {
      if (law_.terms[k].exponent != basis_->shapes[p]) continue;
      // The part that changes: a term that is constant over the rows is an offset.
      const VectorXd term = at.c[static_cast<Index>(k)] * phi.col(static_cast<Index>(k));
      const double change = (term.array() - term.mean()).matrix().norm();
      if (change > kRounding * size) out[p] = false;
    }
  }
  return out;
}

Curvature Model::curvature(const VectorXd& weights, const Point& at) const {
  const auto gone = vanished(at);
  if (std::none_of(gone.begin(), gone.end(), [](bool g) { return g; })) return solver_->curvature(weights, at);
  System without = solver_->system();
  for (size_t p = 0; p < gone.size(); ++p) without.theta_held[p] = without.theta_held[p] || gone[p];
  return Solver(std::move(without)).curvature(weights, at);
}

Noise Model::noise(const VectorXd& weights, const Point& at, const Curvature& curvature) const {
  Noise out;
  VectorXd prediction, residual;
  if (!solver_->predict(at, prediction, residual)) return out;
  double rows = 0;
  for (Index i = 0; i < weights.size(); ++i) rows += weights[i] > 0;
  out.dof = rows - static_cast<double>(curvature.free.size()) - curvature.free_offsets;
  if (!(out.dof > 0)) return out;
  out.t = student_t_95(out.dof);
  const double delta = solver_->system().delta;
  if (std::isinf(delta)) {
    out.variance = out.excess = 2 * solver_->objective(weights, residual) / out.dof;
    return out;
  }
  // M-estimator (Huber 1981, section 7.6): Σψ²/dof over the square of the mean of ψ', with ψ' = 2·delta·f(0) smoothed
  // over a bandwidth where delta is narrower than that.
  std::vector<double> size;
  for (Index i = 0; i < residual.size(); ++i) {
    if (weights[i] > 0) size.push_back(std::abs(residual[i]));
  }
  const size_t middle = size.size() / 2;
  std::nth_element(size.begin(), size.begin() + static_cast<std::ptrdiff_t>(middle), size.end());
  const double bandwidth = std::max(delta, 0.8 * 1.4826 * size[middle] * std::pow(rows, -0.2));
  double squares = 0, within = 0, total = 0;
  const HuberLoss loss{delta};
  for (Index i = 0; i < residual.size(); ++i) {
    const double psi = delta > 0 ? loss.psi(residual[i]) : 1;
    squares += weights[i] * psi * psi;
    within += weights[i] * (std::abs(residual[i]) <= bandwidth);
    total += weights[i];
  }
  const double slope = (delta > 0 ? delta : 1) / bandwidth * within / total;
  if (!(slope > 0)) return out;
  const double mean_square = squares / out.dof;
  out.variance = mean_square / (slope * slope);
  out.excess = mean_square / slope;
  return out;
}

namespace {
// Gradient of a coefficient's value in (θ, c), on the free parameters, relative to its exponential factor.
VectorXd free_part(const VectorXd& whole, const Curvature& curvature) {
  VectorXd out(static_cast<Index>(curvature.free.size()));
  for (size_t j = 0; j < curvature.free.size(); ++j) out[static_cast<Index>(j)] = whole[curvature.free[j]];
  return out;
}
}  // namespace

std::optional<double> Model::variance(size_t parameter, const Point& at, const Curvature& curvature) const {
  const auto& place = places_[parameter];
  if (place.held || (curvature.inverse.size() == 0 && !curvature.free.empty())) return std::nullopt;
  const auto P = static_cast<Index>(basis_->shapes.size()), K = static_cast<Index>(basis_->coefficients.size());
  if (place.kind == ParameterKind::offset) {
    const double D = curvature.offset_weight[place.index];
    if (!(D > 0)) return std::nullopt;
    const VectorXd response = curvature.to_offset.row(place.index).transpose();
    const double through = curvature.free.empty() ? 0 : response.dot(curvature.inverse * response);
    return (1 / D + through) * scale_ * scale_;
  }
  VectorXd gradient = VectorXd::Zero(P + K);
  const int own = place.kind == ParameterKind::shape ? place.index : static_cast<int>(P) + place.index;
  if (std::find(curvature.free.begin(), curvature.free.end(), own) == curvature.free.end()) return std::nullopt;
  if (place.kind == ParameterKind::shape) {
    gradient[place.index] = 1;
  } else {
    const auto k = static_cast<size_t>(place.index);
    const double factor = std::exp(basis_->reference(k, at.theta)) * scale_;
    const double c = at.c[place.index];
    gradient[P + place.index] = line_ ? std::exp(c) * factor : factor;
    gradient.head(P) = (line_ ? std::exp(c) : c) * factor * basis_->reference_slope(k, at.theta);
  }
  const VectorXd g = free_part(gradient, curvature);
  return g.dot(curvature.inverse * g);
}

std::vector<std::optional<Model::Forecast>> Model::predict(const Data& rows, const Point& at,
                                                           const Curvature& curvature) const {
  std::vector<std::optional<Forecast>> out(rows.y.size());
  if (rows.y.empty()) return out;
  const auto basis = make_basis(law_, rows, coefficient_held_, basis_.get());
  System system = solver_->system();
  system.basis = basis.get();
  system.y = VectorXd::Ones(static_cast<Index>(rows.y.size()));
  std::vector<bool> known(rows.y.size(), true);
  std::vector<uint32_t> group(rows.y.size());
  for (size_t i = 0; i < rows.y.size() && !rows.group.empty() && !law_.offset.empty(); ++i) {
    const auto found = std::find(groups_.begin(), groups_.end(), rows.group[i]);
    known[i] = found != groups_.end();
    group[i] = known[i] ? static_cast<uint32_t>(found - groups_.begin()) : 0;
  }
  if (!law_.offset.empty()) system.group = group;
  system.logarithms = line_;
  const Solver solver(system);
  Evaluation there;
  solver.evaluate(at, there);
  Eigen::MatrixXd J;
  VectorXd e;
  solver.jacobian(at, there, J, e);
  const bool logarithms = on_logarithms(objective_);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto row = static_cast<Index>(i);
    const double p = there.prediction[row];
    if (!known[i] || !std::isfinite(p) || (logarithms && !(p > 0))) continue;
    VectorXd g = free_part(J.row(row).transpose(), curvature);
    double variance = 0;
    if (!law_.offset.empty()) {
      const auto index = static_cast<Index>(group[i]);
      const double D = curvature.offset_weight[index];
      if (D > 0) {
        g -= e[row] * curvature.to_offset.row(index).transpose();
        variance += e[row] * e[row] / D;
      }
    }
    if (curvature.inverse.size() > 0) variance += g.dot(curvature.inverse * g);
    // On logarithms the covariance is that of residuals of ln y; for a line J is already of ln p.
    const double unit = logarithms ? (line_ ? 1 : 1 / (p * p)) : scale_ * scale_;
    out[i] = Forecast{p * scale_, variance * unit};
  }
  return out;
}

}  // namespace superpose::fit
