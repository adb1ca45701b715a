// SPDX-License-Identifier: Apache-2.0
// Profile-likelihood intervals: one parameter is held at a value, all others are fitted anew, and the interval ends
// where the objective exceeds its minimum by the 95 % threshold,
//   2(F(v) - F_min)/s² = t²,   s² the noise, t Student's of n - p degrees of freedom
// (Bates and Watts 1988, section 6.1.2; for Huber's ρ and the absolute value s² = E[ψ²]/E[ψ'], Heritier and Ronchetti
// 1994).
#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/fit/analysis.h"

namespace superpose::fit {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The objective along one parameter.
class Walk {
 public:
  Walk(const Fit& fit, size_t parameter)
      : fit_(fit),
        parameter_(parameter),
        options_(with_held(fit, parameter)),
        model_(fit.model.law(), fit.data, options_) {
    unit_ = *fit.noise.excess * fit.noise.t * fit.noise.t / 2;
    start_ = fit.model.values(fit.at());
    restart();
  }

  // (F - F_min) over the threshold at `value`. Starts from where the last value within the interval ended, and, where
  // that leads out of the interval, also from where the last value did: the lower one counts.
  double excess(double value) {
    model_.hold(parameter_, value);
    Solution found = from(inside_, value);
    double out = (found.objective - fit_.optima[0].objective) / unit_;
    if (!(out < 1) && last_ != inside_) {
      const Solution other = from(last_, value);
      if (other.objective < found.objective) found = other;
      out = (found.objective - fit_.optima[0].objective) / unit_;
    }
    if (!std::isfinite(found.objective)) return kInfinity;
    last_ = model_.values(found.at);
    if (out < 1) inside_ = last_;
    if (out < lowest_) lowest_ = out, lowest_at_ = last_;
    curve_.emplace_back(value, out);
    return std::max(out, 0.0);
  }
  void restart() { last_ = inside_ = start_; }
  double lowest() const { return lowest_; }
  const std::vector<double>& lowest_at() const { return lowest_at_; }

