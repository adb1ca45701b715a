// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/inspect.h"

#include <algorithm>
#include <cmath>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::study {
namespace {

constexpr double kToyThreshold = 0.5;
constexpr size_t kHistogramBins = 40;

double share_between(std::span<const double> norms, double low, double high) {
  return geometry::represented_fraction(norms, low) - geometry::represented_fraction(norms, high);
}

// A bare array whose norms have two clear modes about 1/2 is read as a toy model's W is.
bool on_toy_scale(std::string_view role, std::span<const double> norms) {
  if (role == "toy") return true;
  const double phi = geometry::represented_fraction(norms, kToyThreshold);
  return role == "matrix" && phi > 0 && phi < 1 &&
         share_between(norms, 0.4 * kToyThreshold, kToyThreshold) < kEmptyBetween;
}

double half_root_mean_square(std::span<const double> norms, double largest) {
  double sum = 0;
  for (const double r : norms) sum += (r / largest) * (r / largest);
  return 0.5 * largest * std::sqrt(sum / static_cast<double>(norms.size()));
}

// How wide the norms of the centred non-zero rows spread, and how wide they would if entries were independent draws
// from one distribution with the kurtosis found. Rows are divided by the largest norm so that fourth powers stay in
// range.
template <class T>
void measure_spread(MatrixView<const T> W, std::span<const double> norms, double largest, Evidence& out) {
  std::vector<double> mean(W.cols);
  const double rows = static_cast<double>(out.n - out.zero_rows);
  for (size_t i = 0; i < W.rows; ++i) {
    for (size_t j = 0; norms[i] > 0 && j < W.cols; ++j) mean[j] += static_cast<double>(W(i, j)) / largest / rows;
  }
  std::vector<double> centered;
  double second = 0, fourth = 0;
  for (size_t i = 0; i < W.rows; ++i) {
    if (norms[i] == 0) continue;
    double square = 0;
    for (size_t j = 0; j < W.cols; ++j) {
      const double x = static_cast<double>(W(i, j)) / largest - mean[j];
      square += x * x;
      fourth += x * x * x * x;
    }
    second += square;
    centered.push_back(std::sqrt(square));
  }
  const double entries = rows * static_cast<double>(W.cols);
  const double kurtosis = fourth / entries / (second / entries * (second / entries));
  const geometry::NormSummary summary = geometry::summarize_norms(centered);
  // Entries all of one size have no kurtosis to compare with, and rows equal to their mean have no norm.
  if (!(summary.mean > 0) || !std::isfinite(kurtosis) || !(kurtosis > 1)) return;
  out.norm_spread = summary.std / summary.mean;
  out.independent_spread = std::sqrt((kurtosis - 1) / (4 * static_cast<double>(W.cols)));
}

// Squared norms of Gaussian rows follow χ²_m; its cube root is nearly normal (Wilson & Hilferty 1931, within 0.002 of
// the distribution for m >= 5).
std::optional<double> misfit_to_gaussian(std::span<const double> norms, double largest, size_t m) {
  std::vector<double> squares;
  double sum = 0;
  for (const double r : norms) {
    if (r > 0) squares.push_back((r / largest) * (r / largest)), sum += squares.back();
  }
  if (squares.size() < 2 || m == 0) return std::nullopt;
  std::sort(squares.begin(), squares.end());
  const double n = static_cast<double>(squares.size()), variance = 2 / (9 * static_cast<double>(m));
  double distance = 0;
  for (size_t i = 0; i < squares.size(); ++i) {
    const double z = (std::cbrt(squares[i] * n / sum) - (1 - variance)) / std::sqrt(variance);
    const double expected = 0.5 * std::erfc(-z / std::sqrt(2.0));
    distance = std::max({distance, expected - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - expected});
  }
  return std::sqrt(n) * distance;
}

template <class T>
Evidence gather(MatrixView<const T> W, std::string_view role, std::span<const double> norms,
                const MatrixReport& report) {
  Evidence out;
  out.toy_scale = on_toy_scale(role, norms);
  out.n = W.rows, out.m = W.cols, out.zero_rows = report.zero_rows;
  out.plain = report.overlap.mean_square, out.centered = report.overlap_centered.mean_square;
  if (out.n == out.zero_rows) return out;
  const double largest = report.norm.max;
  out.threshold = out.toy_scale ? kToyThreshold : half_root_mean_square(norms, largest);
  out.between = share_between(norms, 0.4 * out.threshold, out.threshold);
  out.represented =
      static_cast<size_t>(std::count_if(norms.begin(), norms.end(), [&](double r) { return r > out.threshold; }));
  out.plain_represented = out.plain, out.centered_represented = out.centered;
  if (out.represented + out.zero_rows < out.n) {
    geometry::OverlapOptions some{.min_norm = out.threshold, .max_exact_pairs = 0, .sampled_pairs = 2};
    out.plain_represented = geometry::overlap(W, some).mean_square;
    some.centered = true;
    out.centered_represented = geometry::overlap(W, some).mean_square;
  }
  measure_spread(W, norms, largest, out);
  out.gaussian_misfit = misfit_to_gaussian(norms, largest, W.cols);
  return out;
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const geometry::Overlap& o) {
  return {{"mean_square", or_null(o.mean_square)},
          {"pairs", o.sampled ? "sampled" : "all"},
          {"mean_abs", or_null(o.mean_abs)},
          {"mean_abs_se", o.mean_abs ? Json(o.mean_abs_se) : Json(nullptr)},
          {"std_abs", or_null(o.std_abs)},
          {"max_abs", or_null(o.max_abs)},
          {"rows", o.rows}};
}

Json json_of_norms(const MatrixReport& r) {
  const bool any = r.n > 0;
  const auto value = [&](double x) { return any ? Json(x) : Json(nullptr); };
  return {{"mean", value(r.norm.mean)},
          {"std", value(r.norm.std)},
          {"min", value(r.norm.min)},
          {"max", value(r.norm.max)},
          {"quantiles", any ? Json(r.norm.quantiles) : Json(nullptr)},
          {"quantile_levels", geometry::kQuantiles},
          {"histogram", {{"edges", r.norm_histogram.edges}, {"counts", r.norm_histogram.counts}}}};
}

Json json_of(const MatrixReport& r) {
  return {{"tensor", r.tensor},
          {"role", r.role},
          {"tied", r.tied},
          {"evidence", r.evidence},
          {"n", r.n},
          {"m", r.m},
          {"dtype", r.dtype},
          {"norm", json_of_norms(r)},
          {"overlap", json_of(r.overlap)},
          {"overlap_centered", json_of(r.overlap_centered)},
          {"random_mean_square", or_null(r.random_mean_square)},
          {"welch_bound_mean_square", or_null(r.welch_bound_mean_square)},
          {"zero_rows", r.zero_rows},
          {"phi_half", or_null(r.phi_half)},
          {"phi_one", or_null(r.phi_one)},
          {"effective_rank", or_null(r.effective_rank)},
          {"participation_ratio", or_null(r.participation_ratio)},
          {"verdict", regime_name(r.judgement.regime)},
          {"because", r.judgement.because}};
}

}  // namespace

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

