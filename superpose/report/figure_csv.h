// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "superpose/report/figure.h"

namespace superpose::report {

// The numbers of all panels of a figure, the hidden ones too, as RFC 4180 (web/src/export/csv.ts writes the same):
//   panel,series,role,x,x2,y,z,lo,hi,alpha_or_law,decay,dim,density,seed,runs,note
// lo and hi: the interval of y (of z in a map). A line with a seed is one of the values behind the line above it. What
// is not finite or does not exist is empty.
std::string figure_csv(const Figure& figure);

}  // namespace superpose::report
