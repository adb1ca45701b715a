// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/base/matrix.h"
#include "superpose/geometry/geometry.h"

namespace superpose::study {

// What a page needs to draw the rows of W [n, m] as vectors: their coordinates in the plane or space that shows most of
// them, their overlaps as a histogram, and the Gram matrix of the most frequent ones.
struct PictureOptions {
  size_t vectors = 120;  // most frequent features whose vectors are shown
  size_t gram = 24;      // most frequent features whose dot products are shown
};

// Where vectors were drawn last: [k, 3], so that the next picture of a matrix in training can be turned to lie as close
// to it as possible (orthogonal Procrustes) instead of jumping with the signs of eigenvectors.
using Coordinates = std::vector<std::array<double, 3>>;

// {"vectors": {"ranks" (1 = first row), "coordinates" (two numbers each for m <= 2, else three), "norms",
//              "kept": share of the squared norms of these rows that the drawing holds, "method"},
//  "overlap_histogram": {"min": 0, "max", "counts"} of |cos|, or null,
//  "gram": {"size", "values": W_i·W_j of the first `size` rows, row by row}}
// Numbers carry four digits: it is a picture. m <= 3: the rows as they are; else their three principal directions (the
// largest eigenvectors of the k×k Gram matrix of the shown rows, each scaled by the root of its eigenvalue).
// norms [n]: of all rows. overlaps: with a histogram, of the rows that it should show. last: the drawing before, and
// filled with this one; may be null. Cost: k²·m.
Json picture(MatrixView<const float> W, std::span<const double> norms, const geometry::Overlap& overlaps,
             const PictureOptions& options = {}, Coordinates* last = nullptr);

inline constexpr size_t kOverlapBins = 100;  // of the histogram of |cos| over [0, 1]

// Norms in 50 equal bins from 0 to the largest (at least 1.5): {"min", "max", "counts"}.
Json norm_histogram(std::span<const double> norms);

}  // namespace superpose::study
