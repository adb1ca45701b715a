// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "superpose/base/spec.h"
#include "superpose/features/features.h"

namespace superpose::features {
namespace {

constexpr double kTwoPi = 6.28318530717958647692;
constexpr double kLargest = 1e6;  // squares and their sums stay far inside float

double open_unit(uint32_t word) { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

struct ValueKind {
  SpecForm form;
  double (*mean)(const double* in);
  double (*mean_square)(const double* in);
  float (*draw)(const double* in, uint32_t word, uint32_t other);  // a pure function of two random words
};

// One line per distribution of active values.
const ValueKind kValues[] = {
    // On the 2^23 midpoints of equal cells: exact in float for 0:2, the mean is exact, and the ends never occur.
    {{"uniform",
      "uniform:LO:HI with -10^6 <= LO < HI <= 10^6",
      2,
      {0, 2},
      [](const double* in) { return in[0] < in[1] && in[0] >= -kLargest && in[1] <= kLargest; }},
     [](const double* in) { return (in[0] + in[1]) / 2; },
     [](const double* in) { return (in[0] * in[0] + in[0] * in[1] + in[1] * in[1]) / 3; },
     [](const double* in, uint32_t word, uint32_t) {
       return static_cast<float>(in[0] + (in[1] - in[0]) * ((static_cast<double>(word >> 9) + 0.5) * 0x1p-23));
     }},
    {{"constant",
      "constant:C with C != 0 and |C| <= 10^6",
      1,
      {1},
      [](const double* in) { return in[0] != 0 && std::fabs(in[0]) <= kLargest; }},
     [](const double* in) { return in[0]; },
     [](const double* in) { return in[0] * in[0]; },
     [](const double* in, uint32_t, uint32_t) { return static_cast<float>(in[0]); }},
    {{"exponential",
      "exponential:MEAN with 0 < MEAN <= 10^6",
      1,
      {1},
      [](const double* in) { return in[0] > 0 && in[0] <= kLargest; }},
     [](const double* in) { return in[0]; },
     [](const double* in) { return 2 * in[0] * in[0]; },
     [](const double* in, uint32_t word, uint32_t other) {
       return static_cast<float>(-in[0] * std::log(uniform_open(word, other)));
     }},
    {{"halfnormal",
      "halfnormal:SCALE with 0 < SCALE <= 10^6",
      1,
      {1},
      [](const double* in) { return in[0] > 0 && in[0] <= kLargest; }},
     [](const double* in) { return in[0] * std::sqrt(4 / kTwoPi); },
     [](const double* in) { return in[0] * in[0]; },
     [](const double* in, uint32_t word, uint32_t other) {  // |Box-Muller|; reaches 6.8 scales
       const double radius = std::sqrt(-2 * std::log(open_unit(word)));
       return static_cast<float>(in[0] * radius * std::fabs(std::cos(kTwoPi * open_unit(other))));
     }},
};

}  // namespace

Values make_values(std::string_view spec) {
  std::vector<SpecForm> forms;
  for (const ValueKind& kind : kValues) forms.push_back(kind.form);
  const Spec parsed = parse_spec("values", spec, forms);
  const ValueKind& kind = kValues[parsed.form];
  Values out;
  out.spec = parsed.text;
  out.mean = kind.mean(parsed.numbers.data());
  out.mean_square = kind.mean_square(parsed.numbers.data());
  std::copy(parsed.numbers.begin(), parsed.numbers.end(), out.parameters.begin());
  out.draw = kind.draw;
  return out;
}

}  // namespace superpose::features
