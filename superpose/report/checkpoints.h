// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "superpose/report/figures.h"

namespace superpose::report {

// The matrices of all "inspect" artifacts, in their order. Absent or malformed fields stay empty.
std::vector<Matrix> inspected_matrices(const std::vector<store::Artifact>& artifacts);

Json to_json(const Matrix& matrix);

}  // namespace superpose::report
