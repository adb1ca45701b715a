// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/spec.h"

#include <charconv>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/base/number.h"

namespace superpose {
namespace {

// The numbers after the name; false when one is not a finite number.
bool read_numbers(std::string_view text, std::vector<double>& out) {
  while (true) {
    const size_t end = std::min(text.find(':'), text.size());
    const auto value = read_number(text.substr(0, end));
    if (!value || !std::isfinite(*value)) return false;
    out.push_back(*value);
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Spec parse_spec(std::string_view field, std::string_view text, std::span<const SpecForm> forms) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string name(text.substr(0, colon));
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::usage, std::string(field) + " = " + std::string(text.substr(0, 80)) + ": " + why);
  };
  std::vector<std::string> known;
  for (size_t i = 0; i < forms.size(); ++i) {
    const SpecForm& form = forms[i];
    known.emplace_back(form.name);
    if (name != form.name) continue;
    Spec out{i, {}, name};
    const bool given = colon < text.size();
    const bool readable = !given || read_numbers(text.substr(colon + 1), out.numbers);
    if (!given) out.numbers = form.defaults;
    if (!readable || out.numbers.size() != form.numbers || (form.valid && !form.valid(out.numbers.data()))) {
      throw refuse(std::string("expected ") + form.usage);
    }
    for (double& value : out.numbers) {
      value += 0.0;  // -0 is 0
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;  // shortest that reads back
      out.text += ":" + std::string(digits, end);
    }
    return out;
  }
  throw refuse("unknown" + suggestion(name, known));
}

}  // namespace superpose