template <class T>
MatrixReport inspect_matrix(MatrixView<const T> W, std::string_view role, const InspectOptions& options) {
  MatrixReport out;
  out.role = role;
  out.n = W.rows, out.m = W.cols;
  const std::vector<double> norms = geometry::row_norms(W);
  out.norm = geometry::summarize_norms(norms);
  out.norm_histogram = histogram(norms, kHistogramBins);
  out.zero_rows = static_cast<size_t>(std::count(norms.begin(), norms.end(), 0.0));
  geometry::OverlapOptions overlap{.max_exact_pairs = options.max_exact_pairs, .seed = options.seed};
  overlap.sampled_pairs =
      std::max<size_t>(2, std::min(options.sampled_pairs, options.sampled_pairs * 512 / std::max<size_t>(W.cols, 1)));
  out.overlap = geometry::overlap(W, overlap);
  overlap.centered = true;
  out.overlap_centered = geometry::overlap(W, overlap);
  if (W.cols > 0) out.random_mean_square = 1 / static_cast<double>(W.cols);
  out.welch_bound_mean_square = geometry::welch_bound_mean_square(W.rows, W.cols);
  if (W.rows > 0) {
    out.phi_half = geometry::represented_fraction(norms, 0.5);
    out.phi_one = geometry::represented_fraction(norms, 1);
  }
  const geometry::Spectrum spectrum = geometry::spectrum(W);
  out.effective_rank = spectrum.effective_rank;
  out.participation_ratio = spectrum.participation_ratio;
  out.judgement = judge(gather(W, role, norms, out));
  return out;
}

Inspection inspect(const std::filesystem::path& path, const InspectOptions& options) {
  const auto file = checkpoint::Checkpoint::open(path);
  Inspection out;
  out.path = path.string();
  out.format = file.format();
  out.warnings = file.warnings();
  std::optional<std::string_view> name;
  if (options.tensor) name = *options.tensor;
  const auto roles = [&] {
    try {
      return checkpoint::resolve_heads(file, name);
    } catch (const Error& e) {
      throw e.in(path.string());
    }
  }();
  for (const checkpoint::Role& role : roles) {
    const checkpoint::TensorInfo& tensor = *role.tensor;
    MatrixReport report =
        tensor.dtype == checkpoint::Dtype::f64
            ? inspect_matrix<double>(std::as_const(file).load<double>(tensor).view(), role.role, options)
            : inspect_matrix<float>(file.load<float>(tensor).view(), role.role, options);
    report.tensor = tensor.name;
    report.evidence = role.evidence;
    report.dtype = checkpoint::dtype_name(tensor.dtype);
    report.tied = role.tied;
    out.matrices.push_back(std::move(report));
    out.warnings.insert(out.warnings.end(), role.warnings.begin(), role.warnings.end());
  }
  return out;
}

Json to_json(const Inspection& inspection) {
  Json matrices = Json::array();
  for (const MatrixReport& report : inspection.matrices) matrices.push_back(json_of(report));
  return {{"path", inspection.path},
          {"format", inspection.format},
          {"matrices", std::move(matrices)},
          {"warnings", inspection.warnings}};
}

template MatrixReport inspect_matrix(MatrixView<const float>, std::string_view, const InspectOptions&);
template MatrixReport inspect_matrix(MatrixView<const double>, std::string_view, const InspectOptions&);

}  // namespace superpose::study
