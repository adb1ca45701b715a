// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/checkpoints.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "superpose/geometry/geometry.h"

namespace superpose::report {
namespace {

void read_histogram(const Json& norm, Matrix& matrix) {
  const Json& histogram = member(norm, "histogram");
  matrix.edges = finite_numbers(member(histogram, "edges"));
  matrix.counts = finite_numbers(member(histogram, "counts"));
  const bool fits = !matrix.counts.empty() && matrix.edges.size() == matrix.counts.size() + 1 &&
                    matrix.counts.size() <= 4096 && std::is_sorted(matrix.edges.begin(), matrix.edges.end()) &&
                    *std::min_element(matrix.counts.begin(), matrix.counts.end()) >= 0;
  if (!fits) matrix.edges.clear(), matrix.counts.clear();
}

// {"0.01": 0.3, ...} or seven numbers at the contract's probabilities.
void read_quantiles(const Json& quantiles, Matrix& matrix) {
  if (quantiles.is_object()) {
    for (const auto& [name, value] : quantiles.items()) {
      if (value.is_number()) matrix.quantiles.emplace_back(std::strtod(name.c_str(), nullptr), value.get<double>());
    }
  } else if (const auto values = finite_numbers(quantiles); values.size() == std::size(geometry::kQuantiles)) {
    for (size_t i = 0; i < values.size(); ++i) matrix.quantiles.emplace_back(geometry::kQuantiles[i], values[i]);
  }
}

Matrix read_matrix(const Json& inspection, const Json& value) {
  Matrix out;
  out.path = text_field(inspection, "path"), out.format = text_field(inspection, "format");
  out.tensor = text_field(value, "tensor"), out.role = text_field(value, "role");
  out.verdict = text_field(value, "verdict"), out.because = text_field(value, "because");
  out.n = field(value, "n"), out.m = field(value, "m");
  out.mean_square = field(member(value, "overlap"), "mean_square");
  out.mean_square_centered = field(member(value, "overlap_centered"), "mean_square");
  out.welch = field(value, "welch_bound_mean_square");
  if (!out.welch) out.welch = field(member(value, "overlap"), "welch_bound_mean_square");
  out.norm_mean = field(member(value, "norm"), "mean");
  read_histogram(member(value, "norm"), out);
  read_quantiles(member(member(value, "norm"), "quantiles"), out);
  return out;
}

Json times(const std::optional<double>& value, const std::optional<double>& m) {
  return value && m ? Json(*value * *m) : Json(nullptr);
}

}  // namespace

std::vector<Matrix> inspected_matrices(const std::vector<store::Artifact>& artifacts) {
  std::vector<Matrix> out;
  for (const store::Artifact& artifact : artifacts) {
    if (artifact.kind != "inspect") continue;
    const Json& matrices = member(artifact.value, "matrices");
    if (!matrices.is_array()) continue;
    for (const Json& value : matrices) out.push_back(read_matrix(artifact.value, value));
  }
  return out;
}

Json to_json(const Matrix& matrix) {
  Json out{{"path", matrix.path},
           {"tensor", matrix.tensor},
           {"role", matrix.role},
           {"n", matrix.n ? Json(*matrix.n) : Json(nullptr)},
           {"m", matrix.m ? Json(*matrix.m) : Json(nullptr)},
           {"overlap_m", times(matrix.mean_square, matrix.m)},
           {"overlap_centered_m", times(matrix.mean_square_centered, matrix.m)},
           {"random_m", 1},
           {"welch_m", times(matrix.welch, matrix.m)},
           {"norm_mean", matrix.norm_mean ? Json(*matrix.norm_mean) : Json(nullptr)},
           {"verdict", matrix.verdict},
           {"because", matrix.because}};
  out["histogram"] = matrix.counts.empty() ? Json(nullptr) : Json{{"edges", matrix.edges}, {"counts", matrix.counts}};
  return out;
}

}  // namespace superpose::report
