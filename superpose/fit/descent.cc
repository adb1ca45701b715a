// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/descent.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace superpose::fit {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostDamping = 1e14;

Point between(const Point& a, const Point& b, double part) {
  return {a.theta + part * (b.theta - a.theta), a.c + part * (b.c - a.c), a.b + part * (b.b - a.b)};
}

double relative_change(double before, double after) { return std::abs(after - before) / (std::abs(before) + 1e-8); }

}  // namespace

Normal normal_equations(const MatrixXd& J, const VectorXd& e, const VectorXd& s, const VectorXd& t,
                        const System& system) {
  Normal out;
  const MatrixXd weighted = J.array().colwise() * s.array();
  out.H = J.transpose() * weighted;
  out.g = J.transpose() * t;
  out.B = MatrixXd::Zero(J.cols(), system.groups);
  out.t = VectorXd::Zero(system.groups);
  out.D = VectorXd::Zero(system.groups);
  if (system.groups == 1) {
    out.B.col(0) = weighted.transpose() * e;
    out.t[0] = t.dot(e);
    out.D[0] = (s.array() * e.array().square()).sum();
  } else if (system.groups > 1) {
    for (Index i = 0; i < e.size(); ++i) {
      const auto g = static_cast<Index>(system.group[static_cast<size_t>(i)]);
      out.B.col(g) += e[i] * weighted.row(i).transpose();
      out.t[g] += t[i] * e[i];
      out.D[g] += s[i] * e[i] * e[i];
    }
  }
  return out;
}

Descent::Descent(const Solver& solver, const VectorXd& weights, double delta, Point start)
    : solver_(solver), system_(solver.system()), weights_(weights), loss_{delta}, at_(std::move(start)) {}

Solution Descent::run(int most_iterations) {
  Solution out{at_};
  if (!solver_.evaluate(at_, here_)) return out;
  F_ = total(here_.residual);
  bool stationary = false;
  while (!stationary && out.iterations < most_iterations) {
    ++out.iterations;
    linearise();
    choose_active();
    constexpr int kQuiet = 2;
    stationary = (active_.empty() && offsets_.empty()) || !step() || quiet_ >= kQuiet;
  }
  out.at = at_;
  out.objective = F_;
  out.moved = moved_ || stationary;
  return out;
}

double Descent::total(const VectorXd& residual) const {
  double sum = 0;
  for (Index i = 0; i < residual.size(); ++i) {
    if (weights_[i] > 0) sum += weights_[i] * loss_.rho(residual[i]);
  }
  return sum;
}

void Descent::linearise() {
  solver_.jacobian(at_, here_, J_, e_);
  weigh();
}

void Descent::weigh() {
  const VectorXd& r = here_.residual;
  VectorXd s(r.size()), t(r.size());
  for (Index i = 0; i < r.size(); ++i) {
    s[i] = weights_[i] * (loss_.inside(r[i]) ? 1.0 : outside_ * loss_.delta / std::abs(r[i]));
    t[i] = weights_[i] * loss_.psi(r[i]);
  }
  normal_ = normal_equations(J_, e_, s, t, system_);
}

// All but what is held, or at a bound that the objective pushes it against.
void Descent::choose_active() {
  active_.clear();
  offsets_.clear();
  for (int p = 0; p < solver_.size(); ++p) {
    const double value = solver_.value(at_, p), curvature = normal_.H(p, p);
    const bool pushed =
        (value <= solver_.low(p) && normal_.g[p] <= 0) || (value >= solver_.high(p) && normal_.g[p] >= 0);
    if (!solver_.held(p) && !pushed && curvature > 0 && std::isfinite(curvature)) active_.push_back(p);
  }
  for (int g = 0; g < system_.groups; ++g) {
    const bool pushed = system_.offset_nonnegative && at_.b[g] <= 0 && normal_.t[g] <= 0;
    if (!system_.b_held[static_cast<size_t>(g)] && !pushed && normal_.D[g] > 0) offsets_.push_back(g);
  }
}

