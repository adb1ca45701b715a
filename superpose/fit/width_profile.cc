// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/width_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

// 1 - collinearity below this is rounding: two widths per group give about 1e-16.
constexpr double kRankTolerance = 1e-12;
constexpr int kGridPoints = 41;  // steps of 19 % in α

// A zero of f between low and high, f(low) and f(high) of opposite sign: regula falsi with the Anderson-Björck step, a
// bisection now and then in case that creeps. Until the estimate repeats to the last bits: the optimum must not depend
// on the path to it.
template <class F>
double find_zero(const F& f, double low, double high, double f_low, double f_high) {
  constexpr int kMaxSteps = 100, kStepsPerBisection = 6;
  constexpr double kSame = 4 * std::numeric_limits<double>::epsilon();
  double last = low;
  for (int step = 1; step <= kMaxSteps; ++step) {
    if (f_low == 0) return low;
    if (f_high == 0) return high;
    double next = high - f_high * (high - low) / (f_high - f_low);
    const bool bisect = step % kStepsPerBisection == 0 || !(next >= low && next <= high);
    if (bisect) next = (low + high) / 2;
    if (std::abs(next - last) <= kSame * next || next == low || next == high) return next;
    last = next;
    const double value = f(next);
    // Anderson-Björck: the end that stays is weighed down, so that the next step lands on its side of the zero.
    double& stays = (value < 0) == (f_low < 0) ? f_high : f_low;
    double& moves = &stays == &f_high ? f_low : f_high;
    const double scale = 1 - value / moves;
    stays *= scale > 0 ? scale : 0.5;
    moves = value;
    (&moves == &f_low ? low : high) = next;
  }
  return last;
}

}  // namespace

Cells make_cells(std::span<const double> m, std::span<const std::string> group) {
  const size_t n = m.size();
  Cells out;
  out.group_of_row.assign(n, 0);
  if (group.empty()) {
    out.group_names.emplace_back();
  } else {
    std::unordered_map<std::string_view, uint32_t> seen;
    for (size_t i = 0; i < n; ++i) {
      const auto [entry, fresh] = seen.try_emplace(group[i], static_cast<uint32_t>(seen.size()));
      if (fresh) out.group_names.push_back(group[i]);
      out.group_of_row[i] = entry->second;
    }
  }
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return m[a] < m[b]; });
  out.ln_m_min = std::log(m[order[0]]);
  std::vector<uint32_t> width_of_row(n);
  for (size_t i = 0; i < n; ++i) {
    if (i == 0 || m[order[i]] != m[order[i - 1]]) out.x.push_back(std::log(m[order[i]] / m[order[0]]));
    width_of_row[order[i]] = static_cast<uint32_t>(out.x.size() - 1);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return out.group_of_row[a] < out.group_of_row[b]; });
  out.cell_of_row.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t row = order[i];
    const bool new_group = i == 0 || out.group_of_row[row] != out.group_of_row[order[i - 1]];
    if (new_group) out.first.push_back(static_cast<uint32_t>(out.width.size()));
    if (new_group || width_of_row[row] != width_of_row[order[i - 1]]) out.width.push_back(width_of_row[row]);
    out.cell_of_row[row] = static_cast<uint32_t>(out.width.size() - 1);
  }
  out.first.push_back(static_cast<uint32_t>(out.width.size()));
  return out;
}

double ProfilePoint::collinearity() const { return uu > 0 && ee > 0 ? std::min(1.0, ue / uu * (ue / ee)) : 1.0; }

void WidthProfile::load(std::span<const double> weights, std::span<const double> losses) {
  weight_.assign(cells_->width.size(), 0.0);
  loss_.assign(cells_->width.size(), 0.0);
  for (size_t row = 0; row < weights.size(); ++row) {
    const uint32_t cell = cells_->cell_of_row[row];
    weight_[cell] += weights[row];
    loss_[cell] += weights[row] * losses[row];
  }
  for (size_t cell = 0; cell < weight_.size(); ++cell) {
    if (weight_[cell] > 0) loss_[cell] /= weight_[cell];
  }
}

