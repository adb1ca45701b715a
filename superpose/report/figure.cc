// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace superpose::report {
namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::ours:
      return "ours";
    case Role::fit:
      return "fit";
    case Role::published:
      return "published";
    case Role::theory:
      return "theory";
  }
  return "";
}

// Five significant digits: finer than any of the page's numbers is known, and half the page's bytes.
Json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  const double near = std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);  // not stod: it throws for 1e-310
  return std::isfinite(near) ? Json(near) : Json(nullptr);
}

Json rounded(const std::optional<double>& value) { return value ? rounded(*value) : Json(nullptr); }

Json rounded(const std::optional<Interval>& interval) {
  if (!interval || !std::isfinite(interval->first) || !std::isfinite(interval->second)) return nullptr;
  return Json::array({rounded(interval->first), rounded(interval->second)});
}

Json setting_json(const Setting& at) {
  const Json law = at.alpha ? rounded(at.alpha) : at.law.empty() ? Json(nullptr) : Json(at.law);
  return Json::array({law, rounded(at.decay), rounded(at.m), rounded(at.density)});
}

Json point_json(const Point& point) {
  Json out{{"x", rounded(point.x)}, {"y", rounded(point.y)}};
  if (point.z) out["z"] = rounded(point.z);
  if (point.x2) out["x2"] = rounded(point.x2);
  if (const Json interval = rounded(point.interval); !interval.is_null()) out["ci"] = interval;
  if (!point.runs.empty()) out["runs"] = id_ranges(point.runs);
  if (!point.note.empty()) out["note"] = point.note;
  if (point.at.bound()) out["at"] = setting_json(point.at);
  for (const auto& [seed, value] : point.seeds) out["seeds"].push_back(Json::array({seed, rounded(value)}));
  return out;
}

Json series_json(const Series& series) {
  Json out{{"key", series.key},
           {"role", role_name(series.role)},
           {"hue", Json::array({series.hue.palette, series.hue.index, series.hue.count})},
           {"symbol", series.symbol}};
  if (!series.label.empty()) out["label"] = series.label;
  if (series.line) out["line"] = true;
  if (series.band) out["band"] = true;
  if (series.diverged) out["diverged"] = true;
  out["points"] = Json::array();
  for (const Point& point : series.points) out["points"].push_back(point_json(point));
  return out;
}

Json axis_json(const Axis& axis) {
  Json out{{"label", axis.label}, {"log", axis.log}};
  if (!axis.ticks.empty()) {
    out["ticks"] = Json::array();
    for (const double tick : axis.ticks) out["ticks"].push_back(rounded(tick));
  }
  if (axis.domain) out["domain"] = rounded(axis.domain);
  return out;
}

struct Range {
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  void add(std::optional<double> value) {
    if (value && std::isfinite(*value)) lo = std::min(lo, *value), hi = std::max(hi, *value);
  }
  std::optional<Interval> interval() const { return lo <= hi ? std::optional(Interval{lo, hi}) : std::nullopt; }
};

// The data's range per role, over all panels: {"ours": {"points", "x", "y"[, "z"]}, ...}.
Json ranges_json(const Figure& figure) {
  Json out = Json::object();
  for (const Role role : {Role::ours, Role::published}) {
    Range x, y, z;
    size_t points = 0;
    for (const Panel& panel : figure.panels) {
      for (const Series& series : panel.series) {
        if (series.role != role) continue;
        for (const Point& point : series.points) {
          if (!point.y || (figure.kind == "map" && !point.z)) continue;
          ++points, x.add(point.x), y.add(point.y), z.add(point.z);
        }
      }
    }
    Json range{{"points", points},
               {"x", rounded(x.interval())},
               {"y", figure.kind == "rows" ? Json(nullptr) : rounded(y.interval())}};
    if (figure.kind == "map") range["z"] = rounded(z.interval());
    out[role_name(role)] = range;
  }
  return out;
}

}  // namespace

bool has_role(const Figure& figure, Role role) {
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      if (series.role == role && !series.points.empty()) return true;
    }
  }
  return false;
}

