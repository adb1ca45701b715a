// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/report/draw_canvas.h"

namespace superpose::report {
namespace {

constexpr double kLargest = 1e100;  // differences and ratios of what is drawn stay finite

// "1.5×10⁵" where a plain number would be long.
std::string power_text(double value) {
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
  const double head = value / std::pow(10.0, exponent);
  if (std::abs(std::abs(head) - 1) < 1e-9) return (head < 0 ? "−" : "") + power_of_ten(exponent);
  return number(head, 3) + "×" + power_of_ten(exponent);
}

std::string plain_text(double value) {
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e6)) return power_text(value);
  return size >= 1e4 ? count_text(value) : number(value, 5);
}

std::string step_text(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (std::abs(value) < 1e-9 * step) return "0";
  if (size >= 1e6 || size < 1e-3 || step < 1e-5) return power_text(value);
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
  if (decimals == 0 && size >= 1e4) return count_text(value);
  const std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  return (value < 0 ? "−" : "") + text;
}

bool inside(double value, const Interval& domain) {
  const double room = std::min(1e-9 * std::abs(value), 1e-6 * (domain.second - domain.first));
  return value >= domain.first - room && value <= domain.second + room;
}

std::vector<Tick> log_ticks(const Interval& domain, size_t most) {
  const double decades = std::log10(domain.second / domain.first);
  const int first = static_cast<int>(std::floor(std::log10(domain.first))) - 1;
  const int last = static_cast<int>(std::ceil(std::log10(domain.second))) + 1;
  int stride = 1;
  while (decades / stride > static_cast<double>(std::max<size_t>(most, 2))) ++stride;
  int whole = 0;
  for (int e = first; e <= last; ++e) whole += inside(std::pow(10.0, e), domain);
  const bool heads = whole < 2;  // too few powers of ten to read the axis by
  std::vector<Tick> out;
  for (int e = first; e <= last; ++e) {
    for (int head = 1; head <= 9; ++head) {
      const double value = std::strtod(fmt::format("{}e{}", head, e).c_str(), nullptr);
      if (!inside(value, domain) || (head > 1 && stride > 1)) continue;
      const bool labelled = heads ? decades < 0.55 || head == 1 || head == 2 || head == 5
                                  : head == 1 && (e % stride + stride) % stride == 0;
      out.push_back({value, labelled ? (heads ? plain_text(value) : power_of_ten(e)) : ""});
    }
  }
  const auto labels = std::count_if(out.begin(), out.end(), [](const Tick& tick) { return !tick.label.empty(); });
  return labels >= 2 ? out : std::vector<Tick>{};
}

std::vector<Tick> even_ticks(const Interval& domain, size_t most) {
  const double rough = (domain.second - domain.first) / static_cast<double>(std::max<size_t>(most, 2));
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  const double times = rough / decade;
  const double step = decade * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
  std::vector<Tick> out;
  const double first = std::ceil(domain.first / step - 1e-9);
  if (!(step > 0) || !std::isfinite(first) || std::abs(first) > 1e12) return out;
  for (double i = first; i * step <= domain.second + 1e-9 * step && out.size() < 64; ++i) {
    out.push_back({i * step, step_text(i * step, step)});
  }
  return out;
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
  void add(const std::optional<double>& value, bool log) {
    if (drawable(value, log)) add(*value);
  }
};

void add_intervals(const Panel& panel, Extent& extent) {
  const bool log = panel.y.log;
  const double spread = extent.high - extent.low;
  const double room = log ? 2 : 0.5 * (spread > 0 ? spread : extent.low != 0 ? std::abs(extent.high) : 1);
  Extent out = extent;
  for (const Series& series : panel.series) {
    for (const Point& point : series.points) {
      if (!point.interval) continue;
      const auto [low, high] = *point.interval;
      if (drawable(low, log)) out.low = std::min(out.low, std::max(low, log ? extent.low / room : extent.low - room));
      if (drawable(high, log))
        out.high = std::max(out.high, std::min(high, log ? extent.high * room : extent.high + room));
    }
  }
  extent = out;
}

}  // namespace

bool drawable(double value, bool log) {
  return std::isfinite(value) && std::abs(value) < kLargest && (!log || value > 1 / kLargest);
}

double Scale::share(double value) const {
  return log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
}

double Scale::inside(double value) const {
  if (std::isnan(value) || value <= low) return from;
  return value >= high ? to : at(value);
}

bool Scale::holds(double value) const {
  if (!drawable(value, log)) return false;
  const double where = share(value);
  return where >= -1e-6 && where <= 1 + 1e-6;
}

Interval domain_of(const Panel& panel, bool of_y) {
  const Axis& axis = of_y ? panel.y : panel.x;
  if (axis.domain && drawable(axis.domain->first, axis.log) && drawable(axis.domain->second, axis.log) &&
      axis.domain->first < axis.domain->second)
    return *axis.domain;
  Extent extent;
  for (const Series& series : panel.series) {
    for (const Point& point : series.points) {
      if (of_y) {
        extent.add(point.y, axis.log);
      } else {
        extent.add(std::optional(point.x), axis.log), extent.add(point.x2, axis.log);
      }
    }
  }
  if (extent.low > extent.high) return axis.log ? Interval{1, 10} : Interval{0, 1};
  if (of_y) add_intervals(panel, extent);
  const auto [low, high] = extent;
  if (axis.log) {
    const double margin = std::pow(high / low, 0.05) * (high / low < 1 + 1e-9 ? 1.5 : 1.02);
    return {low / margin, high * margin};
  }
  const double spread = high - low, size = std::max(std::abs(low), std::abs(high));
  const double margin = 0.05 * (spread > 1e-9 * size ? spread : size > 0 ? size : 1);
  return {of_y && low >= 0 && low < 0.3 * high ? 0 : low - margin, high + margin};
}

std::vector<Tick> ticks_of(const Axis& axis, Interval domain, size_t most) {
  std::vector<Tick> out;
  for (const double value : axis.ticks) {
    if (drawable(value, axis.log) && inside(value, domain)) out.push_back({value, plain_text(value)});
  }
  std::sort(out.begin(), out.end(), [](const Tick& a, const Tick& b) { return a.value < b.value; });
  if (out.size() >= 2 || (out.size() == 1 && axis.ticks.size() == 1)) return out;
  if (axis.log) out = log_ticks(domain, most);
  return axis.log && !out.empty() ? out : even_ticks(domain, most);
}

}  // namespace superpose::report
