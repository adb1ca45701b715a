// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/picture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/philox.h"

namespace superpose::study {
namespace {

Matrix<float> normals(size_t n, size_t m, uint32_t seed) {
  Matrix<float> W(n, m);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < m; ++j)
      W.row(i)[j] = static_cast<float>(std::sin(static_cast<double>(seed) + 12.9898 * static_cast<double>(i * m + j)) *
                                       43758.5453);
  }
  for (size_t i = 0; i < n * m; ++i) W.data()[i] -= std::floor(W.data()[i]) + 0.5f;
  return W;
}

Json picture_of(const Matrix<float>& W, Coordinates* last = nullptr, double min_norm = 0) {
  geometry::OverlapOptions options;
  options.bins = kOverlapBins;
  options.min_norm = min_norm;
  return picture(W.view(), geometry::row_norms(W.view()), geometry::overlap(W.view(), options), {}, last);
}

double dot(const Json& a, const Json& b) {
  double sum = 0;
  for (size_t k = 0; k < a.size(); ++k) sum += a[k].get<double>() * b[k].get<double>();
  return sum;
}

TEST(Picture, rows_of_a_plane_are_shown_as_they_are) {
  const Matrix<float> W = normals(5, 2, 1);
  const Json vectors = picture_of(W)["vectors"];
  EXPECT_EQ(vectors["method"], "W itself");
  EXPECT_EQ(vectors["kept"], 1.0);
  ASSERT_EQ(vectors["coordinates"].size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    ASSERT_EQ(vectors["coordinates"][i].size(), 2u);
    EXPECT_EQ(vectors["ranks"][i], i + 1);
    EXPECT_NEAR(vectors["coordinates"][i][0].get<double>(), W.row(i)[0], 1e-3);
    EXPECT_NEAR(vectors["coordinates"][i][1].get<double>(), W.row(i)[1], 1e-3);
  }
}

TEST(Picture, three_dimensions_inside_many_are_found) {
  // Rows in a three-dimensional subspace of ten dimensions: their dot products are those of the drawing.
  const Matrix<float> small = normals(12, 3, 2), basis = normals(3, 10, 3);
  Matrix<float> W(12, 10);
  for (size_t i = 0; i < 12; ++i) {
    for (size_t j = 0; j < 10; ++j) {
      float sum = 0;
      for (size_t k = 0; k < 3; ++k) sum += small.row(i)[k] * basis.row(k)[j];
      W.row(i)[j] = sum;
    }
  }
  const Json out = picture_of(W);
  EXPECT_EQ(out["vectors"]["method"], "principal directions");
  EXPECT_NEAR(out["vectors"]["kept"].get<double>(), 1.0, 1e-3);
  const Json& points = out["vectors"]["coordinates"];
  for (size_t i = 0; i < 12; ++i) {
    for (size_t j = 0; j < 12; ++j) {
      const double gram = out["gram"]["values"][i * 12 + j].get<double>();
      EXPECT_NEAR(dot(points[i], points[j]), gram, 2e-3 * (1 + std::fabs(gram)));
    }
  }
}

TEST(Picture, a_matrix_that_hardly_changed_is_drawn_where_it_was) {
  Matrix<float> W = normals(30, 8, 4);
  Coordinates last;
  const Json before = picture_of(W, &last)["vectors"]["coordinates"];
  const Matrix<float> noise = normals(30, 8, 5);
  for (size_t i = 0; i < 240; ++i) W.data()[i] += 1e-3f * noise.data()[i];
  // Mirrored as an eigenvector of either sign would be: the turn has to undo it.
  for (auto& point : last) point[0] = -point[0];
  const Json after = picture_of(W, &last)["vectors"]["coordinates"];
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_NEAR(after[i][0].get<double>(), -before[i][0].get<double>(), 0.05);
    EXPECT_NEAR(after[i][1].get<double>(), before[i][1].get<double>(), 0.05);
  }
}

TEST(Picture, the_histogram_counts_every_pair_of_represented_rows) {
  Matrix<float> W(4, 2);
  W.row(0)[0] = 1, W.row(1)[1] = 1, W.row(2)[0] = 2, W.row(3)[0] = 0.1f;
  const Json out = picture_of(W, nullptr, 0.5)["overlap_histogram"];
  // |cos| of the three represented rows: 0 twice, 1 once.
  EXPECT_EQ(out["min"], 0.0);
  EXPECT_DOUBLE_EQ(out["max"].get<double>(), 1.0);
  ASSERT_EQ(out["counts"].size(), kOverlapBins);
  EXPECT_EQ(out["counts"][0], 2);
  EXPECT_EQ(out["counts"][kOverlapBins - 1], 1);
}

TEST(Picture, nothing_represented_and_nothing_at_all) {
  const Matrix<float> zero(6, 5);
  const Json out = picture_of(zero, nullptr, 0.5);
  EXPECT_TRUE(out["overlap_histogram"].is_null());
  EXPECT_TRUE(out["vectors"]["kept"].is_null());
  EXPECT_EQ(out["vectors"]["norms"][5], 0.0);
  const Json narrow = picture_of(normals(3, 1, 6));
  EXPECT_EQ(narrow["vectors"]["coordinates"][0].size(), 2u);
  EXPECT_EQ(narrow["vectors"]["coordinates"][0][1], 0.0);
}

TEST(Picture, large_matrices_show_their_most_frequent_rows) {
  const Json out = picture_of(normals(500, 20, 7));
  EXPECT_EQ(out["vectors"]["ranks"].size(), PictureOptions{}.vectors);
  EXPECT_EQ(out["gram"]["size"], PictureOptions{}.gram);
  EXPECT_EQ(out["gram"]["values"].size(), PictureOptions{}.gram * PictureOptions{}.gram);
  EXPECT_LT(out.dump().size(), 9000u);  // it is in every run of a store
}

}  // namespace
}  // namespace superpose::study
