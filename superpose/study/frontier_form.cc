// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/frontier_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

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

struct Line {
  double c = 0, exponent = 0;
};
Line power_line(std::span<const double> m, std::span<const double> count) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const double k = static_cast<double>(m.size());
  for (size_t i = 0; i < m.size(); ++i) x += std::log(m[i]) / k, y += std::log(count[i]) / k;
  for (size_t i = 0; i < m.size(); ++i) {
    xx += (std::log(m[i]) - x) * (std::log(m[i]) - x);
    xy += (std::log(m[i]) - x) * (std::log(count[i]) - y);
  }
  const double slope = xx > 0 ? xy / xx : 0;
  return {std::exp(y - slope * x), slope};
}

std::optional<double> aicc(double square_sum, std::span<const double> count, int parameters) {
  const double k = static_cast<double>(count.size()), p = parameters + 1;
  if (k - p - 1 <= 0) return std::nullopt;
  double rounding = 0;
  for (const double i : count) rounding += 1 / (12 * i * i);
  return k * std::log((square_sum + rounding) / k) + 2 * p + 2 * p * (p + 1) / (k - p - 1);
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
  const Line line = power_line(m, count);
  const double s = squares(m, count, [&](double w) { return line.c * std::pow(w, line.exponent); });
  out.push_back({"c·m^β", 2, line.c, line.exponent, aicc(s, count, 2)});
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
