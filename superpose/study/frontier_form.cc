// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/frontier_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "superpose/fit/fit.h"

namespace superpose::study {
namespace {

using Curve = std::function<double(double m, double c)>;  // i* for a given c

double squares(std::span<const double> m, std::span<const double> count, const std::function<double(double)>& curve) {
  double sum = 0;
  for (size_t k = 0; k < m.size(); ++k) {
    const double r = std::log(count[k] / curve(m[k]));
    sum += r * r;
  }
  return sum;
}

// The c of least squares: a search in ln c, fine enough that its error is far below a count's.
double best_c(std::span<const double> m, std::span<const double> count, const Curve& curve) {
  double best = 0, least = std::numeric_limits<double>::infinity();
  double low = -12, high = 16;
  for (int level = 0; level < 4; ++level) {
    constexpr int kSteps = 400;
    const double step = (high - low) / kSteps;
    for (int k = 0; k <= kSteps; ++k) {
      const double c = std::exp(low + step * k);
      const double s = squares(m, count, [&](double width) { return curve(width, c); });
      if (s < least) least = s, best = low + step * k;
    }
    low = best - 2 * step, high = best + 2 * step;
  }
  return std::exp(best);
}

// Counts are whole numbers: half a unit of rounding is part of every residual, so that no form fits infinitely well.
std::optional<double> aicc(double square_sum, std::span<const double> count, int parameters) {
  double rounding = 0;
  for (const double i : count) rounding += 1 / (12 * i * i);
  return fit::aicc(square_sum + rounding, count.size(), parameters);
}

}  // namespace

std::vector<FrontierForm> compare_forms(std::span<const double> m, std::span<const double> count, double n) {
  const std::pair<const char*, Curve> fixed[] = {
      {"n", [n](double, double) { return n; }},
      {"m", [](double w, double) { return w; }},
      {"min(n, m²/2)", [n](double w, double) { return std::min(n, w * w / 2); }}};
  const std::pair<const char*, Curve> scaled[] = {
      {"c·m", [](double w, double c) { return c * w; }},
      {"min(n, c·m)", [n](double w, double c) { return std::min(n, c * w); }},
      {"min(n, c·m²)", [n](double w, double c) { return std::min(n, c * w * w); }},
      {"n·m/(m + c)", [n](double w, double c) { return n * w / (w + c); }}};
  std::vector<FrontierForm> out;
  for (const auto& [formula, curve] : fixed) {
    const double s = squares(m, count, [&f = curve](double w) { return f(w, 0); });
    out.push_back({formula, 0, std::nullopt, std::nullopt, aicc(s, count, 0)});
  }
  for (const auto& [formula, curve] : scaled) {
    const double c = best_c(m, count, curve);
    const double s = squares(m, count, [&f = curve, c](double w) { return f(w, c); });
    out.push_back({formula, 1, c, std::nullopt, aicc(s, count, 1)});
  }
  if (std::any_of(m.begin(), m.end(), [&](double w) { return w != m[0]; })) {
    const auto law = fit::fit_power(m, count, {.brief = true});
    const double c = law["C"].value, exponent = -law["alpha"].value;
    const double s = squares(m, count, [&](double w) { return c * std::pow(w, exponent); });
    out.push_back({"c·m^β", 2, c, exponent, aicc(s, count, 2)});
  }
  const auto value = [](const FrontierForm& f) { return f.aicc.value_or(std::numeric_limits<double>::infinity()); };
  // Forms that fit equally well stay in this order: fewest parameters first.
  std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return value(a) < value(b) - 1e-9; });
  for (FrontierForm& f : out) f.delta = f.aicc && out[0].aicc ? *f.aicc - *out[0].aicc : 0;
  return out;
}

std::string forms_text(const std::vector<FrontierForm>& forms) {
  if (forms.empty() || !forms[0].aicc) return "too few widths to compare forms";
  const FrontierForm& best = forms[0];
  std::string out = best.formula;
  if (best.c) out += fmt::format(" with c = {:.3g}", *best.c);
  if (best.exponent) out += fmt::format(", β = {:.3g}", *best.exponent);
  out += " (AICc of the others:";
  for (size_t k = 1; k < forms.size(); ++k) {
    if (forms[k].aicc) out += fmt::format("{} {} +{:.1f}", k > 1 ? "," : "", forms[k].formula, forms[k].delta);
  }
  return out + ")";
}

}  // namespace superpose::study
