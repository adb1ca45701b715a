// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/solver.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/descent.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The minimum of c'Gc/2 - h'c with c_k >= 0 where `nonnegative`: tries every active set, smallest first. G is at most
// 6 x 6 or so here. False when G is singular on every set that is feasible.
bool small_nnls(const MatrixXd& G, const VectorXd& h, const std::vector<bool>& nonnegative, VectorXd& best) {
  const Index k = h.size();
  std::vector<Index> signed_columns;
  for (Index j = 0; j < k; ++j) {
    if (nonnegative[static_cast<size_t>(j)]) signed_columns.push_back(j);
  }
  double lowest = kInfinity;
  for (uint32_t off = 0; off < (1u << signed_columns.size()); ++off) {
    std::vector<Index> on;
    for (Index j = 0; j < k; ++j) {
      const auto at = std::find(signed_columns.begin(), signed_columns.end(), j);
      if (at == signed_columns.end() || !(off >> (at - signed_columns.begin()) & 1)) on.push_back(j);
    }
    VectorXd c = VectorXd::Zero(k);
    if (!on.empty()) {
      const VectorXd part = MatrixXd(G(on, on)).ldlt().solve(VectorXd(h(on)));
      for (size_t i = 0; i < on.size(); ++i) c[on[i]] = part[static_cast<Index>(i)];
    }
    if (!c.allFinite()) continue;
    const bool feasible = std::all_of(signed_columns.begin(), signed_columns.end(), [&](Index j) { return c[j] >= 0; });
    const double value = c.dot(G * c) / 2 - h.dot(c);
    if (!feasible || !(value < lowest)) continue;
    lowest = value;
    best = c;
    if (off == 0) break;  // the unconstrained minimum is feasible
  }
  return lowest < kInfinity;
}

}  // namespace

Solver::Solver(System system) : system_(std::move(system)) {
  P_ = static_cast<int>(system_.basis->shapes.size());
  K_ = static_cast<int>(system_.basis->coefficients.size());
  if (system_.logarithms) ln_y_ = system_.y.array().log();
  line_ = system_.logarithms && system_.groups == 0 && system_.basis->only_power();
  system_.theta_held.resize(static_cast<size_t>(P_));
  system_.c_held.resize(static_cast<size_t>(K_));
  system_.b_held.resize(static_cast<size_t>(system_.groups));
}

bool Solver::held(int p) const {
  return p < P_ ? system_.theta_held[static_cast<size_t>(p)] : system_.c_held[static_cast<size_t>(p - P_)];
}
double Solver::low(int p) const {
  if (p < P_) return system_.basis->ranges[static_cast<size_t>(p)].low;
  return system_.basis->nonnegative[static_cast<size_t>(p - P_)] && !line_ ? 0 : -kInfinity;
}
double Solver::high(int p) const { return p < P_ ? system_.basis->ranges[static_cast<size_t>(p)].high : kInfinity; }

double Solver::value(const Point& at, int p) const { return p < P_ ? at.theta[p] : at.c[p - P_]; }
void Solver::set_value(Point& at, int p, double value) const { (p < P_ ? at.theta[p] : at.c[p - P_]) = value; }

bool Solver::at_bound(const Point& at, int p) const {
  const double value = this->value(at, p);
  return !held(p) && (value <= low(p) || value >= high(p));
}

Point Solver::blank() const {
  Point out{VectorXd::Zero(P_), VectorXd::Ones(K_), VectorXd::Zero(system_.groups)};
  for (int p = 0; p < P_; ++p) {
    const double middle = (low(p) + high(p)) / 2;
    out.theta[p] = std::isfinite(middle) ? middle : 0;
  }
  return out;
}

bool Solver::evaluate(const Point& at, Evaluation& out) const {
  const auto& basis = *system_.basis;
  if (line_) {
    const VectorXd& logs = *basis.only_power();
    const VectorXd ln_p = at.c[0] - at.theta[0] * logs.array();
    out.prediction = ln_p.array().exp();
    out.residual = ln_y_ - ln_p;
    return out.residual.allFinite();
  }
  basis.evaluate(at.theta, out.phi);
  out.prediction.noalias() = out.phi * at.c;
  if (system_.groups > 0) {
    for (Index i = 0; i < out.prediction.size(); ++i) {
      out.prediction[i] += system_.offset_sign * at.b[system_.group[static_cast<size_t>(i)]];
    }
  }
  if (system_.logarithms) {
    if (!(out.prediction.minCoeff() > 0)) return false;
    out.residual = ln_y_.array() - out.prediction.array().log();
  } else {
    out.residual = system_.y - out.prediction;
  }
  return out.residual.allFinite();
}

