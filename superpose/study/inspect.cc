// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "superpose/base/printable.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/study/evidence.h"
#include "superpose/study/inspect_tokens.h"

namespace superpose::study {
namespace {

constexpr size_t kHistogramBins = 40;
constexpr size_t kOverlapBins = 200;

// Says what is being done; each stage counts by about how many passes over the matrix it takes.
class Stages {
 public:
  Stages(const InspectOptions& options, double passes) : options_(options), passes_(passes) {}
  void next(std::string_view what, double passes) {
    if (options_.progress) options_.progress(what, std::min(1.0, done_ / passes_));
    done_ += passes;
  }

 private:
  const InspectOptions& options_;
  double passes_, done_ = 0;
};

geometry::OverlapOptions overlap_options(const RowSource& W, const InspectOptions& options) {
  geometry::OverlapOptions out;
  out.seed = options.seed;
  out.bins = kOverlapBins;
  if (options.quick) {
    out.max_exact_pairs = 0, out.sampled_pairs = 0;
    return out;
  }
  out.max_exact_pairs =
      options.exact ? SIZE_MAX : options.max_exact_pairs.value_or(geometry::affordable_pairs(W.cols()));
  out.sampled_pairs =
      std::max<size_t>(2, std::min(options.sampled_pairs, options.sampled_pairs * 512 / std::max<size_t>(W.cols(), 1)));
  return out;
}

void add_baselines(const RowSource& W, const InspectOptions& options, ThreadPool& pool, MatrixReport& out) {
  const geometry::Baselines found = geometry::baselines(W, {.seed = options.seed}, pool);
  out.baseline_rows = found.rows;
  const bool sampled = found.rows < W.rows() - out.zero_rows;
  const auto add = [&](std::string name, const geometry::Baseline& level, std::string meaning) {
    if (!level.mean_square) return;
    out.baselines.push_back({std::move(name), level.mean_square,
                             sampled ? std::optional<double>(level.se) : std::nullopt, std::move(meaning)});
  };
  out.baselines.push_back(
      {"mean row removed", out.overlap_centered.mean_square, std::nullopt,
       "what is left when the direction that all rows share is taken away; a softmax does not see it"});
  for (size_t k = 0; k < std::size(geometry::kRemovedDirections); ++k) {
    const size_t count = geometry::kRemovedDirections[k];
    add(fmt::format("top {} direction{} removed", count, count > 1 ? "s" : ""), found.removed[k],
        "and of the centred rows the directions of largest variance");
  }
  add("columns shuffled", found.shuffled,
      "rows of unrelated entries: each column keeps its values, no row keeps its own");
  add("columns shuffled, centred", found.shuffled_centered, "the same without the mean row: what chance leaves");
  out.baselines.push_back(
      {"random directions", out.random_mean_square, std::nullopt, "1/m, the level of unrelated rows"});
  out.baselines.push_back({"Welch bound", out.welch_bound_mean_square, std::nullopt, "no n rows can overlap less"});
}

SubsetOverlap subset_overlap(const RowSource& W, std::vector<size_t> rows, ThreadPool& pool) {
  SubsetOverlap out;
  out.rows = rows.size();
  const geometry::SelectedRows chosen(W, std::move(rows));
  geometry::OverlapOptions options{.max_exact_pairs = 0, .sampled_pairs = 0};
  out.mean_square = geometry::overlap(chosen, options, pool).mean_square;
  options.centered = true;
  out.mean_square_centered = geometry::overlap(chosen, options, pool).mean_square;
  return out;
}

struct Split {
  std::vector<size_t> seen, unseen, by_count;  // by_count: seen rows, most frequent first
};
Split split_rows(std::span<const double> counts) {
  Split out;
  for (size_t i = 0; i < counts.size(); ++i) (counts[i] > 0 ? out.seen : out.unseen).push_back(i);
  out.by_count = out.seen;
  std::stable_sort(out.by_count.begin(), out.by_count.end(), [&](size_t a, size_t b) { return counts[a] > counts[b]; });
  return out;
}

FrequencyReport frequency_report(const RowSource& W, std::span<const double> norms, std::span<const double> counts,
                                 const InspectOptions& options, ThreadPool& pool) {
  FrequencyReport out;
  const Split split = split_rows(counts);
  out.counts_file = options.counts.value_or("");
  out.seen_rows = split.seen.size(), out.unseen_rows = split.unseen.size();
  out.norm_correlation = geometry::correlation(norms, counts);
  out.seen = subset_overlap(W, split.seen, pool);
  out.unseen = subset_overlap(W, split.unseen, pool);
  std::vector<size_t> top = options.top;
  if (top.empty()) top = {100, 300, 1000, 3000, 10000, 30000};
  for (const size_t k : top) {
    if (k < 2 || k >= split.by_count.size()) continue;
    std::vector<size_t> rows(split.by_count.begin(), split.by_count.begin() + static_cast<std::ptrdiff_t>(k));
    std::sort(rows.begin(), rows.end());
    out.top.emplace_back(k, subset_overlap(W, std::move(rows), pool));
  }
  return out;
}

std::optional<Excess> excess_of(const MatrixReport& r) {
  if (!r.overlap.mean_square || !r.overlap_centered.mean_square || r.n <= r.m) return std::nullopt;
  const double m = static_cast<double>(r.m);
  Excess out;
  double plain = *r.overlap.mean_square * m, centered = *r.overlap_centered.mean_square * m;
  out.total = plain - 1;
  if (r.frequency && r.frequency->seen.mean_square && r.frequency->seen.mean_square_centered) {
    out.unseen = plain - *r.frequency->seen.mean_square * m;
    plain = *r.frequency->seen.mean_square * m;
    centered = *r.frequency->seen.mean_square_centered * m;
  }
  out.anisotropy = plain - centered;
  out.structure = centered - 1;
  return out;
}

void summarize(const RowSource& W, std::span<const double> norms, MatrixReport& out) {
  out.n = W.rows(), out.m = W.cols();
  out.norm = geometry::summarize_norms(norms);
  out.norm_histogram = histogram(norms, kHistogramBins);
  out.zero_rows = static_cast<size_t>(std::count(norms.begin(), norms.end(), 0.0));
  if (W.cols() > 0) out.random_mean_square = 1 / static_cast<double>(W.cols());
  out.welch_bound_mean_square = geometry::welch_bound_mean_square(W.rows(), W.cols());
  if (W.rows() == 0) return;
  out.phi_half = geometry::represented_fraction(norms, 0.5);
  out.phi_one = geometry::represented_fraction(norms, 1);
}

// The verdict over some rows, as if they were the whole matrix.
Judgement judge_rows(const RowSource& W, std::string_view role, std::vector<size_t> rows, ThreadPool& pool) {
  const geometry::SelectedRows chosen(W, std::move(rows));
  MatrixReport part;
  geometry::OverlapOptions options{.max_exact_pairs = 0, .sampled_pairs = 0};
  part.overlap = geometry::overlap(chosen, options, pool);
  options.centered = true;
  part.overlap_centered = geometry::overlap(chosen, options, pool);
  summarize(chosen, part.overlap.norms, part);
  Judgement out = judge(gather(chosen, role, part.overlap.norms, part, pool));
  out.because = fmt::format("of the {} rows that the counts say were seen: {}", chosen.rows(), out.because);
  return out;
}

struct Extras {                // what inspect() knows and inspect_matrix() does not
  std::vector<double> counts;  // [n]; empty: none
  std::vector<size_t> asked;   // rows whose neighbours are wanted
  bool full = true;            // baselines and crowding too
};

MatrixReport inspect_rows(const RowSource& W, std::string_view role, const InspectOptions& options,
                          const Extras& extras, ThreadPool& pool) {
  const bool counted = !extras.counts.empty();
  const bool crowding = options.crowding && extras.full && !options.quick;
  Stages stages(options, options.quick ? 1 : 6 + (extras.full ? 2 : 0) + (crowding ? 3 : 0) + (counted ? 4 : 0));
  MatrixReport out;
  out.role = role;
  out.quick = options.quick;
  stages.next("norms and overlaps", 1.5);
  geometry::OverlapOptions overlap = overlap_options(W, options);
  out.overlap = geometry::overlap(W, overlap, pool);
  const std::vector<double> norms = std::move(out.overlap.norms);
  out.overlap.norms.clear();
  summarize(W, norms, out);
  if (options.quick) {
    out.judgement.because = "only one pass was made (--quick): without the centred overlap there is no verdict";
    return out;
  }
  out.norm_modes = geometry::norm_modes(norms);
  stages.next("overlaps without the mean row", 2);
  overlap.centered = true;
  out.overlap_centered = geometry::overlap(W, overlap, pool);
  stages.next("spectrum", 1.5);
  out.spectrum = geometry::spectrum(W, pool);
  out.effective_rank = out.spectrum->effective_rank;
  out.participation_ratio = out.spectrum->participation_ratio;
  stages.next("verdict", 1);
  out.judgement = judge(gather(W, role, norms, out, pool));
  if (counted) {
    stages.next("tokens by frequency", 4);
    out.frequency = frequency_report(W, norms, extras.counts, options, pool);
    out.judgement_all = out.judgement;
    out.judgement = judge_rows(W, role, split_rows(extras.counts).seen, pool);
  }
  out.excess = excess_of(out);
  if (extras.full && W.rows() > out.zero_rows && W.cols() > 0) {
    stages.next("baselines", 2);
    add_baselines(W, options, pool, out);
  }
  if (crowding) {
    stages.next("crowded rows", 3);
    out.crowding = crowded_rows(W, norms, extras.asked, options, pool);
  }
  return out;
}

bool with_counts(const InspectOptions& options) { return options.counts || !options.count_values.empty(); }

std::vector<checkpoint::Role> roles_of(const checkpoint::Checkpoint& file, const InspectOptions& options) {
  if (options.tensor) return checkpoint::resolve_heads(file, *options.tensor);
  std::vector<checkpoint::Role> roles;
  try {
    roles = checkpoint::resolve_heads(file);
  } catch (const Error& e) {
    if (!options.all || e.kind() != ErrorKind::usage) throw;
  }
  if (!options.all) return roles;
  std::set<const checkpoint::TensorInfo*> known;
  for (const auto& role : roles) known.insert(role.tensor);
  for (const auto& tensor : file.tensors()) {
    if (tensor.shape.size() == 2 && !known.contains(&tensor)) {
      roles.push_back({&tensor, "matrix", false, "every matrix was asked for", {}, {}});
    }
  }
  return roles;
}

std::string model_type_of(const Json& config) {
  if (!config.is_object()) return "";
  const auto found = config.find("model_type");
  return found != config.end() && found->is_string() ? found->get<std::string>() : "";
}

checkpoint::TensorInfo transposed(checkpoint::TensorInfo tensor) {
  if (tensor.shape.size() != 2) return tensor;
  if (tensor.strides.empty()) tensor.strides = {tensor.shape[1], 1};
  std::swap(tensor.shape[0], tensor.shape[1]);
  std::swap(tensor.strides[0], tensor.strides[1]);
  if (tensor.scale && tensor.scale->scale.size() > 1) {
    auto scale = std::make_shared<checkpoint::Scale>(*tensor.scale);
    scale->axis = 1 - scale->axis;
    tensor.scale = std::move(scale);
  }
  return tensor;
}

}  // namespace

MatrixReport inspect_matrix(const RowSource& W, std::string_view role, const InspectOptions& options,
                            ThreadPool& pool) {
  return inspect_rows(W, role, options, {}, pool);
}

Inspection inspect(const std::filesystem::path& path, const InspectOptions& options) {
  return inspect(checkpoint::Checkpoint::open(path), path, options);
}

Inspection inspect(const checkpoint::Checkpoint& file, const std::filesystem::path& path,
                   const InspectOptions& options) {
  ThreadPool pool(options.threads > 0 ? options.threads : available_cores(), nullptr, options.cancelled);
  Inspection out;
  out.path = path.string();
  out.format = file.format();
  out.model_type = model_type_of(file.config());
  out.warnings = file.warnings();
  const auto roles = [&] {
    try {
      return roles_of(file, options);
    } catch (const Error& e) {
      throw e.in(path.string());
    }
  }();
  TokenTexts texts(path, file, options);
  if (!roles.empty() && roles[0].tensor->shape.size() == 2) {
    texts.check_rows(roles[0].tensor->shape[options.transpose ? 1 : 0]);
  }
  out.vocabulary = texts.source();
  if (!texts.warning().empty()) out.warnings.push_back(texts.warning());
  for (const checkpoint::Role& role : roles) {
    const checkpoint::TensorInfo tensor = options.transpose ? transposed(*role.tensor) : *role.tensor;
    std::unique_ptr<RowSource> rows;
    try {
      rows = file.rows(tensor);
    } catch (const Error& e) {
      if (!options.all || e.kind() != ErrorKind::unsupported) throw;
      out.skipped.push_back({tensor.name, e.what()});
      continue;
    }
    Extras extras;
    extras.full = role.role != "matrix" || !options.all;
    if (with_counts(options) && (role.role != "matrix" || options.tensor || !options.all))
      extras.counts = texts.counts(tensor.shape[0]);
    if (extras.full) extras.asked = texts.asked_rows(tensor.shape[0]);
    MatrixReport report;
    try {
      report = inspect_rows(*rows, role.role, options, extras, pool);
    } catch (const Error& e) {
      if (!options.all) throw;
      out.skipped.push_back({tensor.name, e.what()});
      continue;
    }
    report.tensor = tensor.name;
    report.evidence = role.evidence + (options.transpose ? "; transposed, as asked for" : "");
    report.dtype = checkpoint::dtype_name(tensor.dtype);
    report.tied = role.tied;
    if (options.hash && !options.quick) report.hash = file.content_hash(*role.tensor);
    if (report.crowding) texts.name_rows(*report.crowding);
    out.matrices.push_back(std::move(report));
    for (const auto* texts_of : {&role.warnings, &role.notes}) {
      out.warnings.insert(out.warnings.end(), texts_of->begin(), texts_of->end());
    }
    out.contradictions.insert(out.contradictions.end(), role.warnings.begin(), role.warnings.end());
  }
  out.bytes_read = file.bytes_read(), out.bytes_total = file.bytes_total();
  out.traffic = file.traffic();
  return out;
}

Histogram histogram(std::span<const double> values, size_t bins) {
  Histogram out;
  if (values.empty()) return out;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double width = (*high - *low) / static_cast<double>(bins);
  // Equal up to rounding: bins narrower than the spacing of doubles would have equal edges.
  if (!(*low + width > *low && *high > *high - width)) bins = 1;
  out.counts.assign(bins, 0);
  for (size_t k = 0; k <= bins; ++k) {
    out.edges.push_back(k == bins ? *high
                                  : *low + (*high - *low) * (static_cast<double>(k) / static_cast<double>(bins)));
  }
  for (const double x : values) {
    const double place = bins == 1 ? 0 : (x - *low) / (*high - *low) * static_cast<double>(bins);
    ++out.counts[std::min(static_cast<size_t>(place), bins - 1)];
  }
  return out;
}

}  // namespace superpose::study