bool Descent::step() {
  while (damping_ < kMostDamping) {
    Move move = propose();
    const bool defined = std::isfinite(move.relative) && solver_.evaluate(move.to, there_);
    move.F = defined ? total(there_.residual) : kInfinity;
    if (defined) shorten(move);
    if (accept(move)) return true;
    damping_ *= 8;
    if (!std::isfinite(loss_.delta)) continue;
    outside_ = std::min(1.0, outside_ * 8);
    weigh();
  }
  return false;
}

// The damped step, offsets eliminated, ends clamped to the bounds.
Descent::Move Descent::propose() const {
  Move out{at_, kInfinity, 0, 0};
  MatrixXd S = normal_.H(active_, active_);
  S.diagonal() *= 1 + damping_;
  VectorXd rhs = normal_.g(active_);
  const VectorXd D = normal_.D * (1 + damping_);
  for (const Index g : offsets_) {
    const VectorXd column = normal_.B(active_, g);
    S.noalias() -= column * column.transpose() / D[g];
    rhs -= column * (normal_.t[g] / D[g]);
  }
  const VectorXd scale = S.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
  S = scale.asDiagonal() * S * scale.asDiagonal();
  const VectorXd change = scale.cwiseProduct(S.ldlt().solve(scale.cwiseProduct(rhs)));
  if (!change.allFinite()) {
    out.relative = kInfinity;
    return out;
  }
  for (size_t i = 0; i < active_.size(); ++i) {
    const auto p = static_cast<int>(active_[i]);
    const double before = solver_.value(at_, p);
    const double after = std::clamp(before + change[static_cast<Index>(i)], solver_.low(p), solver_.high(p));
    solver_.set_value(out.to, p, after);
    out.gain += normal_.g[p] * (after - before);
    out.relative = std::max(out.relative, relative_change(before, after));
  }
  for (const Index g : offsets_) {
    const double before = at_.b[g];
    const double moved = (normal_.t[g] - (active_.empty() ? 0.0 : normal_.B(active_, g).dot(change))) / D[g];
    const double after = system_.offset_nonnegative ? std::max(0.0, before + moved) : before + moved;
    out.to.b[g] = after;
    out.gain += normal_.t[g] * (after - before);
    out.relative = std::max(out.relative, relative_change(before, after));
  }
  return out;
}

// Where Gauss-Newton takes the valley for flatter than it is, the step overshoots, time after time: the parabola
// through both values and the slope says by how much.
void Descent::shorten(Move& move) {
  constexpr double kPoor = 0.35, kShortest = 0.1, kLongest = 0.9;
  if (!(move.gain > 0) || F_ - move.F >= kPoor * move.gain) return;
  const double part = move.gain / (2 * (move.F - F_ + move.gain));
  if (!(part > kShortest && part < kLongest)) return;
  const Point shorter = between(at_, move.to, part);
  const double F = solver_.evaluate(shorter, elsewhere_) ? total(elsewhere_.residual) : kInfinity;
  if (!(F < move.F)) return;
  move = {shorter, F, move.gain * part, move.relative * part};
  std::swap(there_, elsewhere_);
}

bool Descent::accept(const Move& move) {
  // Below this, F cannot show the progress that the step makes; Gauss-Newton steps are trusted.
  constexpr double kInvisible = 1e-14;
  const bool invisible = move.gain >= 0 && move.gain < kInvisible * F_ && move.F <= F_ * (1 + kInvisible);
  if (!(move.F < F_) && !invisible) return false;
  constexpr double kGood = 0.3;
  if (move.gain > 0 && F_ - move.F > kGood * move.gain) {
    damping_ = std::max(damping_ * 0.1, 1e-15);
    outside_ = std::max(outside_ * 0.4, 1e-3);
  }
  constexpr double kStill = 1e-13, kSlow = 1e-13;
  if (move.relative < kStill) {
    quiet_ = 99;
  } else {
    quiet_ = F_ - move.F <= kSlow * move.F ? quiet_ + 1 : 0;
  }
  moved_ = moved_ || move.F < F_;
  at_ = move.to;
  F_ = move.F;
  std::swap(here_, there_);
  return true;
}

}  // namespace superpose::fit
