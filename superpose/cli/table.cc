// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> kVerbs{
      {"fit", "fit a law to a table, with intervals that can say \"not identified\"",
       "  superpose fit studies/published/fig8b_llm_losses.csv --law width --group family,dataset --cluster model",
       declare_fit},
  };
  return kVerbs;
}

}  // namespace superpose::cli
