// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <regex>
#include <set>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/study/measure.h"

namespace superpose::study {
namespace {

constexpr double kJumpTimes = 5;       // a jump, in large changes between neighbours (their 90 % quantile)
constexpr double kJumpShare = 0.02;    // and in shares of the value
constexpr double kUndoneShare = 0.25;  // what may be left of a jump that was undone
constexpr double kStraight = 0.9;      // R² above which a line in the logarithms is called a law
constexpr double kNarrow = 0.2;        // half width of an interval that can confirm an exponent of 1
constexpr size_t kLeastForFit = 3;

std::string last_part(const std::string& path) {
  std::filesystem::path p(path);
  if (p.filename().empty()) p = p.parent_path();
  const std::string name = p.filename().string();
  static const std::regex kGeneric(R"((model|pytorch_model|consolidated|weights|ckpt)(\.index)?\.[A-Za-z0-9.]+)");
  if (std::regex_match(name, kGeneric) && p.has_parent_path()) return p.parent_path().filename().string() + "/" + name;
  return name.empty() ? path : name;
}

ComparedModel model_of(const Inspection& inspection) {
  ComparedModel out;
  out.path = inspection.path;
  out.label = last_part(inspection.path);
  out.family = inspection.model_type;
  out.step = training_step(inspection.path);
  if (inspection.matrices.empty()) return out;
  const MatrixReport& r = inspection.matrices.front();
  out.tensor = r.tensor, out.hash = r.hash;
  out.verdict = regime_name(r.judgement.regime);
  out.n = static_cast<double>(r.n), out.m = static_cast<double>(r.m);
  out.mean_square = r.overlap.mean_square, out.mean_square_centered = r.overlap_centered.mean_square;
  if (r.n > 0) out.norm_mean = r.norm.mean, out.norm_median = r.norm.quantiles[std::size(geometry::kQuantiles) / 2];
  return out;
}

void judge_exponent(WidthExponent& fit) {
  if (!fit.ci95) {
    fit.verdict = "cannot_tell";
    fit.because = "two widths give a line without an interval";
    return;
  }
  const auto [low, high] = *fit.ci95;
  const double half = (high - low) / 2, r2 = fit.r2.value_or(0);
  const std::string numbers =
      fmt::format("exponent {:.3g} ± {:.2g} (s.e.), 95 % interval [{:.2g}, {:.2g}], R² {:.2g}, {} models", fit.exponent,
                  *fit.se, low, high, r2, fit.points);
  if (low > 1 || high < 1) {
    fit.verdict = "denied";
    fit.because = numbers + ": the interval excludes 1";
  } else if (half <= kNarrow && r2 >= kStraight) {
    fit.verdict = "supported";
    fit.because = numbers + ": the interval holds 1 and little else, and the models lie near one line";
  } else if (fit.points >= 5 && half <= 0.5) {
    fit.verdict = "roughly supported";
    fit.because = fmt::format("{}: the interval holds 1, but {}{}{}: \"∝ 1/m\" is only roughly supported", numbers,
                              half > kNarrow ? "also exponents far from it" : "",
                              half > kNarrow && r2 < kStraight ? ", and " : "",
                              r2 < kStraight ? "width explains only part of the differences" : "");
  } else {
    fit.verdict = "cannot_tell";
    fit.because = numbers + ": too wide an interval to say anything about 1/m";
  }
}

std::optional<WidthExponent> width_exponent(const std::vector<const ComparedModel*>& models, std::string family) {
  std::vector<double> m, overlap;
  for (const auto* model : models) {
    if (!model->m || !model->mean_square || !(*model->mean_square > 0)) continue;
    m.push_back(*model->m), overlap.push_back(*model->mean_square);
  }
  const std::set<double> widths(m.begin(), m.end());
  if (m.size() < kLeastForFit || widths.size() < 2) return std::nullopt;
  const fit::Result result = fit::fit_power(m, overlap, {.brief = true});
  WidthExponent out;
  out.family = std::move(family);
  out.exponent = result["alpha"].value, out.intercept = std::log(result["C"].value);
  out.points = m.size();
  if (widths.size() > 2) out.se = result["alpha"].se, out.ci95 = result["alpha"].ci95;
  if (!out.se) out.ci95.reset();
  out.r2 = result.r2;
  judge_exponent(out);
  return out;
}

void add_fits(Comparison& out) {
  std::vector<const ComparedModel*> all;
  std::map<std::string, std::vector<const ComparedModel*>> families;
  for (const auto& model : out.models) {
    if (!model.mean_square || !(*model.mean_square > 0)) {
      out.notes.push_back(model.label + " has no overlap and takes no part in the fit");
      continue;
    }
    all.push_back(&model);
    if (!model.family.empty()) families[model.family].push_back(&model);
  }
  if (auto fit = width_exponent(all, "")) out.fits.push_back(std::move(*fit));
  if (families.size() < 2) return;
  for (const auto& [family, models] : families) {
    if (auto fit = width_exponent(models, family)) out.fits.push_back(std::move(*fit));
  }
}

void add_duplicates(const std::vector<Inspection>& inspections, Comparison& out) {
  // hash -> (path, tensor) of every matrix that was read; the two roles of one file are no duplicates of each other.
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> seen;
  for (const auto& inspection : inspections) {
    for (const auto& r : inspection.matrices) {
      if (!r.hash.empty() && r.n > 0 && r.m > 0) seen[r.hash].emplace_back(inspection.path, r.tensor);
    }
  }
  std::map<std::vector<std::string>, std::vector<std::string>> groups;  // paths -> tensors
  for (const auto& [hash, places] : seen) {
    std::vector<std::string> paths;
    for (const auto& [path, tensor] : places) {
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
    if (paths.size() > 1) groups[paths].push_back(places[0].second);
  }
  for (const auto& [paths, tensors] : groups) {
    out.alarms.push_back(
        {"duplicate", paths,
         fmt::format("{} {} the same bytes in {} checkpoints: {}", printable(tensors[0]),
                     tensors.size() > 1 ? fmt::format("and {} more matrices hold", tensors.size() - 1) : "holds",
                     paths.size(),
                     out.steps ? "either it was frozen, or one of them is not the step it claims to be"
                               : "the same file under several names, or the same weights twice")});
  }
}

void add_discontinuities(Comparison& out) {
  struct Quantity {
    const char* name;
    std::optional<double> ComparedModel::*field;
  };
  constexpr Quantity kQuantities[] = {{"median row norm", &ComparedModel::norm_median},
                                      {"mean row norm", &ComparedModel::norm_mean},
                                      {"mean square overlap", &ComparedModel::mean_square}};
  std::set<std::pair<size_t, size_t>> said;
  for (const auto& quantity : kQuantities) {
    std::vector<double> values;
    for (const auto& model : out.models) {
      if (!(model.*quantity.field)) return;
      values.push_back(*(model.*quantity.field));
    }
    for (const auto& d : discontinuities(values)) {
      if (!said.insert({d.first, d.last}).second) continue;
      Alarm alarm{d.undone ? "discontinuity" : "jump", {}, ""};
      for (size_t k = d.first; k <= d.last; ++k) alarm.paths.push_back(out.models[k].path);
      const std::string where =
          d.first == d.last ? fmt::format("step {}", *out.models[d.first].step)
                            : fmt::format("steps {} to {}", *out.models[d.first].step, *out.models[d.last].step);
      alarm.because =
          d.undone ? fmt::format(
                         "{}: the {} jumps from {:.4g} to {:.4g} and back to {:.4g}: training does not do that, so "
                         "these weights probably belong to another step",
                         where, quantity.name, values[d.first - 1], values[d.first], values[d.last + 1])
                   : fmt::format("{}: the {} jumps from {:.4g} to {:.4g} and stays there", where, quantity.name,
                                 values[d.first - 1], values[d.first]);
      out.alarms.push_back(std::move(alarm));
    }
  }
}

bool looks_like_checkpoint(const std::filesystem::path& path) {
  static constexpr std::string_view kExtensions[] = {".safetensors", ".gguf", ".pt", ".pth",  ".bin",
                                                     ".npy",         ".npz",  ".h5", ".onnx", ".ckpt"};
  std::error_code error;
  const std::string name = path.filename().string();
  if (name.starts_with('.')) return false;
  const auto is_weights = [&](const std::string& file) {
    return std::any_of(std::begin(kExtensions), std::end(kExtensions),
                       [&](std::string_view end) { return file.ends_with(end); });
  };
  if (std::filesystem::is_regular_file(path, error)) return is_weights(name);
  if (!std::filesystem::is_directory(path, error)) return false;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error) && is_weights(it->path().filename().string())) return true;
  }
  return false;
}

