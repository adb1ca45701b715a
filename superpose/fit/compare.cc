// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/fit/statistics.h"
#include "superpose/fit/width_profile.h"

namespace superpose::fit {
namespace {

// A difference of AICc that counts as evidence (Burnham and Anderson's "considerably less support" begins at 4).
constexpr double kClearDifference = 4;

struct GroupedLine {
  double rss = 0;  // Σ(v - a[g] - b·u)²
  int groups = 0;
};

// Least squares of one slope and an offset per group; slope 0 when no u is given or u does not vary.
GroupedLine grouped_line(const std::vector<double>& u, const std::vector<double>& v, const Data& data) {
  const auto cells = make_cells(data.inputs[0], data.group);
  const size_t n = v.size(), groups = cells.groups();
  std::vector<double> count(groups), mean_u(groups), mean_v(groups);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t g = cells.group_of_row[i];
    ++count[g];
    mean_u[g] += u.empty() ? 0 : u[i];
    mean_v[g] += v[i];
  }
  for (size_t g = 0; g < groups; ++g) mean_u[g] /= count[g], mean_v[g] /= count[g];
  const auto centred = [&](size_t i) {
    const uint32_t g = cells.group_of_row[i];
    return std::pair{u.empty() ? 0 : u[i] - mean_u[g], v[i] - mean_v[g]};
  };
  double uu = 0, uv = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto [du, dv] = centred(i);
    uu += du * du;
    uv += du * dv;
  }
  const double slope = uu > 0 ? uv / uu : 0;
  GroupedLine out{0, static_cast<int>(groups)};
  for (size_t i = 0; i < n; ++i) {
    const auto [du, dv] = centred(i);
    out.rss += (dv - slope * du) * (dv - slope * du);
  }
  return out;
}

template <class F>
std::vector<double> mapped(const std::vector<double>& values, const F& f) {
  std::vector<double> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), f);
  return out;
}

double logarithm(double v) { return std::log(v); }

std::string per_group(const char* name, const Data& data) {
  return data.group.empty() ? name : fmt::format("{}[group]", name);
}

std::optional<double> density_aicc(const Rival& rival, const Data& data) {
  auto out = aicc(rival.rss, data.y.size(), rival.n_parameters);
  if (!out || !rival.of_logarithm) return out;
  for (const double y : data.y) *out += 2 * std::log(y);  // density of y = density of ln y / y
  return out;
}

}  // namespace

Rival constant_rival(const Data& data) {
  const auto line = grouped_line({}, data.y, data);
  return {"constant", fmt::format("y = {}", per_group("a", data)), line.groups, line.rss};
}

Rival logarithm_rival(const Data& data) {
  const auto line = grouped_line(mapped(data.inputs[0], logarithm), data.y, data);
  return {"logarithm", fmt::format("y = {} - b ln x", per_group("a", data)), line.groups + 1, line.rss};
}

Rival inverse_rival(const Data& data) {
  // In units of the smallest x, so that 1/x neither overflows nor underflows.
  const double least = *std::min_element(data.inputs[0].begin(), data.inputs[0].end());
  const auto line = grouped_line(mapped(data.inputs[0], [least](double x) { return least / x; }), data.y, data);
  return {"width with alpha = 1", fmt::format("y = C/x + {}", per_group("L0", data)), line.groups + 1, line.rss};
}

std::optional<Rival> power_rival(const Data& data) {
  if (std::any_of(data.y.begin(), data.y.end(), [](double y) { return y <= 0; })) return std::nullopt;
  const auto line = grouped_line(mapped(data.inputs[0], logarithm), mapped(data.y, logarithm), data);
  return Rival{"power", fmt::format("y = {}/x^alpha", per_group("C", data)), line.groups + 1, line.rss, true};
}

std::optional<Rival> width_rival(const Data& data) {
  const auto cells = make_cells(data.inputs[0], data.group);
  Held held;
  held.L0.resize(cells.groups());
  WidthProfile profile(cells, held);
  profile.load(std::vector<double>(data.y.size(), 1.0), data.y);
  const auto optimum = profile.solve();
  if (optimum.end == SearchEnd::undetermined) return std::nullopt;
  double rss = 0;
  for (size_t i = 0; i < data.y.size(); ++i) {
    const uint32_t g = cells.group_of_row[i];
    const double u = std::exp(-optimum.point.alpha * cells.x[cells.width[cells.cell_of_row[i]]]);
    const double r = data.y[i] - optimum.point.s * u - optimum.point.L0(g);
    rss += r * r;
  }
  return Rival{"width", fmt::format("y = C/x^alpha + {}", per_group("L0", data)), static_cast<int>(cells.groups()) + 2,
               rss};
}

void compare(const Data& data, const Rival& fitted, const std::vector<Rival>& others, Result& result) {
  const auto own = result.aicc = density_aicc(fitted, data);
  for (const Rival& rival : others) {
    Comparison row{rival.law, rival.formula, rival.n_parameters, density_aicc(rival, data), std::nullopt};
    if (row.aicc && own) row.delta = *row.aicc - *own;
    // A constant need not win clearly: when it does as well, the table shows no dependence on x at all.
    if (row.delta && rival.law == "constant" && *row.delta <= 0) {
      result.warnings.push_back(
          fmt::format("{} describes the rows as well (AICc lower by {:.1f}): the table shows no dependence on x",
                      rival.formula, -*row.delta));
    } else if (row.delta && *row.delta < -kClearDifference) {
      result.warnings.push_back(fmt::format("law {} ({}) describes the rows better: its AICc is lower by {:.1f}",
                                            rival.law, rival.formula, -*row.delta));
    }
    result.compared_to.push_back(row);
  }
}

}  // namespace superpose::fit
