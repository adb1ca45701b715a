// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/formula.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "superpose/base/error.h"

namespace superpose::fit {
namespace {

constexpr std::string_view kFunctions = "exp, log, ln, log2, log10, sqrt, abs, tanh, min, max";

// The word or sign of `text` at `at`, as the user wrote it.
std::string word_at(std::string_view text, size_t at) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           (c & 0x80) != 0;
  };
  size_t end = at;
  while (end < text.size() && in_word(text[end])) ++end;
  return std::string(text.substr(at, std::max<size_t>(1, end - at)));
}

std::string problem_of(const mu::ParserError& error, const std::string& word) {
  switch (error.GetCode()) {
    case mu::ecUNEXPECTED_EOF:
      return "something is missing at the end";
    case mu::ecMISSING_PARENS:
      return "a parenthesis is not closed";
    case mu::ecTOO_MANY_PARAMS:
      return fmt::format("too many arguments before '{}'", word);
    case mu::ecTOO_FEW_PARAMS:
      return fmt::format("too few arguments before '{}'", word);
    case mu::ecMISSING_ELSE_CLAUSE:
      return "'?' without ':'";
    case mu::ecEMPTY_EXPRESSION:
      return "nothing to compute";
    default:
      return word.empty() ? "something is missing at the end" : fmt::format("unexpected '{}'", word);
  }
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
bool has_nan(const double* x, int n) {
  return std::any_of(x, x + n, [](double v) { return std::isnan(v); });
}

}  // namespace

void define_functions(mu::Parser& parser) {
  using One = double (*)(double);
  using Many = double (*)(const double*, int);
  parser.ClearFun();
  parser.ClearConst();
  const One natural = [](double x) { return std::log(x); };
  parser.DefineFun("log", natural);
  parser.DefineFun("ln", natural);
  parser.DefineFun("exp", One{[](double x) { return std::exp(x); }});
  parser.DefineFun("log2", One{[](double x) { return std::log2(x); }});
  parser.DefineFun("log10", One{[](double x) { return std::log10(x); }});
  parser.DefineFun("sqrt", One{[](double x) { return std::sqrt(x); }});
  parser.DefineFun("abs", One{[](double x) { return std::abs(x); }});
  parser.DefineFun("tanh", One{[](double x) { return std::tanh(x); }});
  parser.DefineFun("min",
                   Many{[](const double* x, int n) { return has_nan(x, n) ? kNan : *std::min_element(x, x + n); }});
  parser.DefineFun("max",
                   Many{[](const double* x, int n) { return has_nan(x, n) ? kNan : *std::max_element(x, x + n); }});
}

bool is_function(std::string_view name) {
  for (std::string_view rest = kFunctions; !rest.empty();) {
    const size_t end = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, end) == name) return true;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return false;
}

void fail_formula(std::string_view what, std::string_view text, size_t position, std::string_view problem) {
  const auto shown = text.size() <= 200 ? std::string(text) : std::string(text.substr(0, 200)) + "...";
  throw Error(ErrorKind::usage, fmt::format("{} '{}': position {}: {}", what, shown, position, problem));
}

void fail_formula(std::string_view what, std::string_view text, const mu::ParserError& error) {
  const bool inside = error.GetPos() >= 0 && static_cast<size_t>(error.GetPos()) < text.size();
  const size_t at = inside ? static_cast<size_t>(error.GetPos()) : text.size();
  fail_formula(what, text, at + 1, problem_of(error, inside ? word_at(text, at) : ""));
}

}  // namespace superpose::fit