void WidthProfile::moments(const std::vector<double>& u, ProfilePoint& out) const {
  out.groups.resize(cells_->groups());
  for (size_t g = 0; g < out.groups.size(); ++g) {
    GroupMoments sum;
    for (uint32_t c = cells_->first[g]; c < cells_->first[g + 1]; ++c) {
      const uint32_t k = cells_->width[c];
      sum.weight += weight_[c];
      sum.mean_u += weight_[c] * u[k];
      sum.mean_xu += weight_[c] * cells_->x[k] * u[k];
      sum.mean_L += weight_[c] * loss_[c];
    }
    if (held_->L0[g]) {
      sum = {sum.weight, 0, *held_->L0[g], 0};
    } else if (sum.weight > 0) {
      sum = {sum.weight, sum.mean_u / sum.weight, sum.mean_L / sum.weight, sum.mean_xu / sum.weight};
    }
    out.groups[g] = sum;
  }
}

ProfilePoint WidthProfile::at(double alpha) const {
  ProfilePoint out;
  out.alpha = alpha;
  std::vector<double> u(cells_->x.size());
  for (size_t k = 0; k < u.size(); ++k) u[k] = std::exp(-alpha * cells_->x[k]);
  moments(u, out);
  // With C held, α also moves s = C·m_min^-α; with C free that direction is along u, to which residuals are orthogonal.
  const double shift = held_->C ? cells_->ln_m_min : 0;
  double uL = 0;
  const auto each_cell = [&](const auto& visit) {
    for (size_t g = 0; g < out.groups.size(); ++g) {
      const GroupMoments& group = out.groups[g];
      const double mean_e = held_->L0[g] ? 0 : group.mean_xu + shift * group.mean_u;
      for (uint32_t c = cells_->first[g]; c < cells_->first[g + 1]; ++c) {
        const uint32_t k = cells_->width[c];
        visit(weight_[c], u[k] - group.mean_u, (cells_->x[k] + shift) * u[k] - mean_e, loss_[c] - group.mean_L);
      }
    }
  };
  each_cell([&](double w, double uc, double, double Lc) {
    out.uu += w * uc * uc;
    uL += w * uc * Lc;
  });
  if (held_->C) {
    out.s = *held_->C * std::exp(-alpha * cells_->ln_m_min);
  } else {
    out.solvable = out.uu > 0;
    out.s = out.solvable ? uL / out.uu : 0;
  }
  each_cell([&](double w, double uc, double xuc, double Lc) {
    const double residual = Lc - out.s * uc, e = -out.s * xuc;
    out.rss += w * residual * residual;
    out.slope -= w * residual * e;
    out.ue += w * uc * e;
    out.ee += w * e * e;
  });
  return out;
}

WidthProfile::Optimum WidthProfile::solve(double near) const {
  if (held_->alpha) {
    ProfilePoint point = at(*held_->alpha);
    return {point, point.solvable ? SearchEnd::inside : SearchEnd::undetermined};
  }
  const auto slope = [&](double alpha) { return at(alpha).slope; };
  // So many cells leave no room for a second valley, and the grid would cost most of a refit.
  constexpr size_t kManyCells = 10000;
  constexpr double kNear = 1.2;
  if (near * kNear < kMaxAlpha && near / kNear > kMinAlpha && weight_.size() > kManyCells) {
    const double below = slope(near / kNear), above = slope(near * kNear);
    if (below < 0 && above > 0) {
      return {at(find_zero(slope, near / kNear, near * kNear, below, above)), SearchEnd::inside};
    }
  }
  const double step = std::log(kMaxAlpha / kMinAlpha) / (kGridPoints - 1);
  const auto grid = [&](int i) { return i + 1 == kGridPoints ? kMaxAlpha : kMinAlpha * std::exp(step * i); };
  int best = 0;
  ProfilePoint here;
  for (int i = 0; i < kGridPoints; ++i) {
    ProfilePoint point = at(grid(i));
    if (i == 0 || point.rss < here.rss) here = std::move(point), best = i;
  }
  const bool told_apart = held_->C ? here.ee > 0 : here.solvable && 1 - here.collinearity() > kRankTolerance;
  if (!told_apart) return {here, SearchEnd::undetermined};
  const bool falls_on_right = here.slope < 0;
  if (best == 0 && !falls_on_right) return {here, SearchEnd::low_bound};
  if (best + 1 == kGridPoints && falls_on_right) return {here, SearchEnd::high_bound};
  const double other = grid(falls_on_right ? best + 1 : best - 1);
  const double other_slope = at(other).slope;
  if ((other_slope < 0) == falls_on_right) return {here, SearchEnd::inside};  // only when both are rounding
  const double alpha = falls_on_right ? find_zero(slope, here.alpha, other, here.slope, other_slope)
                                      : find_zero(slope, other, here.alpha, other_slope, here.slope);
  return {at(alpha), SearchEnd::inside};
}

}  // namespace superpose::fit