  Profile curve(const std::string& name, double best) {
    curve_.emplace_back(best, 0);
    std::sort(curve_.begin(), curve_.end());
    curve_.erase(
        std::unique(curve_.begin(), curve_.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
        curve_.end());
    Profile out{name, {}, {}};
    for (const auto& [value, excess] : curve_) out.value.push_back(value), out.excess.push_back(excess);
    return out;
  }

 private:
  Solution from(std::vector<double> values, double value) const {
    values[parameter_] = value;
    return model_.polish(fit_.model.weights(), model_.point(values));
  }
  static Options with_held(const Fit& fit, size_t parameter) {
    Options out = fit.options;
    out.fixed[fit.model.parameters()[parameter].name] = fit.model.value(parameter, fit.at());
    return out;
  }
  const Fit& fit_;
  size_t parameter_;
  Options options_;
  Model model_;
  double unit_ = 1, lowest_ = 0;
  std::vector<double> start_, inside_, last_, lowest_at_;
  std::vector<std::pair<double, double>> curve_;
};

// The way from a value to the ends of its range: additive, or multiplicative for coefficients.
struct Scale {
  bool decades = false;
  double best = 0, low = -kInfinity, high = kInfinity;
  double at(double u) const { return std::clamp(decades ? best * std::exp(best > 0 ? u : -u) : best + u, low, high); }
};

// One end of the interval: `step` is how far the asymptotic one lies, with its sign.
double find_end(Walk& walk, const Scale& scale, double step) {
  walk.restart();
  double inside = 0, inside_root = 0, outside = step, outside_root = 0;
  constexpr int kMostSteps = 40;
  for (int i = 0;; ++i) {
    const double value = scale.at(outside);
    const double excess = walk.excess(value);
    outside_root = std::sqrt(excess);
    if (excess >= 1) break;
    if (value <= scale.low || value >= scale.high) return value;
    if (i == kMostSteps || !std::isfinite(value)) return step > 0 ? kInfinity : -kInfinity;
    inside = outside, inside_root = outside_root;
    outside *= 1.7;
  }
  // sqrt(excess) is nearly linear: false position, the Illinois way.
  int side = 0;
  for (int i = 0; i < 30; ++i) {
    const double weight = std::isfinite(outside_root) ? (1 - inside_root) / (outside_root - inside_root) : 0.5;
    const double middle = inside + std::clamp(weight, 0.02, 0.98) * (outside - inside);
    const double root = std::sqrt(walk.excess(scale.at(middle)));
    if (std::abs(root - 1) < 1e-5 || std::abs(outside - inside) < 1e-9 * std::abs(outside)) return scale.at(middle);
    if (root < 1) {
      inside = middle, inside_root = root;
      if (side == -1) outside_root = 1 + (outside_root - 1) / 2;
      side = -1;
    } else {
      outside = middle, outside_root = root;
      if (side == 1) inside_root = 1 - (1 - inside_root) / 2;
      side = 1;
    }
  }
  return scale.at(outside);
}

Scale scale_of(const Fit& fit, size_t p) {
  const auto& place = fit.model.parameters()[p];
  Scale out{false, fit.model.value(p, fit.at())};
  const auto& basis = *fit.model.solver().system().basis;
  if (place.kind == ParameterKind::shape) {
    out.low = basis.ranges[static_cast<size_t>(place.index)].low;
    out.high = basis.ranges[static_cast<size_t>(place.index)].high;
  } else if (place.kind == ParameterKind::offset) {
    if (fit.model.solver().system().offset_nonnegative) out.low = 0;
  } else if (!fit.model.law().terms.empty()) {
    out.decades = out.best != 0;
    if (out.best >= 0 && basis.nonnegative[static_cast<size_t>(place.index)]) out.low = 0;
  }
  return out;
}

}  // namespace

bool set_profiles(Fit& fit, Result& result) {
  constexpr size_t kMostParameters = 48;  // of a table with more groups, the exponents and coefficients only
  if (!fit.determined || !fit.noise.excess || !(*fit.noise.excess > 0)) return true;
  for (size_t p = 0; p < result.parameters.size(); ++p) {
    auto& [name, parameter] = result.parameters[p];
    const auto& place = fit.model.parameters()[p];
    const bool offset = place.kind == ParameterKind::offset;
    if (parameter.held || !std::isfinite(parameter.value) || (offset && result.parameters.size() > kMostParameters))
      continue;
    const Scale scale = scale_of(fit, p);
    double step = parameter.se ? fit.noise.t * *parameter.se : std::abs(scale.best) * 0.1;
    if (scale.decades) step = std::min(step / std::abs(scale.best), 3.0);
    if (!(step > 0))
      step = offset ? 1e-3 * std::abs(result.parameters[0].second.value) + 1e-3 * fit.model.scale() : 0.1;
    Walk walk(fit, p);
    Interval ends{scale.best, scale.best};
    if (scale.best > scale.low) ends.first = find_end(walk, scale, scale.decades && scale.best < 0 ? step : -step);
    if (scale.best < scale.high) ends.second = find_end(walk, scale, scale.decades && scale.best < 0 ? -step : step);
    if (ends.first > ends.second) std::swap(ends.first, ends.second);
    constexpr double kClearlyLower = -1e-6;
    if (walk.lowest() < kClearlyLower) {
      const Solution better = fit.model.polish(fit.model.weights(), fit.model.point(walk.lowest_at()));
      if (better.objective < fit.optima[0].objective) {
        fit.take(better);
        return false;
      }
    }
    parameter.profile = ends;
    const bool floor = offset && fit.model.groups().size() == 1;
    if (place.kind != ParameterKind::shape && !floor) continue;
    // The curve between and a little beyond, to be looked at.
    for (const double end : {ends.first, ends.second}) {
      walk.restart();
      for (const double part : {0.25, 0.5, 0.75, 1.15}) {
        const double value = std::clamp(scale.best + part * (end - scale.best), scale.low, scale.high);
        if (std::isfinite(value)) walk.excess(value);
      }
    }
    result.profiles.push_back(walk.curve(name, parameter.value));
  }
  return true;
}

}  // namespace superpose::fit
