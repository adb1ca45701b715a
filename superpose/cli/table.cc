// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> kVerbs{};
  return kVerbs;
}

}  // namespace superpose::cli
