// SPDX-License-Identifier: Apache-2.0
// Sources made of other sources, and samples of rows.
#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "superpose/base/philox.h"
#include "superpose/geometry/geometry.h"

namespace superpose::geometry {

SelectedRows::SelectedRows(const RowSource& source, std::vector<size_t> rows)
    : RowSource(rows.size(), source.cols()), source_(source), chosen_(std::move(rows)) {
  SUPERPOSE_ASSERT(std::all_of(chosen_.begin(), chosen_.end(), [&](size_t i) { return i < source.rows(); }));
}

template <class T>
void SelectedRows::read_as(size_t begin, size_t count, T* out) const {
  for (size_t k = 0, run; k < count; k += run) {
    for (run = 1; k + run < count && chosen_[begin + k + run] == chosen_[begin + k] + run;) ++run;
    source_.read(chosen_[begin + k], run, out + k * cols());
  }
}
template void SelectedRows::read_as(size_t, size_t, float*) const;
template void SelectedRows::read_as(size_t, size_t, double*) const;

WithoutDirections::WithoutDirections(const RowSource& source, std::vector<double> mean, Matrix<double> V)
    : RowSource(source.rows(), source.cols()),
      source_(source),
      mean_(std::move(mean)),
      directions_(V.cols(), source.cols()) {
  SUPERPOSE_ASSERT(mean_.size() == cols() && V.rows() == cols());
  for (size_t k = 0; k < V.cols(); ++k) {
    for (size_t j = 0; j < cols(); ++j) directions_(k, j) = V(j, k);
  }
}

// A row within the directions leaves their rounding, 1e-7 of itself, which must not pass for a direction of its own.
constexpr double kNothingLeft = 1e-6;

void WithoutDirections::read(size_t begin, size_t count, double* out) const {
  source_.read(begin, count, out);
  for (size_t i = 0; i < count; ++i) {
    double* row = out + i * cols();
    if (std::all_of(row, row + cols(), [](double x) { return x == 0; })) continue;
    double before = 0, after = 0;
    for (size_t j = 0; j < cols(); ++j) row[j] -= mean_[j], before = std::max(before, std::abs(row[j]));
    for (size_t k = 0; k < directions_.rows(); ++k) {
      const double* v = directions_.row(k).data();
      double along[4] = {0, 0, 0, 0};
      for (size_t j = 0; j < cols(); ++j) along[j % 4] += row[j] * v[j];
      const double sum = (along[0] + along[1]) + (along[2] + along[3]);
      for (size_t j = 0; j < cols(); ++j) row[j] -= sum * v[j];
    }
    for (size_t j = 0; j < cols(); ++j) after = std::max(after, std::abs(row[j]));
    if (after <= kNothingLeft * before) std::fill(row, row + cols(), 0.0);
  }
}

void WithoutDirections::read(size_t begin, size_t count, float* out) const {
  const auto exact = std::make_unique_for_overwrite<double[]>(count * cols());
  read(begin, count, exact.get());
  std::transform(exact.get(), exact.get() + count * cols(), out, [](double x) { return static_cast<float>(x); });
}

namespace {

// An integer in [0, bound), uniform to within bound / 2^64.
size_t below(const PhiloxBlock& draw, size_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{(uint64_t{draw[0]} << 32) | draw[1]} * bound) >> 64);
}

}  // namespace

// The first `count` places of Fisher and Yates' shuffle, which touch at most 2·count entries.
std::vector<size_t> row_sample(size_t n, size_t count, uint64_t seed) {
  count = std::min(count, n);
  std::vector<size_t> out(count);
  std::unordered_map<size_t, size_t> moved;  // what lies at a place that is no longer itself
  const auto at = [&](size_t place) {
    const auto found = moved.find(place);
    return found == moved.end() ? place : found->second;
  };
  RandomBlocks random(seed, RandomStream::row_sample);
  for (size_t k = 0; k < count; ++k) {
    const size_t place = k + below(random.next(), n - k);
    out[k] = at(place);
    moved[place] = at(k);
  }
  std::sort(out.begin(), out.end());
  return out;
}

void shuffle_columns(MatrixView<float> W, uint64_t seed, ThreadPool& pool) {
  SUPERPOSE_ASSERT(W.cols < (uint64_t{1} << 32));
  constexpr size_t kTogether = 16;  // columns that share cache lines
  pool.parallel_for((W.cols + kTogether - 1) / kTogether, [&](size_t part) {
    const size_t first = part * kTogether, end = std::min(W.cols, first + kTogether);
    std::vector<RandomBlocks> random;
    for (size_t j = first; j < end; ++j) {
      random.emplace_back(seed, RandomStream::column_shuffle, static_cast<uint32_t>(j));
    }
    for (size_t i = W.rows; i-- > 1;) {
      for (size_t j = first; j < end; ++j) std::swap(W(i, j), W(below(random[j - first].next(), i + 1), j));
    }
  });
}

}  // namespace superpose::geometry
