// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/picture.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace superpose::study {
namespace {

using Shown = Eigen::Matrix<double, Eigen::Dynamic, 3, Eigen::RowMajor>;

double four_digits(double x) {
  if (x == 0 || !std::isfinite(x)) return 0;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::fabs(x))));
  return std::round(x * scale) / scale;
}

// The first k rows of W, in double.
Eigen::MatrixXd first_rows(MatrixView<const float> W, size_t k) {
  Eigen::MatrixXd out(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(W.cols));
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = 0; j < W.cols; ++j) out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = W.row(i)[j];
  }
  return out;
}

// Coordinates along the three largest principal directions, from the Gram matrix of the rows: K = U Λ Uᵀ, so that
// U √Λ has the dot products of the rows as far as three axes can.
Shown principal(const Eigen::MatrixXd& gram) {
  Shown out = Shown::Zero(gram.rows(), 3);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(gram);
  const Eigen::Index k = gram.rows();
  for (Eigen::Index axis = 0; axis < std::min<Eigen::Index>(3, k); ++axis) {
    Eigen::VectorXd u = solved.eigenvectors().col(k - 1 - axis);
    Eigen::Index largest = 0;
    u.cwiseAbs().maxCoeff(&largest);
    if (u(largest) < 0) u = -u;  // a sign of its own would differ from run to run
    out.col(axis) = u * std::sqrt(std::max(0.0, solved.eigenvalues()(k - 1 - axis)));
  }
  return out;
}

// The rotation (with or without a reflection) that brings the drawing closest to the last one.
Shown turned(const Shown& drawing, const Coordinates& last) {
  if (last.size() != static_cast<size_t>(drawing.rows())) return drawing;
  const Eigen::Map<const Shown> before(last[0].data(), drawing.rows(), 3);
  const Eigen::Matrix3d product = drawing.transpose() * before;
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(product, Eigen::ComputeFullU | Eigen::ComputeFullV);
  return drawing * (svd.matrixU() * svd.matrixV().transpose());
}

Json histogram_json(const geometry::Overlap& overlaps) {
  if (overlaps.rows < 2 || overlaps.histogram.empty()) return nullptr;
  std::vector<uint64_t> counts = overlaps.histogram;
  const double width = 1 / static_cast<double>(counts.size());
  while (counts.size() > 1 && counts.back() == 0) counts.pop_back();
  return {{"min", 0.0}, {"max", static_cast<double>(counts.size()) * width}, {"counts", counts}};
}

}  // namespace

Json picture(MatrixView<const float> W, std::span<const double> norms, const geometry::Overlap& overlaps,
             const PictureOptions& options, Coordinates* last) {
  const size_t k = std::min(W.rows, options.vectors), size = std::min(k, options.gram);
  const Eigen::MatrixXd rows = first_rows(W, k);
  const Eigen::MatrixXd gram = rows * rows.transpose();
  const bool whole = W.cols <= 3;
  Shown drawing = Shown::Zero(rows.rows(), 3);
  if (whole) {
    drawing.leftCols(rows.cols()) = rows;
  } else {
    drawing = principal(gram);
    if (last && !last->empty()) drawing = turned(drawing, *last);
  }
  if (last) {
    last->resize(k);
    for (size_t i = 0; i < k; ++i) {
      const auto row = drawing.row(static_cast<Eigen::Index>(i));
      (*last)[i] = {row(0), row(1), row(2)};
    }
  }
  const Eigen::Index axes = W.cols <= 2 ? 2 : 3;
  Json ranks = Json::array(), coordinates = Json::array(), lengths = Json::array(), products = Json::array();
  for (size_t i = 0; i < k; ++i) {
    Json point = Json::array();
    for (Eigen::Index axis = 0; axis < axes; ++axis)
      point.push_back(four_digits(drawing(static_cast<Eigen::Index>(i), axis)));
    ranks.push_back(i + 1), coordinates.push_back(std::move(point)), lengths.push_back(four_digits(norms[i]));
  }
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = 0; j < size; ++j)
      products.push_back(four_digits(gram(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j))));
  }
  const double square = rows.squaredNorm();
  return {{"vectors",
           {{"ranks", std::move(ranks)},
            {"coordinates", std::move(coordinates)},
            {"norms", std::move(lengths)},
            {"kept", square > 0 ? Json(four_digits(std::min(1.0, drawing.squaredNorm() / square))) : Json(nullptr)},
            {"method", whole ? "W itself" : "principal directions"}}},
          {"overlap_histogram", histogram_json(overlaps)},
          {"gram", {{"size", size}, {"values", std::move(products)}}}};
}

Json norm_histogram(std::span<const double> norms) {
  constexpr size_t kBins = 50;
  const double top = std::max(1.5, *std::max_element(norms.begin(), norms.end()) * (1 + 1e-12));
  std::vector<size_t> counts(kBins);
  for (const double r : norms) ++counts[std::min(kBins - 1, static_cast<size_t>(r / top * kBins))];
  return {{"min", 0.0}, {"max", top}, {"counts", counts}};
}

}  // namespace superpose::study