// How far all values between i and j stand off the line from one to the other, on one side of it; 0 when on both.
double distance_off(const std::vector<double>& values, size_t i, size_t j) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (size_t k = i + 1; k < j; ++k) {
    const double t = static_cast<double>(k - i) / static_cast<double>(j - i);
    const double off = values[k] - (values[i] + t * (values[j] - values[i]));
    low = std::min(low, off), high = std::max(high, off);
  }
  return low > 0 ? low : high < 0 ? -high : 0;
}

Json json_of(const WidthExponent& fit) {
  return {{"family", or_null(fit.family)}, {"exponent", fit.exponent},
          {"se", or_null(fit.se)},         {"ci95", fit.ci95 ? Json{fit.ci95->first, fit.ci95->second} : Json(nullptr)},
          {"intercept", fit.intercept},    {"r2", or_null(fit.r2)},
          {"points", fit.points},          {"verdict", fit.verdict},
          {"because", fit.because}};
}

}  // namespace

std::optional<double> training_step(const std::string& path) {
  static const std::regex kStep(
      R"((?:^|[^a-z])(?:global[_-]?step|step|checkpoint|iteration|iter|ckpt|epoch)s?[_=-]?0*(\d{1,15}))",
      std::regex::icase);
  std::optional<double> out;
  // The last part of the path that names a step counts: runs/step-experiments/checkpoint-500.
  for (auto it = std::sregex_iterator(path.begin(), path.end(), kStep); it != std::sregex_iterator(); ++it) {
    const auto number = it->str(1);
    out = std::stod(number.empty() ? "0" : number);
  }
  return out;
}

