// SPDX-License-Identifier: Apache-2.0
// The claims ledger as a figure, and how often the intervals of fits hold the truth.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <span>

#include "superpose/report/page.h"

namespace superpose {
std::span<const EmbeddedFile> coverage_files();  // docs/fitting.md
}

namespace superpose::report {
namespace {

constexpr double kFar = 4;  // tolerances; beyond it a row is drawn at the edge

std::optional<Interval> interval_of(const Json& value) {
  const std::vector<double> ends = finite_numbers(value);
  if (ends.size() != 2 || ends[0] > ends[1]) return std::nullopt;
  return Interval{ends[0], ends[1]};
}

Hue verdict_hue(const std::string& verdict) {
  if (verdict == "denied") return {"bad", 0, 1};
  return {"cat", verdict == "confirmed" ? 2 : 4, 5};
}

const char* verdict_symbol(const std::string& verdict) {
  return verdict == "confirmed" ? "dot" : verdict == "denied" ? "diamond" : "square";
}

// Published value ± tolerance becomes −1 .. 1. Nothing for a row without a number.
std::optional<Series> ledger_row(const Claim& claim) {
  const Json &value = claim.value, published = member(claim.value, "published");
  const auto measured = field(value, "measured"), tolerance = field(value, "tolerance");
  Interval range;
  if (published.is_number()) {
    range = {published.get<double>(), published.get<double>()};
  } else if (const auto ends = interval_of(published)) {
    range = *ends;
  } else {
    return std::nullopt;
  }
  const double centre = (range.first + range.second) / 2;
  const double half = (range.second - range.first) / 2 + tolerance.value_or(0);
  if (!measured || !(half > 0) || !std::isfinite(centre)) return std::nullopt;
  const auto scaled = [&](double x) { return std::clamp((x - centre) / half, -kFar, kFar); };
  Point point{scaled(*measured), 0.0, {}, {}, "", {}};
  if (const auto ci = interval_of(member(value, "ci95")))
    point.interval = Interval{scaled(ci->first), scaled(ci->second)};
  const bool outside = std::abs(*measured - centre) > kFar * half;
  point.note = fmt::format("published {}{}, measured {}{}", claim.published,
                           claim.tolerance.empty() ? "" : " ± " + claim.tolerance, claim.measured,
                           outside ? "; beyond the edge" : "");
  constexpr size_t kLongest = 64;
  std::string name = claim.quantity.empty() ? claim.claim : claim.quantity;
  if (name.size() > kLongest) {
    size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xC0) == 0x80) --cut;
    name = name.substr(0, cut) + "…";
  }
  return Series{claim.id + "  " + name,
                Role::ours,
                verdict_hue(claim.verdict),
                claim.verdict == "cannot_tell" ? "cannot tell" : claim.verdict,
                verdict_symbol(claim.verdict),
                false,
                false,
                false,
                {point}};
}

// "| a | b |" -> {"a", "b"}
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> out;
  for (size_t at = line.find('|'); at != std::string_view::npos;) {
    const size_t next = line.find('|', at + 1);
    if (next == std::string_view::npos) break;
    std::string_view cell = line.substr(at + 1, next - at - 1);
    while (cell.starts_with(' ')) cell.remove_prefix(1);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    out.emplace_back(cell);
    at = next;
  }
  return out;
}

std::optional<double> percent(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The table of docs/fitting.md that starts with "| design | noise | parameter |".
std::vector<std::vector<std::string>> coverage_table() {
  std::vector<std::vector<std::string>> out;
  bool inside = false;
  for (const EmbeddedFile& file : coverage_files()) {
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.starts_with("| design | noise | parameter |")) {
        inside = true;
      } else if (!line.starts_with('|')) {
        inside = false;
      } else if (inside && !line.starts_with("|-")) {
        out.push_back(cells_of(line));
      }
    }
  }
  return out;
}

}  // namespace

std::optional<Figure> ledger_figure(const std::vector<Claim>& claims) {
  Figure figure;
  figure.id = "ledger", figure.kind = "rows", figure.title = "The ledger as a picture";
  Panel panel{"",   "",
              true, {"(measured − published) / tolerance", false, {-4, -2, -1, 0, 1, 2, 4}, Interval{-kFar, kFar}},
              {},   {}};
  panel.reference = Interval{-1, 1};
  size_t without = 0;
  for (const Claim& claim : claims) {
    if (auto row = ledger_row(claim)) {
      panel.series.push_back(std::move(*row));
    } else {
      ++without;
    }
  }
  if (panel.series.empty()) return std::nullopt;
  figure.panels.push_back(panel);
  figure.caption =
      "Each row is one claim of the table. Shaded: the published value ± the tolerance of the ledger, scaled to −1 to "
      "1. A claim is confirmed when the bar of what was measured touches the shade. Look how far off the denied ones "
      "are, and whose bars are too wide to say.";
  if (without > 0) {
    figure.notes.push_back(fmt::format("{} not drawn: not measured here, or without a tolerance to scale by",
                                       without == 1 ? "1 claim is" : fmt::format("{} claims are", without)));
  }
  figure.interval = "Bars: the 95 % interval of each claim. What lies beyond an edge is drawn at it.";
  figure.commands = {"superpose study quick"};
  figure.source = "the column Published of the ledger; tolerances: studies/tolerances.yaml";
  return figure;
}

std::optional<Figure> coverage_figure() {
  Figure figure;
  figure.id = "coverage", figure.kind = "rows", figure.title = "How often the intervals of a fit hold the truth";
  Panel panel{
      "",
      "",
      true,
      {"simulated tables whose 95 % interval holds the true value, %", false, {70, 80, 90, 95, 100}, Interval{68, 100}},
      {},
      {}};
  panel.reference = Interval{93, 97};
  std::string design;
  for (const std::vector<std::string>& row : coverage_table()) {
    if (row.size() < 6) continue;
    if (!row[0].empty()) design = row[0];
    static constexpr struct {
      const char* name;
      size_t column;
      int hue;
      const char* symbol;
    } kKinds[] = {{"t", 3, 0, "dot"}, {"profile", 4, 2, "square"}, {"bootstrap", 5, 1, "diamond"}};
    for (const auto& kind : kKinds) {
      if (const auto share = percent(row[kind.column])) {
        Point point{*share, 0.0, {}, {}, fmt::format("{} interval of {}", kind.name, row[2]), {}};
        panel.series.push_back(
            {design, Role::ours, {"cat", kind.hue, 5}, kind.name, kind.symbol, false, false, false, {point}});
      }
    }
  }
  if (panel.series.empty()) return std::nullopt;
  figure.panels.push_back(panel);
  figure.caption =
      "A 95 % interval should hold the true value in 95 of 100 tables. Each mark is one parameter of a simulated law, "
      "by kind of interval: t (circle), profile (square), bootstrap (diamond). Shaded: 93 to 97 %. Look at the rows "
      "with marks far left: rows that belong together and are taken for independent make t and profile far too short.";
  figure.interval = "Each share comes from 400 simulated tables, so its standard error is 1.1 %.";
  figure.commands = {"./run bench coverage --tables 400 --resamples 200"};
  figure.source =
      "none; the numbers are those of docs/fitting.md, measured once with bench/coverage and not from this store";
  return figure;
}

}  // namespace superpose::report
