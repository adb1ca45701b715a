// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "superpose/geometry/geometry.h"
#include "superpose/geometry/rows.h"
#include "superpose/geometry/singular_values.h"

namespace superpose::geometry {
namespace {

// n·m·min(n, m) up to which the accurate method is used; the other needs about a quarter of its time.
constexpr double kAffordable = 1e10;

}  // namespace

template <class T>
Spectrum spectrum(MatrixView<const T> W) {
  Spectrum out;
  const std::vector<double> norms = finite_row_norms(W);
  const size_t side = std::min(W.rows, W.cols);
  if (side == 0) return out;
  const double scale = *std::max_element(norms.begin(), norms.end());
  if (scale == 0) {
    out.singular_values.assign(side, 0.0);
    return out;
  }
  const double work = static_cast<double>(W.rows) * static_cast<double>(W.cols) * static_cast<double>(side);
  out.singular_values = work <= kAffordable ? singular_values_by_qr(W, scale) : singular_values_by_gram(W, scale);
  double sum = 0, squares = 0, fourths = 0;
  for (const double s : out.singular_values) sum += s, squares += s * s, fourths += s * s * s * s;
  double entropy = 0;
  for (const double s : out.singular_values) {
    if (s > 0) entropy -= s / sum * std::log(s / sum);
  }
  out.effective_rank = std::exp(entropy);
  out.participation_ratio = squares * squares / fourths;
  for (double& s : out.singular_values) s *= scale;
  return out;
}

template Spectrum spectrum(MatrixView<const float>);
template Spectrum spectrum(MatrixView<const double>);

}  // namespace superpose::geometry