bool Solver::predict(const Point& at, VectorXd& prediction, VectorXd& residual) const {
  Evaluation out;
  const bool defined = evaluate(at, out);
  prediction = std::move(out.prediction);
  residual = std::move(out.residual);
  return defined;
}

double Solver::objective(const VectorXd& weights, const VectorXd& residual) const {
  const HuberLoss loss{system_.delta};
  double sum = 0;
  for (Index i = 0; i < residual.size(); ++i) {
    if (weights[i] > 0) sum += weights[i] * (system_.delta > 0 ? loss.rho(residual[i]) : std::abs(residual[i]));
  }
  return sum;
}

void Solver::jacobian(const Point& at, const Evaluation& there, MatrixXd& J, VectorXd& offset) const {
  const Index n = system_.y.size();
  J.resize(n, P_ + K_);
  offset = VectorXd::Constant(n, system_.offset_sign);
  if (line_) {
    J.col(0) = -*system_.basis->only_power();
    J.col(1).setOnes();
    return;
  }
  MatrixXd slopes;
  system_.basis->slopes(at.theta, at.c, there.phi, slopes);
  J.leftCols(P_) = slopes;
  J.rightCols(K_) = there.phi;
  if (!system_.logarithms) return;
  const VectorXd inverse = there.prediction.cwiseInverse();
  J.array().colwise() *= inverse.array();
  offset = offset.cwiseProduct(inverse);
}

Solution Solver::polish(const VectorXd& weights, const Point& start) const {
  constexpr int kMost = 200;
  Solution out{start};
  if (system_.delta > 0) {
    out = Descent(*this, weights, system_.delta, start).run(kMost);
  } else {
    // The absolute value, smoothed over a smaller and smaller part of the residuals.
    for (const double part : {1e-2, 1e-4, 1e-6, 1e-8}) {
      Evaluation here;
      if (!evaluate(out.at, here)) return out;
      std::vector<double> size(here.residual.begin(), here.residual.end());
      for (double& r : size) r = std::abs(r);
      const auto middle = size.begin() + static_cast<std::ptrdiff_t>(size.size() / 2);
      std::nth_element(size.begin(), middle, size.end());
      out = Descent(*this, weights, std::max(part * *middle, 1e-14), out.at).run(kMost);
    }
  }
  Evaluation there;
  if (evaluate(out.at, there)) out.objective = objective(weights, there.residual);
  return out;
}

// The best coefficients and offsets for at.theta by weighted least squares of y (of y/y where residuals are
// logarithms). Its own sum of squares is the proxy by which starts are ranked.
bool Solver::project(const VectorXd& weights, Point& at, double& proxy) const {
  MatrixXd phi;
  system_.basis->evaluate(at.theta, phi);
  if (!phi.allFinite()) return false;
  const Index n = phi.rows();
  VectorXd w = weights;
  if (system_.logarithms) w = w.array() / system_.y.array().square();
  VectorXd target = system_.y;
  std::vector<Index> free;
  for (int k = 0; k < K_; ++k) {
    if (!system_.c_held[static_cast<size_t>(k)])
      free.push_back(k);
    else
      target -= at.c[k] * phi.col(k);
  }
  MatrixXd columns = phi(Eigen::all, free);
  std::vector<bool> nonnegative;
  for (const Index k : free) nonnegative.push_back(system_.basis->nonnegative[static_cast<size_t>(k)]);
  const bool one = system_.groups == 1 && !system_.b_held[0];
  if (system_.groups == 1 && system_.b_held[0]) target.array() -= system_.offset_sign * at.b[0];
  if (one) {
    columns.conservativeResize(n, columns.cols() + 1);
    columns.rightCols(1).setConstant(system_.offset_sign);
    nonnegative.push_back(system_.offset_nonnegative);
  }
  MatrixXd raw = columns;
  VectorXd raw_target = target;
  VectorXd mean_target;
  MatrixXd mean;
  if (system_.groups > 1) {  // free offsets are the weighted means of their groups
    mean = MatrixXd::Zero(system_.groups, columns.cols());
    mean_target = VectorXd::Zero(system_.groups);
    VectorXd sum = VectorXd::Zero(system_.groups);
    for (Index i = 0; i < n; ++i) {
      const auto g = static_cast<Index>(system_.group[static_cast<size_t>(i)]);
      if (system_.b_held[static_cast<size_t>(g)]) {
        raw_target[i] -= system_.offset_sign * at.b[g];
        continue;
      }
      mean.row(g) += w[i] * columns.row(i);
      mean_target[g] += w[i] * target[i];
      sum[g] += w[i];
    }
    for (Index g = 0; g < system_.groups; ++g) {
      if (!(sum[g] > 0)) continue;
      mean.row(g) /= sum[g];
      mean_target[g] /= sum[g];
    }
    target = raw_target;
    for (Index i = 0; i < n; ++i) {
      const auto g = static_cast<Index>(system_.group[static_cast<size_t>(i)]);
      columns.row(i) -= mean.row(g);
      target[i] -= mean_target[g];
    }
  }
  VectorXd norm = (columns.array().square().colwise() * w.array()).colwise().sum().sqrt().transpose();
  for (Index j = 0; j < norm.size(); ++j) norm[j] = norm[j] > 0 && std::isfinite(norm[j]) ? 1 / norm[j] : 0;
  columns = columns * norm.asDiagonal();
  const MatrixXd weighted = columns.array().colwise() * w.array();
  VectorXd c = VectorXd::Zero(columns.cols());
  if (columns.cols() > 0) {
    MatrixXd G = columns.transpose() * weighted;
    G.diagonal().array() += 1e-15;
    if (!small_nnls(G, weighted.transpose() * target, nonnegative, c)) return false;
  }
  const VectorXd rest = target - columns * c;
  proxy = (w.array() * rest.array().square()).sum();
  c = c.cwiseProduct(norm);
  for (size_t i = 0; i < free.size(); ++i) at.c[free[i]] = c[static_cast<Index>(i)];
  if (one) at.b[0] = c[c.size() - 1];
  for (Index g = 0; g < system_.groups && system_.groups > 1; ++g) {
    if (system_.b_held[static_cast<size_t>(g)]) continue;
    at.b[g] = system_.offset_sign * (mean_target[g] - (columns.cols() ? mean.row(g).dot(c) : 0.0));
    if (system_.offset_nonnegative) at.b[g] = std::max(at.b[g], 0.0);
  }
  return std::isfinite(proxy);
}

