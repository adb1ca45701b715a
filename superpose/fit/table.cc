// SPDX-License-Identifier: Apache-2.0
// The laws: one line each. A new law is its own file, its declaration in laws.h, and a line here.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/fit/laws.h"

namespace superpose::fit {
namespace {

// Columns that hold a width, most telling first.
const std::vector<std::string> kWidthColumns{"m", "width", "d_model", "dim", "hidden_size", "hidden_dim", "x"};

// In the contract of the command line, but not in this version.
constexpr std::array<std::string_view, 2> kPlanned{"chinchilla", "width-depth-data"};

}  // namespace

std::span<const Law> laws() {
  static const std::vector<Law> kLaws{
      {"power", "y = C/x^alpha", "½Σr², r = ln y - ln C + alpha ln x", kWidthColumns, false, 0, fit_power_law},
      {"width", "L = C/m^alpha + L0[group]", "½Σr², r = L - C/m^alpha - L0[group]", kWidthColumns, true, 1000,
       fit_width_law},
  };
  return kLaws;
}

const Law& find_law(std::string_view name) {
  std::vector<std::string> names;
  std::string known;
  for (const Law& law : laws()) {
    if (name == law.name) return law;
    names.emplace_back(law.name);
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", law.name, law.formula);
  }
  if (std::find(kPlanned.begin(), kPlanned.end(), name) != kPlanned.end()) {
    throw Error(ErrorKind::unsupported, fmt::format("law {} is not in this version; known laws: {}", name, known));
  }
  throw Error(ErrorKind::usage,
              fmt::format("unknown law '{}'{}; known laws: {}", name, suggestion(name, names), known));
}

int default_bootstrap(const Law& law, const Data& data) {
  constexpr size_t kManyRows = 100000;
  return data.y.size() > kManyRows ? 0 : law.default_bootstrap;
}

}  // namespace superpose::fit
