// SPDX-License-Identifier: Apache-2.0
#include "superpose/geometry/unit_reader.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "superpose/geometry/gram.h"
#include "superpose/geometry/rows.h"

namespace superpose::geometry {
namespace {

// Rows read at once: a buffer of about a megabyte stays in the caches.
size_t rows_at_once(size_t cols) {
  return std::clamp<size_t>((size_t{1} << 18) / std::max<size_t>(cols, 1), 1, kChunkRows);
}

// visit(row number, row) for the rows [begin, begin + count).
template <class T, class Visit>
void for_rows(const RowSource& source, size_t begin, size_t count, Visit visit) {
  const size_t m = source.cols(), step = std::min(rows_at_once(m), count);
  const auto raw = std::make_unique_for_overwrite<T[]>(step * m);
  for (size_t done = 0; done < count; done += step) {
    const size_t some = std::min(step, count - done);
    source.read(begin + done, some, raw.get());
    for (size_t k = 0; k < some; ++k) visit(begin + done + k, std::span<const T>(raw.get() + k * m, m));
  }
}

// Kahan's sum, entry by entry: what lets a row equal to the mean be recognised, see rows.cc.
struct CompensatedSum {
  std::vector<double> sum, lost;
  explicit CompensatedSum(size_t m) : sum(m), lost(m) {}
  template <class T>
  void add(const T* row, double scale) {
    double *const s = sum.data(), *const l = lost.data();
    for (size_t j = 0; j < sum.size(); ++j) {
      const double x = static_cast<double>(row[j]) * scale - l[j];
      const double next = s[j] + x;
      l[j] = (next - s[j]) - x;
      s[j] = next;
    }
  }
};

template <class T>
std::vector<double> norms_as(const RowSource& source, ThreadPool& pool) {
  std::vector<double> out(source.rows());
  pool.parallel_for((source.rows() + kChunkRows - 1) / kChunkRows, [&](size_t chunk) {
    const size_t begin = chunk * kChunkRows, count = std::min(kChunkRows, source.rows() - begin);
    for_rows<T>(source, begin, count, [&](size_t i, std::span<const T> row) { out[i] = row_norm(row); });
  });
  return out;
}

}  // namespace

std::vector<double> source_norms(const RowSource& source, ThreadPool& pool) {
  return source.exact_in_float() ? norms_as<float>(source, pool) : norms_as<double>(source, pool);
}

template <class T>
void UnitReader::center_as(ThreadPool& pool) {
  const size_t n = rows(), m = cols();
  constexpr size_t kMostParts = 256;
  const size_t part = std::max(kChunkRows, (n + kMostParts - 1) / kMostParts), parts = (n + part - 1) / part;
  std::vector<std::vector<double>> sums(parts);
  std::vector<size_t> counts(parts);
  pool.parallel_for(parts, [&](size_t p) {
    CompensatedSum sum(m);
    for_rows<T>(*source_, p * part, std::min(part, n - p * part), [&](size_t, std::span<const T> row) {
      const double norm = row_norm(row);
      if (!(norm > 0 && norm > min_norm_)) return;
      sum.add(row.data(), scale_);
      ++counts[p];
    });
    sums[p] = std::move(sum.sum);
  });
  CompensatedSum total(m);
  size_t count = 0;
  for (size_t p = 0; p < parts; ++p) total.add(sums[p].data(), 1), count += counts[p];
  mean_ = std::move(total.sum);
  for (double& x : mean_) x /= static_cast<double>(std::max<size_t>(count, 1));
  mean_norm_ = row_norm(std::span<const double>(mean_));
}

void UnitReader::center(ThreadPool& pool) {
  if (source_->exact_in_float()) return center_as<float>(pool);  // squares and sums of floats do not overflow a double
  const std::vector<double> norms = source_norms(*source_, pool);
  const double largest = norms.empty() ? 0 : *std::max_element(norms.begin(), norms.end());
  if (largest > 0) scale_ = std::ldexp(1.0, -std::clamp(std::ilogb(largest), -1021, 1022));
  center_as<double>(pool);
}

template <class T>
void UnitReader::read_as(size_t begin, size_t count, float* out, size_t stride, double* norms, double* lengths) const {
  const size_t m = cols();
  std::vector<double> centered(mean_.size());
  for_rows<T>(*source_, begin, count, [&](size_t i, std::span<const T> row) {
    float* unit = out + (i - begin) * stride;
    double& length = lengths[i - begin];
    const double norm = norms[i - begin] = row_norm(row);
    length = norm > 0 && norm > min_norm_ ? norm : 0;
    if (length > 0 && !mean_.empty()) {
      for (size_t j = 0; j < m; ++j) centered[j] = static_cast<double>(row[j]) * scale_ - mean_[j];
      length = row_norm(std::span<const double>(centered));
      // As in UnitRows: what is left of a row equal to the mean is rounding.
      if (length <= 16 * std::numeric_limits<double>::epsilon() * (norm * scale_ + mean_norm_)) length = 0;
    }
    if (length == 0) {
      std::fill(unit, unit + m, 0.0f);
    } else if (!mean_.empty()) {
      const double inverse = 1 / length;
      for (size_t j = 0; j < m; ++j) unit[j] = static_cast<float>(centered[j] * inverse);
    } else if (sizeof(T) == sizeof(float)) {
      const double inverse = 1 / length;  // finite: the shortest float row is 1e-45 long
      for (size_t j = 0; j < m; ++j) unit[j] = static_cast<float>(static_cast<double>(row[j]) * inverse);
    } else {
      for (size_t j = 0; j < m; ++j) unit[j] = static_cast<float>(static_cast<double>(row[j]) / length);
    }
  });
}

void UnitReader::read(size_t begin, size_t count, float* out, size_t stride, double* norms, double* lengths) const {
  if (source_->exact_in_float()) {
    read_as<float>(begin, count, out, stride, norms, lengths);
  } else {
    read_as<double>(begin, count, out, stride, norms, lengths);
  }
}

}  // namespace superpose::geometry