std::vector<VectorXd> Solver::grid(const Point& held_at) const {
  std::vector<std::vector<double>> axes(static_cast<size_t>(P_));
  const int free = static_cast<int>(std::count(system_.theta_held.begin(), system_.theta_held.end(), false));
  const int count = free <= 1 ? 41 : free == 2 ? 15 : free == 3 ? 8 : free == 4 ? 5 : 3;
  for (int p = 0; p < P_; ++p) {
    auto& axis = axes[static_cast<size_t>(p)];
    if (held(p)) {
      axis = {held_at.theta[p]};
      continue;
    }
    for (int i = 0; i < count; ++i) {
      const double f = static_cast<double>(i) / (count - 1);
      // Evenly in ln θ, from the ends of the range; where θ may be negative, evenly in arsinh θ, missing 0.
      axis.push_back(low(p) > 0 ? low(p) * std::pow(high(p) / low(p), f)
                                : std::sinh((2 * f - 1) * std::asinh(4 * std::min(high(p), 4.0))) / 4 + 0.03);
      axis.back() = std::clamp(axis.back(), low(p), high(p));
    }
    // Several exponents at their ends at once are seldom an optimum; the middle deserves the points.
    if (low(p) > 0 && free > 1) {
      for (int i = 0; i < count; ++i)
        axis[static_cast<size_t>(i)] = 0.03 * std::pow(5 / 0.03, static_cast<double>(i) / (count - 1));
    }
  }
  std::vector<VectorXd> out{VectorXd(P_)};
  for (int p = 0; p < P_; ++p) {
    std::vector<VectorXd> longer;
    for (const double value : axes[static_cast<size_t>(p)]) {
      for (VectorXd theta : out) {
        theta[p] = value;
        longer.push_back(theta);
      }
    }
    out = std::move(longer);
  }
  return out;
}

