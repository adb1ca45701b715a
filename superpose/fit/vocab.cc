// SPDX-License-Identifier: Apache-2.0
// law vocab: the vocabulary law of Tao et al. 2024 (arXiv 2407.13623, approach 3),
//   L_u = -E + A1/N^beta + A2/(V·d)^alpha2 + B/D^beta,   N non-vocabulary parameters, V·d those of the vocabulary,
// with the exponents of N and D tied. L_u is their unigram-normalised loss, which is negative, so Huber's loss
// (δ = 1e-3) is on the residual itself.
#include "superpose/fit/laws.h"

namespace superpose::fit {

Law vocab_law() {
  return {.name = "vocab",
          .formula = "L = -E + A1/N^beta + A2/(V·d)^alpha2 + B/D^beta",
          .objective = Objective::huber,
          .inputs = {"N", "V", "d", "D"},
          .terms = {{"A1", "beta", {"N"}}, {"A2", "alpha2", {"V", "d"}}, {"B", "beta", {"D"}}},
          .offset = "E",
          .offset_sign = -1};
}

}  // namespace superpose::fit
