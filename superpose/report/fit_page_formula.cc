// SPDX-License-Identifier: Apache-2.0
// The summands of a law's formula: "L = E + A/N^alpha + B/D^beta", "L = C/m^alpha + L0[group]", "E + A*m^-a +
// B*log(D)".
#include <algorithm>
#include <string_view>

#include "superpose/report/fit_page_data.h"

namespace superpose::report {
namespace {

constexpr size_t kLongestFormula = 4096;

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out += c;
  }
  return out;
}

struct Summand {
  double sign;
  std::string text;
};

// Split at + and - outside of brackets; a minus behind ^ belongs to its exponent.
std::vector<Summand> summands_of(std::string_view formula) {
  std::vector<Summand> out{{1, ""}};
  int open = 0;
  for (size_t i = 0; i < formula.size(); ++i) {
    const char c = formula[i];
    open += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
    const bool splits = open == 0 && (c == '+' || c == '-') && (i == 0 || formula[i - 1] != '^');
    if (!splits) {
      out.back().text += c;
    } else if (out.back().text.empty()) {
      out.back().sign *= c == '-' ? -1 : 1;
    } else {
      out.push_back({c == '-' ? -1.0 : 1.0, ""});
    }
  }
  return out;
}

// "V", "(V·d)"
std::vector<std::string> factors_of(std::string text) {
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') text = text.substr(1, text.size() - 2);
  std::vector<std::string> out;
  constexpr std::string_view kDot = "·";
  for (size_t at; (at = text.find(kDot)) != std::string::npos; text.erase(0, at + kDot.size())) {
    out.push_back(text.substr(0, at));
  }
  out.push_back(text);
  return out;
}

// "C/m^alpha", "C*m^-alpha", "B*log(D)"; whether the names mean anything is not looked at.
std::optional<FitTerm> split_term(const Summand& summand) {
  const std::string& text = summand.text;
  const size_t after = text.find_first_of("/*");
  if (after == std::string::npos || after == 0) return {};
  FitTerm out{text.substr(0, after), "", {}, summand.sign};
  const std::string rest = text.substr(after + 1);
  constexpr std::string_view kLog = "log(";
  if (text[after] == '*' && rest.starts_with(kLog) && rest.ends_with(')')) {
    out.inputs = factors_of(rest.substr(kLog.size(), rest.size() - kLog.size() - 1));
    return out;
  }
  const size_t power = rest.rfind('^');
  if (power == std::string::npos) return {};
  out.inputs = factors_of(rest.substr(0, power));
  out.exponent = rest.substr(power + 1);
  if (text[after] == '*') {
    if (!out.exponent.starts_with('-')) return {};
    out.exponent.erase(0, 1);
  }
  return out;
}

std::optional<FitTerm> term_of(const Summand& summand, const FitPage& page) {
  auto out = split_term(summand);
  if (!out || !page.parameter(out->coefficient)) return {};
  if (!out->exponent.empty() && !page.parameter(out->exponent)) return {};
  for (std::string& name : out->inputs) {
    if (name == "x" && !page.input(name) && !page.inputs.empty()) name = page.inputs.front().name;
    if (!page.input(name)) return {};
  }
  return out;
}

}  // namespace

void read_formula(FitPage& page) {
  if (page.formula.size() > kLongestFormula) return;
  std::string formula = without_spaces(page.formula);
  if (const size_t equals = formula.find('='); equals != std::string::npos) formula.erase(0, equals + 1);
  for (const Summand& summand : summands_of(formula)) {
    constexpr std::string_view kOfGroup = "[group]";
    const bool grouped = summand.text.ends_with(kOfGroup);
    const std::string name = summand.text.substr(0, summand.text.size() - (grouped ? kOfGroup.size() : 0));
    const auto is_it = [&](const FitParameter& p) { return p.name == name || p.name.starts_with(name + "."); };
    if (auto term = term_of(summand, page)) {
      page.terms.push_back(std::move(*term));
    } else if (!name.empty() && std::any_of(page.parameters.begin(), page.parameters.end(), is_it)) {
      page.offset = name;
    } else if (!summand.text.empty()) {
      page.unread.push_back(summand.text);
    }
  }
}

}  // namespace superpose::report
