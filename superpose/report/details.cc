// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/details.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <tuple>

#include "superpose/report/cells.h"
#include "superpose/report/packed.h"

namespace superpose::report {
namespace {

constexpr size_t kCurvePoints = 60, kMostVectors = 120, kGramSide = 24, kMostBins = 128;
const std::vector<std::string> kFields{"loss",
                                       "loss_std",
                                       "eval_loss",
                                       "phi_half",
                                       "phi_one",
                                       "rows_represented",
                                       "norm_mean",
                                       "overlap_mean_square",
                                       "overlap_mean_square_strong",
                                       "overlap_mean_square_all",
                                       "welch_bound_mean_square",
                                       "features_resolved",
                                       "loss_unlearned",
                                       "diverged_at"};

double shortened(double value, int digits = 4) {
  return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

Json short_json(std::optional<double> value, int digits = 4) {
  return value && std::isfinite(*value) ? Json(shortened(*value, digits)) : Json(nullptr);
}

Json decimals(const std::vector<double>& values, double scale) {
  Json out = Json::array();
  for (const double value : values) out.push_back(std::round(value * scale) / scale + 0.0);
  return out;
}

Json histogram_json(const Json& kept) {
  const auto min = field(kept, "min"), max = field(kept, "max");
  const std::vector<double> counts = finite_numbers(member(kept, "counts"));
  if (!min || !max || !(*max > *min) || counts.empty() || counts.size() > kMostBins) return nullptr;
  return {{"min", shortened(*min)}, {"max", shortened(*max)}, {"counts", counts}};
}

Json vectors_json(const Json& vectors) {
  const std::vector<double> ranks = finite_numbers(member(vectors, "ranks"));
  const std::vector<double> norms = finite_numbers(member(vectors, "norms"));
  const Json& coordinates = member(vectors, "coordinates");
  if (ranks.empty() || norms.size() != ranks.size() || !coordinates.is_array() || coordinates.size() != ranks.size())
    return nullptr;
  const size_t kept = std::min(ranks.size(), kMostVectors);
  Json places = Json::array();
  for (size_t i = 0; i < kept; ++i) {
    const std::vector<double> place = finite_numbers(coordinates[i]);
    if (place.size() != 2 && place.size() != 3) return nullptr;
    places.push_back(decimals(place, 1000));
  }
  return {{"ranks", std::vector<double>(ranks.begin(), ranks.begin() + static_cast<long>(kept))},
          {"coordinates", places},
          {"norms", decimals({norms.begin(), norms.begin() + static_cast<long>(kept)}, 1000)},
          {"kept", short_json(field(vectors, "kept"), 3)},
          {"method", text_field(vectors, "method")}};
}

Json gram_json(const Json& gram) {
  const std::vector<double> values = finite_numbers(member(gram, "values"));
  const auto size = field(gram, "size");
  if (!size || !(*size >= 1) || *size > 4096 || values.size() != static_cast<size_t>(*size * *size)) return nullptr;
  const size_t whole = static_cast<size_t>(*size), side = std::min(whole, kGramSide);
  std::vector<double> corner;
  for (size_t i = 0; i < side; ++i) {
    for (size_t j = 0; j < side; ++j) corner.push_back(values[i * whole + j]);
  }
  return {{"size", side}, {"values", decimals(corner, 100)}};
}

// The picture of W that a result has, made small; null without one.
Json picture_json(const Json& result) {
  const Json& picture = member(result, "picture");
  const Json vectors = vectors_json(member(picture, "vectors")), gram = gram_json(member(picture, "gram"));
  if (vectors.is_null() || gram.is_null()) return nullptr;
  return {{"vectors", vectors},
          {"overlap_histogram", histogram_json(member(picture, "overlap_histogram"))},
          {"gram", gram}};
}

// For each field of the configurations the value that most runs have.
Json common_config(std::span<const store::Run* const> runs) {
  std::map<std::string, std::map<std::string, size_t>> counts;
  for (const store::Run* run : runs) {
    if (!run->config.is_object()) continue;
    for (const auto& [key, value] : run->config.items()) {
      if (!value.is_structured()) ++counts[key][value.dump(-1, ' ', false, Json::error_handler_t::replace)];
    }
  }
  Json out = Json::object();
  for (const auto& [key, values] : counts) {
    const auto most = std::max_element(values.begin(), values.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    out[key] = Json::parse(most->first, nullptr, false);
  }
  return out;
}

Json differences(const Json& config, const Json& base) {
  Json out = Json::object();
  if (!config.is_object()) return out;
  for (const auto& [key, value] : config.items()) {
    if (!base.contains(key) || base[key] != value) out[key] = value;
  }
  for (const auto& [key, value] : base.items()) {
    if (!config.contains(key)) out[key] = nullptr;
  }
  return out;
}

Json setting_of(const Json& config) {
  const auto [law, alpha] = canonical_law(text_field(config, "law"));
  return Json::array({alpha ? short_json(alpha, 5) : Json(law), short_json(field(config, "decay"), 5),
                      short_json(field(config, "dim"), 6), short_json(field(config, "density"), 5)});
}

Json run_json(const store::Run& run, const Json& base) {
  Json numbers = Json::array();
  for (const std::string& name : kFields) numbers.push_back(short_json(field(run.result, name)));
  return {{"id", run.recorded ? "" : id_text(run.id)},
          {"at", setting_of(run.config)},
          {"seed", static_cast<int64_t>(field(run.config, "seed").value_or(0))},
          {"status", run.status},
          {"config", differences(run.config, base)},
          {"numbers", numbers},
          {"version", run.version},
          {"seconds", short_json(run.seconds, 3)}};
}

struct Entry {
  const store::Run* run;
  Json index;  // always kept
  std::vector<double> curve;
  Json norms, picture;
  int64_t seed;
  size_t order;  // its place when something has to go: scattered, but always the same
};

size_t scattered(const std::string& text) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  hash ^= hash >> 33, hash *= 0xff51afd7ed558ccdu, hash ^= hash >> 33;  // so that the last letters reach every bit
  return static_cast<size_t>(hash);
}

struct Kept {
  size_t curves, pictures;
};

std::string details_text(const std::vector<Entry>& entries, const Json& base, Kept keep,
                         const std::vector<std::string>& left_out) {
  Json head{{"schema", "superpose.details/1"}, {"base", base}, {"fields", kFields}, {"left_out", left_out}};
  std::string out = head.dump(-1, ' ', false, Json::error_handler_t::replace);
  out.pop_back();
  out += ",\"runs\":[";
  size_t curves = 0, pictures = 0;
  for (const Entry& entry : entries) {
    Json run = entry.index;
    if ((!entry.curve.empty() || !entry.norms.is_null()) && curves++ < keep.curves) {
      if (!entry.curve.empty()) run["curve"] = entry.curve;
      if (!entry.norms.is_null()) run["norms"] = entry.norms;
    }
    if (!entry.picture.is_null() && pictures++ < keep.pictures) run["picture"] = entry.picture;
    if (&entry != &entries.front()) out += ',';
    out += run.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return out + "]}";
}

// The most that fit, by the size that the rest of the budget suggests, and less where that was too bold.
template <typename Size>
size_t most_that_fit(size_t available, size_t budget, size_t without, const Size& size_with) {
  if (available == 0 || without >= budget) return 0;
  const size_t whole = size_with(available);
  if (whole <= budget) return available;
  double keep =
      static_cast<double>(available) * static_cast<double>(budget - without) / static_cast<double>(whole - without);
  constexpr int kTries = 6;
  for (int i = 0; i < kTries && keep >= 1; ++i, keep *= 0.93) {
    if (size_with(static_cast<size_t>(keep)) <= budget) return static_cast<size_t>(keep);
  }
  return 0;
}

std::vector<Entry> make_entries(std::span<const store::Run* const> runs, const Json& base) {
  std::vector<Entry> out;
  for (const store::Run* run : runs) {
    Entry entry{run,
                run_json(*run, base),
                thinned_curve(run->result, kCurvePoints),
                histogram_json(member(run->result, "norm_histogram")),
                picture_json(run->result),
                static_cast<int64_t>(field(run->config, "seed").value_or(0)),
                scattered(run->key)};
    out.push_back(std::move(entry));
  }
  std::sort(out.begin(), out.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.seed, a.order, a.run->key, a.run->id) < std::tie(b.seed, b.order, b.run->key, b.run->id);
  });
  return out;
}

std::string some_of(size_t kept, size_t all, const char* what) {
  return fmt::format("{} are in this page for {} of the {} runs that have them.", what, kept, all);
}

}  // namespace

std::vector<double> thinned_curve(const Json& result, size_t points) {
  const Json& curve = member(result, "curve");
  std::vector<std::pair<double, double>> all;
  if (!curve.is_array() || points < 2) return {};
  for (const Json& pair : curve) {
    const std::vector<double> one = finite_numbers(pair);
    if (one.size() == 2 && one[0] >= 1) all.emplace_back(one[0], one[1]);
  }
  if (all.empty()) return {};
  const double first = std::log(all.front().first), last = std::log(std::max(all.back().first, all.front().first));
  const double gap = (last - first) / static_cast<double>(points - 1);
  std::vector<double> out;
  double next = first;
  for (size_t i = 0; i < all.size(); ++i) {
    const double at = std::log(all[i].first);
    if (at < next - 1e-9 && i + 1 < all.size()) continue;
    out.push_back(all[i].first), out.push_back(shortened(all[i].second));
    while (gap > 0 && next <= at + 1e-9) next += gap;
  }
  return out;
}

Details make_details(std::span<const store::Run* const> runs, size_t budget) {
  std::vector<const store::Run*> finished;
  for (const store::Run* run : runs) {
    if (run->kind == "toy" && (run->status == "ok" || run->status == "diverged") && run->config.is_object())
      finished.push_back(run);
  }
  Details out;
  out.runs = finished.size();
  if (finished.empty()) return out;
  const Json base = common_config(finished);
  const std::vector<Entry> entries = make_entries(finished, base);
  const auto count = [&](auto has) { return static_cast<size_t>(std::count_if(entries.begin(), entries.end(), has)); };
  const size_t curves = count([](const Entry& e) { return !e.curve.empty() || !e.norms.is_null(); });
  const size_t pictures = count([](const Entry& e) { return !e.picture.is_null(); });
  const auto size_of = [&](Kept keep) { return (gzip(details_text(entries, base, keep, {})).size() + 2) / 3 * 4; };
  constexpr size_t kSentences = 600;  // bytes for left_out
  const size_t room = budget > kSentences ? budget - kSentences : 0;
  const size_t bare = size_of({0, 0});
  out.with_curve = most_that_fit(curves, room, bare, [&](size_t k) { return size_of({k, 0}); });
  const size_t with_curves = out.with_curve == 0 ? bare : size_of({out.with_curve, 0});
  if (out.with_curve == curves)
    out.with_picture = most_that_fit(pictures, room, with_curves, [&](size_t k) {
      return size_of({out.with_curve, k});
    });
  if (out.with_picture < pictures) {
    out.left_out.push_back(some_of(out.with_picture, pictures, "Pictures of the feature vectors"));
  }
  if (out.with_curve < curves) out.left_out.push_back(some_of(out.with_curve, curves, "Loss curves and histograms"));
  out.packed = packed(details_text(entries, base, {out.with_curve, out.with_picture}, out.left_out));
  return out;
}

}  // namespace superpose::report
