// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> kVerbs{
      {"ls", "the runs in a store", "  superpose ls runs.sqlite\n", declare_ls},
      {"show", "one run of a store, with its result", "  superpose show runs.sqlite 1\n", declare_show},
      {"sweep", "a grid of runs, into a store",
       "  superpose sweep quick dim=10,25 seed=range(3) --store runs.sqlite --dry-run\n", declare_sweep},
  };
  return kVerbs;
}

}  // namespace superpose::cli