std::vector<Solution> Solver::search(const VectorXd& weights, const Point& held_at, size_t most) const {
  if (line_) {  // a straight line: the weighted regression is the start, and for least squares the end
    const VectorXd& x = *system_.basis->only_power();
    const VectorXd& ln_y = ln_y_;
    Point at = held_at;
    const double sum = weights.sum();
    const bool through = system_.c_held[0];
    const double mx = through ? 0 : weights.dot(x) / sum, my = through ? at.c[0] : weights.dot(ln_y) / sum;
    const VectorXd dx = x.array() - mx;
    const double xx = weights.dot(dx.cwiseAbs2());
    if (!system_.theta_held[0])
      at.theta[0] = xx > 0 ? -weights.dot(dx.cwiseProduct((ln_y.array() - my).matrix())) / xx : 0;
    if (!through) at.c[0] = my + at.theta[0] * mx;
    return {polish(weights, at)};
  }
  struct Start {
    Point at;
    double proxy;
  };
  std::vector<Start> starts;
  for (const auto& theta : grid(held_at)) {
    Start one{held_at, 0};
    one.at.theta = theta;
    if (project(weights, one.at, one.proxy)) starts.push_back(one);
  }
  std::stable_sort(starts.begin(), starts.end(), [](const Start& a, const Start& b) { return a.proxy < b.proxy; });
  // Starts from different basins: each at least a factor of 2 away in some θ from those taken.
  std::vector<Start> taken;
  for (const auto& start : starts) {
    const bool near = std::any_of(taken.begin(), taken.end(), [&](const Start& other) {
      for (int p = 0; p < P_; ++p) {
        const double a = start.at.theta[p], b = other.at.theta[p];
        if (std::abs(a - b) > 0.5 * std::max(std::abs(a), std::abs(b))) return false;
      }
      return true;
    });
    if (near) continue;
    taken.push_back(start);
    if (taken.size() == most) break;
  }
  std::vector<Solution> out;
  const bool robust = std::isfinite(system_.delta);
  for (const auto& start : taken) {
    Point at = start.at;
    if (robust) {
      at = Descent(*this, weights, kInfinity, at).run(60).at;
      VectorXd prediction, residual;
      if (predict(at, prediction, residual)) {
        const double spread = std::sqrt(weights.dot(residual.cwiseAbs2()) / std::max(weights.sum(), 1e-300));
        for (double delta = spread; delta > 4 * std::max(system_.delta, 1e-3 * spread); delta /= 4) {
          at = Descent(*this, weights, delta, at).run(30).at;
        }
      }
    }
    out.push_back(polish(weights, at));
  }
  if (out.empty()) out.push_back(polish(weights, held_at));
  std::stable_sort(out.begin(), out.end(),
                   [](const Solution& a, const Solution& b) { return a.objective < b.objective; });
  return out;
}

Curvature Solver::curvature(const VectorXd& weights, const Point& at) const {
  Curvature out;
  Evaluation there;
  evaluate(at, there);
  MatrixXd J;
  VectorXd e;
  jacobian(at, there, J, e);
  Normal normal = normal_equations(J, e, weights, weights, system_);
  out.offset_weight = VectorXd::Zero(system_.groups);
  std::vector<Index> free;
  for (int p = 0; p < P_ + K_; ++p) {
    if (!held(p) && !at_bound(at, p)) free.push_back(p);
  }
  MatrixXd S = normal.H(free, free);
  out.to_offset = MatrixXd::Zero(system_.groups, static_cast<Index>(free.size()));
  for (int g = 0; g < system_.groups; ++g) {
    const bool bound = system_.offset_nonnegative && at.b[g] <= 0;
    if (system_.b_held[static_cast<size_t>(g)] || bound || !(normal.D[g] > 0)) continue;
    out.offset_weight[g] = normal.D[g];
    ++out.free_offsets;
    const VectorXd column = normal.B(free, g);
    out.to_offset.row(g) = column.transpose() / normal.D[g];
    S -= column * column.transpose() / normal.D[g];
  }
  for (const Index p : free) out.free.push_back(static_cast<int>(p));
  if (free.empty()) return out;
  // Unit columns of the Jacobian as it is before the offsets are projected out would hide a column that they explain.
  const VectorXd whole = VectorXd(normal.H(free, free).diagonal()), left = S.diagonal();
  VectorXd scale(left.size());
  for (Index j = 0; j < left.size(); ++j) {
    constexpr double kExplained = 1e-14;  // what rounding leaves of a column that the offsets explain
    const bool gone = !(left[j] > kExplained * whole[j]) || !std::isfinite(left[j]);
    scale[j] = gone ? 0 : 1 / std::sqrt(left[j]);
  }
  const MatrixXd unit = scale.asDiagonal() * S * scale.asDiagonal();
  if (!unit.allFinite()) {
    out.smallest = 0, out.condition = kInfinity;
    return out;
  }
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(unit);
  out.smallest = std::max(eigen.eigenvalues()[0], 0.0);
  const double largest = eigen.eigenvalues()[left.size() - 1];
  out.condition = out.smallest > 0 ? std::sqrt(largest / out.smallest) : kInfinity;
  const MatrixXd inverse = unit.ldlt().solve(MatrixXd::Identity(left.size(), left.size()));
  out.inverse = scale.asDiagonal() * inverse * scale.asDiagonal();
  return out;
}

}  // namespace superpose::fit