Json to_json(const Figure& figure) {
  Json panels = Json::array();
  for (const Panel& panel : figure.panels) {
    Json series = Json::array();
    for (const Series& one : panel.series) {
      if (!one.points.empty()) series.push_back(series_json(one));
    }
    panels.push_back({{"title", panel.title},
                      {"group", panel.group},
                      {"shown", panel.shown},
                      {"x", axis_json(panel.x)},
                      {"y", axis_json(panel.y)},
                      {"series", series}});
    if (panel.reference) panels.back()["reference"] = rounded(panel.reference);
  }
  Json out{{"id", figure.id},
           {"title", figure.title},
           {"paper", figure.paper},
           {"kind", figure.kind},
           {"caption", figure.caption},
           {"interval", figure.interval},
           {"empty", figure.empty},
           {"ranges", ranges_json(figure)},
           {"recorded", figure.recorded},
           {"notes", figure.notes},
           {"how",
            {{"commands", figure.commands},
             {"runs", id_ranges(figure.runs)},
             {"source", figure.source},
             {"config", figure.made.config},
             {"varies", figure.made.varies},
             {"seeds", figure.made.seeds},
             {"versions", figure.made.versions}}}};
  if (figure.kind == "map") {
    out["color"] = {{"label", figure.color_label}, {"domain", rounded(figure.color_domain)}};
  }
  out["panels"] = panels;
  return out;
}

std::string number(std::optional<double> value, int digits) {
  if (!value || !std::isfinite(*value)) return "—";
  std::string text = fmt::format("{:.{}g}", *value == 0 ? 0.0 : *value, digits);
  for (size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 3) text.replace(at, 1, "−");
  return text;
}

std::string count_text(std::optional<double> value) {
  if (!value || !std::isfinite(*value) || std::abs(*value) >= 1e15) return number(value);
  std::string digits = fmt::format("{:.0f}", std::abs(*value));
  for (size_t at = digits.size(); digits.size() > 4 && at > 3; at -= 3) digits.insert(at - 3, "\u202f");
  return (*value <= -0.5 ? "−" : "") + digits;
}

std::string with_interval(std::optional<double> value, const std::optional<Interval>& interval, int digits) {
  if (!value || !interval || !std::isfinite(*value)) return number(value, digits);
  const double half = (interval->second - interval->first) / 2;
  if (!(half > 1e-9 * std::abs(*value)) || half > 1e6 || half < 1e-5) {
    return fmt::format("{} [{}, {}]", number(value, digits), number(interval->first, digits),
                       number(interval->second, digits));
  }
  // As many decimals as show the half width with two digits, with one where that digit is 5 or more: "1.06
  // [0.88, 1.25]".
  const int exponent = static_cast<int>(std::floor(std::log10(half)));
  const int decimals = std::clamp(half / std::pow(10.0, exponent) < 5 ? 1 - exponent : -exponent, 0, 6);
  const auto fixed = [&](double number) {
    std::string text = fmt::format("{:.{}f}", number, decimals);
    if (text.starts_with('-')) {
      const bool zero = text.find_first_not_of("-0.") == std::string::npos;
      text = (zero ? "" : "−") + text.substr(1);
    }
    return text;
  };
  return fmt::format("{} [{}, {}]", fixed(*value), fixed(interval->first), fixed(interval->second));
}

namespace {
constexpr int64_t kStoreStride = int64_t{1} << 40;
}

int64_t merged_id(size_t store, int64_t id) { return static_cast<int64_t>(store + 1) * kStoreStride + id; }

std::string store_letter(size_t store) {
  return store < 26 ? std::string(1, static_cast<char>('a' + store)) : fmt::format("s{}", store);
}

std::string id_text(int64_t id) {
  if (id < kStoreStride) return fmt::format("{}", id);
  return fmt::format("{}:{}", store_letter(static_cast<size_t>(id / kStoreStride - 1)), id % kStoreStride);
}

std::string id_ranges(const std::vector<int64_t>& ids) {
  std::string out;
  for (size_t first = 0, last = 0; first < ids.size(); first = last + 1) {
    for (last = first; last + 1 < ids.size() && ids[last + 1] == ids[last] + 1;) ++last;
    out += out.empty() ? "" : ", ";
    out += id_text(ids[first]);
    if (first != last) out += fmt::format("–{}", ids[last] % kStoreStride);
  }
  return out;
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "an unknown time";
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace superpose::report
