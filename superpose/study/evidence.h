// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string_view>

#include "superpose/base/rows.h"
#include "superpose/base/threads.h"
#include "superpose/study/inspect.h"

namespace superpose::study {

// What the verdict looks at, in two or three passes over W. norms [n]: of its rows; overlaps: over all of them.
Evidence gather(const RowSource& W, std::string_view role, std::span<const double> norms, const MatrixReport& report,
                ThreadPool& pool);

}  // namespace superpose::study
