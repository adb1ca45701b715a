// SPDX-License-Identifier: Apache-2.0
// The runs themselves, for the page's explorer: every finished run with its numbers, and as many curves, histograms and
// pictures as a byte budget allows.
//
//   {"schema": "superpose.details/1", "base": {configuration that most runs share}, "fields": ["loss", ...],
//    "runs": [{"id": "17" or "b:17" or "" (recorded), "at": [α or law, γ, m, E], "seed", "status", "config": {what
//    differs
//              from base; null: absent}, "numbers": [of fields], "version", "seconds",
//              "curve": [step, loss, step, loss, ...], "norms": {"min", "max", "counts"}, "picture": {...}}],
//    "left_out": [sentences]}
//
// Numbers have four significant digits, a curve about 60 points evenly in the logarithm of the step, a picture the most
// frequent features only. What does not fit goes in this order: pictures of later seeds, pictures, curves and
// histograms; within one of these, the runs that stay are spread evenly over the grid. left_out says what went.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "superpose/store/store.h"

namespace superpose::report {

struct Details {
  std::string packed;  // base64 of gzip of that JSON; empty when there is no finished run
  size_t runs = 0, with_curve = 0, with_picture = 0;
  std::vector<std::string> left_out;  // the sentences
};

// runs: kind "toy", finished ones are taken. budget: of `packed`, in bytes; the numbers of all runs are kept even where
// they alone exceed it.
Details make_details(std::span<const store::Run* const> runs, size_t budget);

// [step, loss] pairs of a result, thinned to about `points` evenly in the logarithm of the step; the first and the last
// stay. Flat: step, loss, step, loss. Empty when the result has no such curve.
std::vector<double> thinned_curve(const Json& result, size_t points);

}  // namespace superpose::report
