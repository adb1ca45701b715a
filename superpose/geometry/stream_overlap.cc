// SPDX-License-Identifier: Apache-2.0
// Overlaps of matrices that are streamed.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/in_memory.h"
#include "superpose/geometry/pairs.h"
#include "superpose/geometry/unit_gram.h"

namespace superpose::geometry {
namespace {

// Unit rows are added up while they are still in the caches.
constexpr size_t kStep = 32;

void fill_units(const UnitReader& rows, UnitGram& out, size_t begin, size_t count, float* units, size_t stride,
                double* totals) {
  const size_t m = rows.cols();
  for (size_t done = 0; done < count; done += kStep) {
    const size_t some = std::min(kStep, count - done), at = begin + done;
    rows.read(at, some, units + done * stride, stride, out.norms.data() + at, out.lengths.data() + at);
    for (size_t k = done; k < done + some; ++k) {
      const float* unit = units + k * stride;
      double square[4] = {0, 0, 0, 0};
      size_t j = 0;
      for (; j + 4 <= m; j += 4) {
        for (size_t q = 0; q < 4; ++q) {
          const double x = static_cast<double>(unit[j + q]);
          totals[j + q] += x;
          square[q] += x * x;
        }
      }
      for (; j < m; ++j) {
        const double x = static_cast<double>(unit[j]);
        totals[j] += x;
        square[0] += x * x;
      }
      const double own = (square[0] + square[1]) + (square[2] + square[3]);
      totals[m] += own;
      totals[m + 1] += own * own;
    }
  }
}

// Below twice as many rows as columns the difference Σ cos² = |ŴᵀŴ|_F² - n loses digits, and all pairs cost no more.
bool through_pairs(size_t n, size_t m) { return n < 2 * m; }

void set_moments(const AbsoluteMoments& moments, Overlap& out) {
  out.mean_abs = std::clamp(moments.mean(), 0.0, 1.0);
  out.std_abs = std::sqrt(moments.variance());
}

void set_all_pairs(const PairTotals& all, const std::vector<size_t>& chosen, bool want_nearest, Overlap& out) {
  set_moments(all.moments, out);
  const auto value = [](float x) { return std::min(1.0, static_cast<double>(x)); };
  const auto top = std::max_element(all.best.begin(), all.best.end());
  const size_t i = static_cast<size_t>(top - all.best.begin()), j = all.partner[i];
  out.max_abs = value(*top);
  out.max_pair = {std::min(chosen[i], chosen[j]), std::max(chosen[i], chosen[j])};
  out.histogram = all.counts;
  if (!want_nearest) return;
  out.nearest.resize(out.norms.size());
  for (size_t k = 0; k < chosen.size(); ++k)
    out.nearest[chosen[k]] = Neighbor{chosen[all.partner[k]], value(all.best[k])};
}

// |cos| of the rows that take part, all of `rows`; the mean square too where it is not there yet.
void add_pairs(const UnitReader& rows, const std::vector<size_t>& chosen, const OverlapOptions& options,
               ThreadPool& pool, Overlap& out) {
  const double pairs = pairs_of(chosen.size());
  if (!out.mean_square || pairs <= static_cast<double>(options.max_exact_pairs)) {
    const double guess = out.mean_square.value_or(1 / static_cast<double>(rows.cols()));
    const PairTotals all = all_pairs(rows, std::sqrt(guess), options.bins, pool);
    if (!out.mean_square) out.mean_square = std::min(1.0, all.squares / pairs);
    return set_all_pairs(all, chosen, options.nearest, out);
  }
  if (options.sampled_pairs == 0) return;
  SUPERPOSE_ASSERT(options.sampled_pairs >= 2 && options.sampled_pairs < (uint64_t{1} << 32));
  out.sampled = true;
  out.histogram.assign(options.bins, 0);
  const AbsoluteMoments moments =
      sampled_pairs(rows, std::sqrt(*out.mean_square), options.sampled_pairs, options.seed, out.histogram, pool);
  set_moments(moments, out);
  out.mean_abs_se = std::sqrt(moments.variance() / (moments.count - 1));
}

Overlap small_overlap(const RowSource& W, const OverlapOptions& options) {
  return with_matrix(W, [&](const auto& view) { return overlap(view, options); });
}

}  // namespace

UnitGram unit_gram(const UnitReader& rows, bool with_gram, ThreadPool& pool) {
  const size_t n = rows.rows(), m = rows.cols();
  UnitGram out;
  if (with_gram) out.gram.emplace(m);
  out.norms.resize(n);
  out.lengths.resize(n);
  std::vector<double> totals(m + 2);
  const auto fill = [&](size_t begin, size_t count, float* units, size_t stride, double* chunk) {
    fill_units(rows, out, begin, count, units, stride, chunk);
  };
  add_gram({n, m, m + 2, fill}, pool, out.gram ? &*out.gram : nullptr, totals.data());
  out.squares = totals[m], out.fourths = totals[m + 1];
  out.sum.assign(totals.begin(), totals.begin() + static_cast<std::ptrdiff_t>(m));
  for (size_t i = 0; i < n; ++i) {
    if (out.lengths[i] > 0) out.chosen.push_back(i);
  }
  return out;
}

Overlap overlap(const RowSource& W, const OverlapOptions& options, ThreadPool& pool) {
  const double most_pairs = std::min(pairs_of(W.rows()), static_cast<double>(options.max_exact_pairs));
  if (is_small(W) && most_pairs <= kSmallPairs) return small_overlap(W, options);
  UnitReader rows(W, options.min_norm);
  if (options.centered) rows.center(pool);
  Overlap out;
  const UnitGram units = unit_gram(rows, !through_pairs(W.rows(), W.cols()) && !is_small(W), pool);
  out.norms = units.norms;
  out.rows = units.chosen.size();
  if (out.rows < 2) return out;
  const double pairs = pairs_of(out.rows);
  out.mean_cosine = std::clamp(
      (std::inner_product(units.sum.begin(), units.sum.end(), units.sum.begin(), 0.0) - units.squares) / (2 * pairs),
      -1.0, 1.0);
  if (is_small(W)) {
    OverlapOptions square = options;
    square.max_exact_pairs = square.sampled_pairs = 0;
    out.mean_square = small_overlap(W, square).mean_square;
  } else if (units.gram && !through_pairs(out.rows, W.cols())) {
    out.mean_square = std::clamp(0.5 * (sum_of_squares(*units.gram) - units.fourths) / pairs, 0.0, 1.0);
  }
  if (out.rows == W.rows()) {
    add_pairs(rows, units.chosen, options, pool, out);
  } else {
    const SelectedRows some(W, units.chosen);
    add_pairs(rows.over(some), units.chosen, options, pool, out);
  }
  return out;
}

}  // namespace superpose::geometry
