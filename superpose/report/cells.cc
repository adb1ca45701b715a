// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::report {
namespace {

// A store may hold text that is not UTF-8; its dump must not throw.
template <class AnyJson>
std::string text_of(const AnyJson& value) {
  return value.dump(-1, ' ', false, AnyJson::error_handler_t::replace);
}

std::string recipe_of(Json config) {
  for (const char* name : {"dim", "seed", "law", "density", "decay", "lr", "lr_bias", "threads", "save", "profile"}) {
    config.erase(name);
  }
  for (Json& value : config) {
    if (value.is_number()) value = value.get<double>();  // 1 and 1.0 are one setting
  }
  return fingerprint(std::string_view(text_of(nlohmann::json(config))));  // nlohmann::json sorts its keys
}

std::string learning_rates(const Json& config) {
  return text_of(config.value("lr", Json())) + "/" + text_of(config.value("lr_bias", Json()));
}

// One learning rate per m is a rule of the recipe; two at the same m are two recipes.
bool has_two_learning_rates_at_one_width(const Cell& cell) {
  std::map<double, std::string> at;
  for (const ToyRun& toy : cell.runs) {
    const std::string rates = learning_rates(toy.run->config);
    if (at.try_emplace(toy.m, rates).first->second != rates) return true;
  }
  return false;
}

std::vector<Cell> split_by_learning_rate(const Cell& cell) {
  std::map<std::string, Cell> parts;
  for (const ToyRun& toy : cell.runs) {
    const std::string rates = learning_rates(toy.run->config);
    Cell& part = parts[rates];
    if (part.runs.empty()) {
      part = cell;
      part.runs.clear();
      part.recipe += " " + rates;
    }
    part.runs.push_back(toy);
  }
  std::vector<Cell> out;
  for (auto& [rates, part] : parts) out.push_back(std::move(part));
  return out;
}

// Nothing when the numbers of a run are such that no line goes through them: then the cell has no exponent.
std::optional<fit::Result> power_fit(const std::vector<double>& m, const std::vector<double>& loss) {
  try {
    return fit::fit_power(m, loss, {.brief = true});
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_finished_toy(const store::Run& run) {
  return run.kind == "toy" && (run.status == "ok" || run.status == "diverged");
}

// n, steps and batch of the paper's small models, which is what the published values beside ours are of.
bool is_papers(const Cell& cell) {
  if (cell.runs.empty()) return false;
  const Json& config = cell.runs.front().run->config;
  return cell.features == 1000 && field(config, "steps") == 20000 && field(config, "batch") == 2048;
}

void pick_main_recipe(Cells& out) {
  std::map<std::string, size_t> finished;
  for (const Cell& cell : out.cells) finished[cell.recipe] += cell.finished();
  size_t total = 0;
  for (const auto& [recipe, count] : finished) {
    total += count;
    if (out.main_recipe.empty() || count > finished[out.main_recipe]) out.main_recipe = recipe;
  }
  std::string papers;
  for (const Cell& cell : out.cells) {
    if (is_papers(cell) && (papers.empty() || finished[cell.recipe] > finished[papers])) papers = cell.recipe;
  }
  if (!papers.empty() && finished[papers] > 0) out.main_recipe = papers;
  if (finished.empty()) return;
  out.other_recipes = total - finished[out.main_recipe];
  for (const Cell& cell : out.cells) {
    if (cell.recipe == out.main_recipe) out.main_features = static_cast<size_t>(cell.features);
  }
}

}  // namespace

// "power:1.0" and "power:1" are the same law.
std::pair<std::string, std::optional<double>> canonical_law(const std::string& law) {
  if (!law.starts_with("power:")) return {law, std::nullopt};
  char* end = nullptr;
  const double alpha = std::strtod(law.c_str() + 6, &end);
  if (*end != '\0' || end == law.c_str() + 6 || !std::isfinite(alpha)) return {law, std::nullopt};
  return {fmt::format("power:{:.6g}", alpha), alpha};
}

std::optional<double> field(const Json& object, std::string_view name) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string text_field(const Json& object, std::string_view name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& member(const Json& object, std::string_view name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::vector<double> finite_numbers(const Json& array) {
  std::vector<double> out;
  if (!array.is_array()) return out;
  for (const Json& value : array) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) return {};
    out.push_back(value.get<double>());
  }
  return out;
}

size_t Cell::finished() const {
  return static_cast<size_t>(std::count_if(runs.begin(), runs.end(), [](const ToyRun& toy) { return toy.loss; }));
}

Cells make_cells(const std::vector<store::Run>& runs) {
  std::vector<const store::Run*> all;
  for (const store::Run& run : runs) all.push_back(&run);
  return make_cells(all);
}

Cells make_cells(std::span<const store::Run* const> runs) {
  using Key = std::tuple<std::string, std::string, double, double>;  // recipe, law, density, decay
  std::map<Key, Cell> by_key;
  Cells out;
  for (const store::Run* pointer : runs) {
    const store::Run& run = *pointer;
    if (!is_finished_toy(run)) continue;
    const auto m = field(run.config, "dim"), features = field(run.config, "features");
    const auto decay = field(run.config, "decay"), density = field(run.config, "density");
    auto loss = field(run.result, "loss");
    if (run.status == "diverged") loss.reset();
    // Beyond m = n a loss of 0 is met, and its float sums may end below it.
    constexpr double kRounding = 1e-9;
    if (loss && *loss <= kRounding && *loss > -1e-6) loss = kRounding;
    // A finite loss of 1e100 is a store that somebody tampered with, and an axis that no browser survives.
    const bool has_loss = run.status == "diverged" || (loss && *loss > 0 && *loss < 1e100);
    if (!m || !features || !decay || !density || *m < 1 || *m > 1e9 || *features < 1 || *features > 1e9 || !has_loss) {
      ++out.unreadable;
      continue;
    }
    const auto [law, alpha] = canonical_law(text_field(run.config, "law"));
    const std::string recipe = recipe_of(run.config);
    Cell& cell = by_key[{recipe, law, *density, *decay}];
    cell.recipe = recipe, cell.law = law, cell.alpha = alpha;
    cell.features = *features, cell.density = *density, cell.decay = *decay;
    cell.runs.push_back({&run, *m, static_cast<int64_t>(field(run.config, "seed").value_or(0)), loss});
  }
  for (const auto& [key, cell] : by_key) {
    if (has_two_learning_rates_at_one_width(cell)) {
      for (Cell& part : split_by_learning_rate(cell)) out.cells.push_back(std::move(part));
    } else {
      out.cells.push_back(cell);
    }
  }
  for (Cell& cell : out.cells) {
    std::sort(cell.runs.begin(), cell.runs.end(), [](const ToyRun& a, const ToyRun& b) {
      return std::tie(a.m, a.seed, a.run->id) < std::tie(b.m, b.seed, b.run->id);
    });
  }
  std::stable_sort(out.cells.begin(), out.cells.end(), [](const Cell& a, const Cell& b) {
    return std::make_tuple(a.alpha.value_or(1e300), a.law, a.density, a.decay) <
           std::make_tuple(b.alpha.value_or(1e300), b.law, b.density, b.decay);
  });
  pick_main_recipe(out);
  return out;
}

std::pair<double, std::optional<Interval>> mean_interval(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) square += (value - mean) * (value - mean);
  if (values.size() < 2) return {mean, std::nullopt};
  const double half = fit::student_t_95(n - 1) * std::sqrt(square / (n - 1) / n);
  return {mean, Interval{mean - half, mean + half}};
}

double law_reach(const Cell& cell) {
  const double last = cell.runs.empty() ? 0 : cell.runs.back().m;
  return last >= cell.features ? cell.features / 4 : last;
}

std::optional<Exponent> exponent(const Cell& cell) {
  std::vector<double> m, loss;
  std::map<int64_t, std::pair<std::vector<double>, std::vector<double>>> by_seed;
  for (const ToyRun& toy : cell.runs) {
    if (!toy.loss || toy.m > law_reach(cell)) continue;
    m.push_back(toy.m), loss.push_back(*toy.loss);
    by_seed[toy.seed].first.push_back(toy.m), by_seed[toy.seed].second.push_back(*toy.loss);
  }
  const size_t widths = std::set<double>(m.begin(), m.end()).size();
  if (widths < 3) return std::nullopt;
  const auto pooled = power_fit(m, loss);
  if (!pooled) return std::nullopt;
  const fit::Parameter& slope = (*pooled)["alpha"];
  Exponent out{slope.value, (*pooled)["C"].value, slope.ci95, pooled->r2, widths, by_seed.size(), "", {}};
  out.method = fmt::format("one regression over {} widths", widths);

  std::vector<double> slopes;
  std::vector<std::pair<int64_t, double>> each;
  for (const auto& [seed, data] : by_seed) {
    if (std::set<double>(data.first.begin(), data.first.end()).size() < 3) continue;
    if (const auto one = power_fit(data.first, data.second)) {
      slopes.push_back((*one)["alpha"].value);
      each.emplace_back(seed, slopes.back());
    }
  }
  if (slopes.size() >= 2) {
    // The line keeps passing through the data's centre: only its slope is replaced.
    double centre = 0;
    for (const double value : m) centre += std::log(value) / static_cast<double>(m.size());
    std::tie(out.alpha, out.ci95) = mean_interval(slopes);
    out.C *= std::exp((out.alpha - slope.value) * centre);
    out.method = fmt::format("mean of the slopes of {} seeds", slopes.size());
    out.each = std::move(each);
  }
  return out;
}

Setting setting_of(const Cell& cell, std::optional<double> m) {
  return {cell.alpha, cell.alpha ? "" : cell.law, cell.decay, m, cell.density};
}

std::vector<int64_t> run_ids(const Cell& cell) {
  std::vector<int64_t> out;
  for (const ToyRun& toy : cell.runs) {
    if (!toy.run->recorded) out.push_back(toy.run->id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

size_t recorded_runs(const Cell& cell) {
  return static_cast<size_t>(
      std::count_if(cell.runs.begin(), cell.runs.end(), [](const ToyRun& toy) { return toy.run->recorded; }));
}

std::string with_record(const std::string& note, const std::vector<const store::Run*>& runs) {
  std::set<std::string> versions;
  size_t recorded = 0;
  for (const store::Run* run : runs) {
    if (run->recorded) ++recorded, versions.insert(run->version);
  }
  if (recorded == 0) return note;
  const std::string count =
      recorded < runs.size() ? fmt::format("{} of {} runs", recorded, runs.size()) : (recorded == 1 ? "run" : "runs");
  return fmt::format("{}{} recorded by superpose {}", note.empty() ? "" : note + "; ", count,
                     fmt::join(versions, ", "));
}

std::string with_record(const std::string& note, const Cell& cell) {
  std::vector<const store::Run*> runs;
  for (const ToyRun& toy : cell.runs) runs.push_back(toy.run);
  return with_record(note, runs);
}

}  // namespace superpose::report