std::vector<std::filesystem::path> checkpoints_of_run(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return out;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (looks_like_checkpoint(it->path())) out.push_back(it->path());
  }
  // Shards and the usual names of one model are one checkpoint, not a run.
  static const std::regex kOneModel(R"((model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin))");
  for (const auto& path : out) {
    if (std::regex_match(path.filename().string(), kOneModel)) return {};
  }
  if (out.size() < 2) return {};
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    const auto key = [](const auto& p) {
      return std::pair(training_step(p.filename().string()).value_or(-1), p.filename().string());
    };
    return key(a) < key(b);
  });
  return out;
}

std::vector<std::string> expanded_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code error;
    bool is_run = std::filesystem::is_directory(path, error);
    if (is_run) {
      try {
        checkpoint::Checkpoint::open(path);
        is_run = false;
      } catch (const Error& e) {
        is_run = e.kind() == ErrorKind::usage || e.kind() == ErrorKind::unsupported;
      }
    }
    const auto found = is_run ? checkpoints_of_run(path) : std::vector<std::filesystem::path>();
    for (const auto& checkpoint : found) out.push_back(checkpoint.string());
    if (found.empty()) out.push_back(path);
  }
  return out;
}

std::vector<Discontinuity> discontinuities(const std::vector<double>& values) {
  std::vector<Discontinuity> found;
  const size_t n = values.size();
  // Ranges that stand off the line between their neighbours, while the neighbours agree with each other.
  for (size_t i = 0; i + 2 < n;) {
    size_t next = i + 1;
    for (size_t j = i + 2; j < n && j - i - 1 <= std::max<size_t>(1, n / 3); ++j) {
      if (distance_off(values, i, j) * kUndoneShare < std::abs(values[j] - values[i])) continue;
      if (distance_off(values, i, j) <= kJumpShare * std::max(std::abs(values[i]), std::abs(values[j]))) continue;
      found.push_back({i + 1, j - 1, true});
      next = j;
      break;
    }
    i = next;
  }
  const auto stands_off = [&](size_t k) {
    return std::any_of(found.begin(), found.end(), [&](const auto& d) { return d.first <= k && k <= d.last; });
  };
  size_t off = 0;
  for (size_t k = 0; k < n; ++k) off += stands_off(k);
  if (3 * off > n) found.clear();  // most values stand off some line: that is noise
  // What changes from step to step without them tells a jump from a noisy run.
  std::vector<size_t> clean;
  for (size_t k = 0; k < n; ++k) {
    if (!stands_off(k)) clean.push_back(k);
  }
  std::vector<double> change;
  for (size_t k = 0; k + 1 < clean.size(); ++k) change.push_back(std::abs(values[clean[k + 1]] - values[clean[k]]));
  std::vector<double> sorted = change;
  std::sort(sorted.begin(), sorted.end());
  const double large = sorted.empty() ? 0 : sorted[(sorted.size() - 1) * 9 / 10];
  std::erase_if(found,
                [&](const auto& d) { return distance_off(values, d.first - 1, d.last + 1) <= kJumpTimes * large; });
  // A jump that stays, far above the changes before and after it: the first steps of a run move fast, but not alone.
  for (size_t k = 1; k + 1 < change.size(); ++k) {
    const double scale = std::max(std::abs(values[clean[k]]), std::abs(values[clean[k + 1]]));
    const double around = std::max(change[k - 1], change[k + 1]);
    if (change[k] > 8 * around && change[k] > kJumpTimes * large && change[k] > kJumpShare * scale) {
      found.push_back({clean[k + 1], clean[k + 1], false});
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return found;
}

Comparison compare(const std::vector<Inspection>& inspections) {
  Comparison out;
  for (const auto& inspection : inspections) out.models.push_back(model_of(inspection));
  const auto& models = out.models;
  out.steps =
      models.size() > 1 && std::all_of(models.begin(), models.end(), [&](const auto& model) {
        return model.step && model.tensor == models[0].tensor && model.n == models[0].n && model.m == models[0].m;
      });
  if (out.steps) {
    std::stable_sort(out.models.begin(), out.models.end(),
                     [](const auto& a, const auto& b) { return *a.step < *b.step; });
  }
  add_duplicates(inspections, out);
  if (out.steps) {
    add_discontinuities(out);
  } else {
    add_fits(out);
  }
  for (const auto& inspection : inspections) {
    for (const auto& text : inspection.contradictions) out.alarms.push_back({"config", {inspection.path}, text});
  }
  return out;
}

Comparison compare_table(const fit::Table& table) {
  const auto column = [&](std::initializer_list<const char*> names) -> const char* {
    for (const char* name : names) {
      if (std::find(table.names.begin(), table.names.end(), name) != table.names.end()) return name;
    }
    return nullptr;
  };
  const char* overlap = column({"mean_sq_overlap", "mean_square", "overlap_mean_square"});
  const char* width = column({"m", "width", "d_model", "hidden_size"});
  if (!overlap || !width) {
    throw Error(ErrorKind::usage, fmt::format("a table to compare needs the columns m and mean_sq_overlap; it has {}",
                                              fmt::join(table.names, ", ")));
  }
  const char *name = column({"model", "name", "path"}), *family = column({"family"}),
             *rows = column({"n", "vocab_size"});
  const std::vector<double> m = table.numbers(width), square = table.numbers(overlap);
  const std::vector<double> n = rows ? table.numbers(rows) : std::vector<double>();
  Comparison out;
  for (size_t i = 0; i < table.rows(); ++i) {
    if (!(m[i] > 0) || !(square[i] > 0)) {
      throw Error(ErrorKind::bad_file,
                  fmt::format("line {}: {} and {} must be positive", table.lines[i], width, overlap));
    }
    ComparedModel model;
    model.label = model.path = name ? table.strings(name)[i] : fmt::format("line {}", table.lines[i]);
    if (family) model.family = table.strings(family)[i];
    model.m = m[i], model.mean_square = square[i];
    if (rows) model.n = n[i];
    out.models.push_back(std::move(model));
  }
  add_fits(out);
  return out;
}

Json to_json(const Comparison& comparison) {
  Json models = Json::array(), fits = Json::array(), alarms = Json::array();
  for (const auto& m : comparison.models) {
    models.push_back({{"path", m.path},
                      {"label", m.label},
                      {"family", or_null(m.family)},
                      {"step", or_null(m.step)},
                      {"tensor", or_null(m.tensor)},
                      {"n", or_null(m.n)},
                      {"m", or_null(m.m)},
                      {"mean_square", or_null(m.mean_square)},
                      {"times_m", m.mean_square && m.m ? Json(*m.mean_square * *m.m) : Json(nullptr)},
                      {"mean_square_centered", or_null(m.mean_square_centered)},
                      {"norm_mean", or_null(m.norm_mean)},
                      {"norm_median", or_null(m.norm_median)},
                      {"verdict", or_null(m.verdict)},
                      {"hash", or_null(m.hash)}});
  }
  for (size_t k = 0; k < comparison.fits.size(); ++k) {
    if (!comparison.fits[k].family.empty()) fits.push_back(json_of(comparison.fits[k]));
  }
  for (const auto& alarm : comparison.alarms) {
    alarms.push_back({{"kind", alarm.kind}, {"paths", alarm.paths}, {"because", alarm.because}});
  }
  const bool pooled = !comparison.fits.empty() && comparison.fits[0].family.empty();
  return {{"steps", comparison.steps},
          {"models", std::move(models)},
          {"fit", pooled ? json_of(comparison.fits[0]) : Json(nullptr)},
          {"families", std::move(fits)},
          {"alarms", std::move(alarms)},
          {"notes", comparison.notes}};
}

}  // namespace superpose::study
