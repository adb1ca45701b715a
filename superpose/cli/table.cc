// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const Verb kVerbs[] = {
      {"toy", "train one toy model of superposition and measure it",
       "  superpose toy --features 1000 --dim 50 --law power:1 --decay -1 --steps 2000\n"
       "  superpose toy --dim 10 --decay 0.3333 --save w.safetensors --json",
       declare_toy},
      {"fit", "fit a law to a table, with intervals that can say \"not identified\"",
       "  superpose fit studies/published/fig8b_llm_losses.csv --law width --group family,dataset --cluster model",
       declare_fit},
  };
  return kVerbs;
}

}  // namespace superpose::cli
