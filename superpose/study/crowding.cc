// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/study/inspect_tokens.h"

namespace superpose::study {
namespace {

constexpr size_t kLeastSpike = 16;    // rows
constexpr double kSpikeDensity = 20;  // times the density of norms between their 5 % and 95 % quantiles
constexpr size_t kListedGroups = 20, kListedRows = 10;

std::vector<TokenRow> listed(std::span<const size_t> rows) {
  std::vector<TokenRow> out;
  for (const size_t row : rows.first(std::min(rows.size(), kListedRows))) out.push_back({row, std::nullopt});
  return out;
}

std::vector<CrowdedRow> with_neighbors(const RowSource& W, std::span<const size_t> rows,
                                       std::span<const std::optional<double>> crowded, const InspectOptions& options,
                                       ThreadPool& pool) {
  const auto near = geometry::nearest(W, rows, options.neighbors, options.centered_crowding, pool);
  std::vector<CrowdedRow> out;
  for (size_t k = 0; k < rows.size(); ++k) {
    CrowdedRow row{{rows[k], std::nullopt}, crowded[rows[k]], {}};
    for (const auto& n : near[k]) row.nearest.push_back({{n.row, std::nullopt}, n.cosine});
    out.push_back(std::move(row));
  }
  return out;
}

void add_unused(const RowSource& W, std::span<const double> norms, ThreadPool& pool, CrowdingReport& out) {
  const auto zero = static_cast<size_t>(std::count(norms.begin(), norms.end(), 0.0));
  const NormSpike spike = norm_spike(norms);
  out.unused_rows = spike.rows.size() + zero;
  if (zero > 0) {
    for (size_t i = 0; i < norms.size() && out.unused.size() < kListedRows; ++i) {
      if (norms[i] == 0) out.unused.push_back({i, std::nullopt});
    }
    out.unused_because = fmt::format("{} rows are zero", zero);
  }
  if (spike.rows.empty()) return;
  out.unused = listed(spike.rows);
  const geometry::SelectedRows chosen(W, spike.rows);
  const auto overlap =
      geometry::overlap(chosen, {.max_exact_pairs = 0, .sampled_pairs = 0}, pool).mean_square.value_or(0);
  const double m = static_cast<double>(W.cols());
  out.unused_because += fmt::format(
      "{}{} rows have nearly one norm, {:.4g} to {:.4g}, {:.0f} times as dense as norms are elsewhere; among "
      "themselves "
      "they overlap by {:.3g}/m{}",
      zero > 0 ? "; " : "", spike.rows.size(), spike.low, spike.high, spike.density, overlap * m,
      overlap > 0.5       ? ": they share one direction, as tokens do that training never saw"
      : overlap * m < 1.5 ? ", like random directions: as an initialisation leaves tokens that training never saw"
                          : "");
}

}  // namespace

NormSpike norm_spike(std::span<const double> norms) {
  std::vector<size_t> order;
  for (size_t i = 0; i < norms.size(); ++i) {
    if (norms[i] > 0 && std::isfinite(norms[i])) order.push_back(i);
  }
  NormSpike out;
  const size_t n = order.size(), k = std::max(kLeastSpike, n / 1000);
  if (n < 4 * k) return out;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return norms[a] < norms[b]; });
  std::vector<double> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = std::log(norms[order[i]]);
  const double span = x[n - 1 - n / 20] - x[n / 20];
  const double usual = 0.9 * static_cast<double>(n) / span;  // rows per unit of ln r
  if (!(span > 0)) return out;
  const double widest = static_cast<double>(k) / (kSpikeDensity * usual);
  // Runs of rows that lie in some window of k rows no wider than that; the longest one.
  size_t best = 0, length = 0;
  for (size_t i = 0; i + k <= n;) {
    if (x[i + k - 1] - x[i] > widest) {
      ++i;
      continue;
    }
    size_t last = i + k - 1;
    for (size_t j = i + 1; j <= last && j + k <= n; ++j) {
      if (x[j + k - 1] - x[j] <= widest) last = j + k - 1;
    }
    if (last - i + 1 > length) best = i, length = last - i + 1;
    i = last + 1;
  }
  if (length == 0) return out;
  out.rows.assign(order.begin() + static_cast<std::ptrdiff_t>(best),
                  order.begin() + static_cast<std::ptrdiff_t>(best + length));
  std::sort(out.rows.begin(), out.rows.end());
  out.low = norms[order[best]], out.high = norms[order[best + length - 1]];
  const double width = std::max(x[best + length - 1] - x[best], 1e-9);
  out.density = static_cast<double>(length) / width / usual;
  return out;
}

CrowdingReport crowded_rows(const RowSource& W, std::span<const double> norms, std::span<const size_t> asked,
                            const InspectOptions& options, ThreadPool& pool) {
  CrowdingReport out;
  out.centered = options.centered_crowding;
  const auto crowded = geometry::crowding(W, options.centered_crowding, pool);
  std::vector<size_t> order;
  for (size_t i = 0; i < crowded.size(); ++i) {
    if (crowded[i]) order.push_back(i);
  }
  const size_t count = std::min(options.crowded, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](size_t a, size_t b) { return *crowded[a] > *crowded[b] || (*crowded[a] == *crowded[b] && a < b); });
  order.resize(count);
  out.most_crowded = with_neighbors(W, order, crowded, options, pool);
  if (!asked.empty()) out.asked = with_neighbors(W, asked, crowded, options, pool);
  const auto groups = geometry::duplicate_rows(W, pool);
  for (const auto& group : groups) {
    out.duplicate_rows += group.size();
    if (out.duplicates.size() < kListedGroups) out.duplicates.push_back(listed(group));
  }
  add_unused(W, norms, pool, out);
  return out;
}

}  // namespace superpose::study
