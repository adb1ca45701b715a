// SPDX-License-Identifier: Apache-2.0
// How a choice by name with numbers after it is written in a configuration: "uniform:0:2", "geometric:0.9", "none".
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace superpose {

// One choice of a field: its name and the numbers it takes.
struct SpecForm {
  const char* name;
  const char* usage;                // for messages: "uniform:LO:HI with LO < HI"
  size_t numbers;                   // how many numbers it takes
  std::vector<double> defaults;     // [numbers], or empty: all numbers must be given
  bool (*valid)(const double* in);  // of its `numbers` finite numbers; nullptr: all are
};

struct Spec {
  size_t form = 0;              // index into the forms
  std::vector<double> numbers;  // [forms[form].numbers]
  std::string text;             // canonical: defaults filled in, shortest digits; "uniform:0:2.0" is "uniform:0:2"
};

// Error{usage}: an unknown name (with the nearest one), a missing, surplus or invalid number; `field` names the place.
Spec parse_spec(std::string_view field, std::string_view text, std::span<const SpecForm> forms);

}  // namespace superpose
