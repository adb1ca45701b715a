// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> kVerbs{
      {"inspect", "the geometry of a checkpoint: norms, overlaps, rank, and what regime it shows",
       "  superpose inspect model.safetensors --json\n", declare_inspect},
  };
  return kVerbs;
}

}  // namespace superpose::cli
