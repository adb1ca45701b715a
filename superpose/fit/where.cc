// SPDX-License-Identifier: Apache-2.0
// A filter is cut into words; every comparison with a text and every column becomes a variable of one letter; what is
// then left is arithmetic and logic, which muParser does. The text muParser sees has every word where the user wrote
// it, so that its positions hold for both.
#include "superpose/fit/where.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/base/printable.h"
#include "superpose/fit/cells.h"
#include "superpose/fit/formula.h"

namespace superpose::fit {
namespace {

enum class Kind { name, text, number, sign };
struct Word {
  Kind kind;
  std::string value;  // of a name or a text: without its quotes
  size_t begin, end;  // in the filter
  bool quoted = false;
};

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kWhere = "where";

bool one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool is_digit(char c) { return (c >= '0' && c <= '9') || c == '.'; }
bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

size_t end_of_number(const std::string& filter, size_t at) {
  while (at < filter.size() && is_digit(filter[at])) ++at;
  if (at >= filter.size() || (filter[at] != 'e' && filter[at] != 'E')) return at;
  size_t end = at + 1;
  if (end < filter.size() && (filter[end] == '+' || filter[end] == '-')) ++end;
  if (end >= filter.size() || !is_digit(filter[end])) return at;
  while (end < filter.size() && is_digit(filter[end])) ++end;
  return end;
}

Word quoted_word(const std::string& filter, size_t begin) {
  const size_t end = filter.find(filter[begin], begin + 1);
  if (end == std::string::npos) {
    fail_formula(kWhere, filter, begin + 1, fmt::format("the quote {} is opened and never closed", filter[begin]));
  }
  return {filter[begin] == '`' ? Kind::name : Kind::text, filter.substr(begin + 1, end - begin - 1), begin, end + 1,
          true};
}

Word word_at(const std::string& filter, size_t begin) {
  const char c = filter[begin];
  if (c == '\'' || c == '"' || c == '`') return quoted_word(filter, begin);
  size_t end = begin + 1;
  Kind kind = Kind::sign;
  if (is_digit(c)) {
    kind = Kind::number;
    end = std::max(end, end_of_number(filter, begin));
  } else if (is_name_byte(c)) {
    kind = Kind::name;
    while (end < filter.size() && is_name_byte(filter[end])) ++end;
  } else if (one_of(filter.substr(begin, 2), {"==", "!=", "<=", ">=", "=~", "!~", "&&", "||"})) {
    end = begin + 2;
  }
  Word out{kind, filter.substr(begin, end - begin), begin, end};
  if (one_of(out.value, {"and", "or", "not"})) {
    out.kind = Kind::sign;
    out.value = out.value == "and" ? "&&" : out.value == "or" ? "||" : "!";
  } else if (out.value == "=" || out.value == "&" || out.value == "|") {
    out.value += out.value;
  }
  return out;
}

std::vector<Word> words_of(const std::string& filter) {
  if (filter.size() > kLongestFormula) {
    fail_formula(kWhere, filter, kLongestFormula, fmt::format("longer than {} bytes", kLongestFormula));
  }
  std::vector<Word> out;
  for (size_t at = 0; at < filter.size();) {
    if (filter[at] == ' ' || filter[at] == '\t' || filter[at] == '\n' || filter[at] == '\r') {
      ++at;
      continue;
    }
    out.push_back(word_at(filter, at));
    at = out.back().end;
  }
  return out;
}

bool is_comparison(const Word& word) {
  return word.kind == Kind::sign && one_of(word.value, {"==", "!=", "<", "<=", ">", ">=", "=~", "!~"});
}

// "512 <= m < 1024" would compare 0 or 1 with 1024, and "m + 512" would keep every row.
void check_comparisons(const std::string& filter, const std::vector<Word>& words) {
  std::vector<int> count{0};  // [open parentheses] comparisons since the last && or ||
  bool any = false;
  for (const Word& word : words) {
    if (word.kind != Kind::sign) continue;
    if (word.value == "(") count.push_back(0);
    if (word.value == ")" && count.size() > 1) count.pop_back();
    if (word.value == "&&" || word.value == "||") count.back() = 0;
    if (!is_comparison(word)) continue;
    any = true;
    if (++count.back() > 1) {
      fail_formula(kWhere, filter, word.begin + 1,
                   fmt::format("a second comparison, '{}'; join two with &&, e.g. 512<=m && m<1024", word.value));
    }
  }
  if (!any)
    fail_formula(kWhere, filter, filter.size() + 1, "nothing is compared; expected e.g. m>=512 or family=='opt'");
}

// Logic of three values: true, false and unknown (NaN), as in SQL.
using Two = double (*)(double, double);
template <class Compare>
double compared(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kUnknown : Compare{}(a, b) ? 1 : 0;
}
double both(double a, double b) { return a == 0 || b == 0 ? 0 : std::isnan(a) || std::isnan(b) ? kUnknown : 1; }
double either(double a, double b) {
  const auto holds = [](double v) { return !std::isnan(v) && v != 0; };
  return holds(a) || holds(b) ? 1 : std::isnan(a) || std::isnan(b) ? kUnknown : 0;
}
double negated(double a) { return std::isnan(a) ? kUnknown : a == 0 ? 1 : 0; }

// muParser's own operators know two values; '=' it keeps for assignments, so equality is '#' here.
void define_operators(mu::Parser& parser) {
  parser.EnableBuiltInOprt(false);
  constexpr int kJustBelowComparisons = mu::prCMP - 1;  // !m>=512 denies the comparison
  parser.DefineInfixOprt("!", negated, kJustBelowComparisons);
  parser.DefineOprt("|", either, mu::prLOR);
  parser.DefineOprt("&", both, mu::prLAND);
  parser.DefineOprt("#", compared<std::equal_to<>>, mu::prCMP);
  parser.DefineOprt("!=", compared<std::not_equal_to<>>, mu::prCMP);
  parser.DefineOprt("<", compared<std::less<>>, mu::prCMP);
  parser.DefineOprt("<=", compared<std::less_equal<>>, mu::prCMP);
  parser.DefineOprt(">", compared<std::greater<>>, mu::prCMP);
  parser.DefineOprt(">=", compared<std::greater_equal<>>, mu::prCMP);
  parser.DefineOprt("+", Two{[](double a, double b) { return a + b; }}, mu::prADD_SUB);
  parser.DefineOprt("-", Two{[](double a, double b) { return a - b; }}, mu::prADD_SUB);
  parser.DefineOprt("*", Two{[](double a, double b) { return a * b; }}, mu::prMUL_DIV);
  parser.DefineOprt("/", Two{[](double a, double b) { return a / b; }}, mu::prMUL_DIV);
  parser.DefineOprt("^", Two{[](double a, double b) { return std::pow(a, b); }}, mu::prPOW, mu::oaRIGHT);
}

class Filter {
 public:
  Filter(const Table& table, const std::string& filter, const std::map<std::string, std::string>& aliases)
      : table_(table), filter_(filter), aliases_(aliases), words_(words_of(filter)), rewritten_(filter.size(), ' ') {
    check_comparisons(filter_, words_);
    for (size_t i = 0; i < words_.size(); ++i) {
      if (is_column(i)) column_of(words_[i]);  // every name, before any cell
    }
    for (size_t i = 0; i < words_.size();) i = rewrite(i);
  }
  std::vector<bool> holds();

 private:
  [[noreturn]] void fail(const Word& word, const std::string& problem) const {
    fail_formula(kWhere, filter_, word.begin + 1, problem);
  }
  bool is_column(size_t i) const {
    const Word& word = words_[i];
    const bool called = i + 1 < words_.size() && words_[i + 1].value == "(" && !word.quoted;
    return word.kind == Kind::name && !(called && is_function(word.value));
  }
  bool is_text_comparison(size_t i) const;
  size_t rewrite(size_t i);
  std::string column_of(const Word& word) const;
  void add_variable(const Word& word, const std::string& key, std::vector<double> values);
  std::vector<double> numbers(const std::string& column) const;
  std::vector<double> compare_text(const Word& name, const std::string& sign, const std::string& text) const;

  const Table& table_;
  const std::string& filter_;
  const std::map<std::string, std::string>& aliases_;
  std::vector<Word> words_;
  std::string rewritten_;                    // as long as filter_
  std::vector<std::vector<double>> values_;  // [variable][row]
  std::map<std::string, size_t> variables_;  // column -> variable
};

std::string Filter::column_of(const Word& word) const {
  if (table_.has(word.value)) return word.value;
  if (const auto alias = aliases_.find(word.value); alias != aliases_.end() && !word.quoted) return alias->second;
  std::vector<std::string> known = table_.names;
  for (const auto& [name, column] : aliases_) known.push_back(name);
  fail(word, fmt::format("no column {}{}; a text goes in quotes, e.g. family=='opt'", word.value,
                         suggestion(word.value, known)));
}

// Is word i the left side of a comparison in which a text takes part?
bool Filter::is_text_comparison(size_t i) const {
  if (i + 2 >= words_.size() || !is_comparison(words_[i + 1])) return false;
  const auto is = [&](size_t at, Kind kind) { return words_[at].kind == kind; };
  return (is(i, Kind::name) && is(i + 2, Kind::text)) || (is(i, Kind::text) && is(i + 2, Kind::name));
}

void Filter::add_variable(const Word& word, const std::string& key, std::vector<double> values) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto place = variables_.try_emplace(key, values_.size());
  if (place.second) values_.push_back(std::move(values));
  if (values_.size() > kLetters.size()) fail(word, fmt::format("more than {} columns and texts", kLetters.size()));
  rewritten_[word.begin] = kLetters[place.first->second];
}

// Writes what muParser shall see of the words from i on; returns the first word it left.
size_t Filter::rewrite(size_t i) {
  const Word& word = words_[i];
  if (is_text_comparison(i)) {
    const Word& sign = words_[i + 1];
    const bool turned = word.kind == Kind::text;
    if (!one_of(sign.value, {"==", "!="}) && (turned || !one_of(sign.value, {"=~", "!~"}))) {
      fail(sign, fmt::format("'{}' between a column and a text; expected ==, !=, =~ (contains) or !~", sign.value));
    }
    const Word& name = turned ? words_[i + 2] : word;
    const Word& text = turned ? word : words_[i + 2];
    const std::string key = fmt::format("{}\n{}\n{}", column_of(name), sign.value, text.value);
    add_variable(word, key, compare_text(name, sign.value, text.value));
    return i + 3;
  }
  if (word.kind == Kind::text) fail(word, "a text can only be compared with a column: ==, !=, =~ (contains) or !~");
  if (word.value == "=~" || word.value == "!~") fail(word, "expected a column on the left and a text on the right");
  if (word.kind == Kind::sign && word.value.size() == 1 && word.value.find_first_of("+-*/^(),<>!") != 0) {
    fail(word, fmt::format("unexpected {}", printable(word.value)));
  }
  if (is_column(i)) {
    const std::string column = column_of(word);
    add_variable(word, column, variables_.contains(column) ? std::vector<double>{} : numbers(column));
  } else {
    const std::string seen = one_of(word.value, {"==", "&&", "||"}) ? word.value.substr(1) : word.value;
    rewritten_.replace(word.begin, seen.size(), seen == "=" ? "#" : seen);
  }
  return i + 1;
}

std::vector<double> Filter::numbers(const std::string& column) const {
  const auto& cells = table_.strings(column);
  std::vector<double> out(cells.size(), kUnknown);
  for (size_t row = 0; row < cells.size(); ++row) {
    if (cells[row].empty()) continue;
    const auto value = finite_number(cells[row]);
    if (!value) {
      throw Error(ErrorKind::bad_file,
                  fmt::format("{}: column {}: '{}' is not a number, as where '{}' needs; compare a text in quotes",
                              place_of(table_, row), column, shortened(cells[row]), filter_));
    }
    out[row] = *value;
  }
  return out;
}

std::vector<double> Filter::compare_text(const Word& name, const std::string& sign, const std::string& text) const {
  const auto& cells = table_.strings(column_of(name));
  const bool contains = sign[1] == '~', wanted = sign[0] == '=';
  std::vector<double> out(cells.size());
  for (size_t row = 0; row < cells.size(); ++row) {
    const bool same = contains ? cells[row].find(text) != std::string::npos : cells[row] == text;
    out[row] = same == wanted ? 1 : 0;
  }
  return out;
}

std::vector<bool> Filter::holds() {
  if (values_.empty()) fail_formula(kWhere, filter_, filter_.size() + 1, "no column is named");
  mu::Parser parser;
  define_functions(parser);
  std::vector<double> now(values_.size());
  std::vector<bool> out(table_.rows());
  try {
    define_operators(parser);
    for (const auto& [key, k] : variables_) {
      parser.DefineVar(std::string(1, k < 26 ? static_cast<char>('a' + k) : static_cast<char>('A' + (k - 26))),
                       &now[k]);
    }
    parser.SetExpr(rewritten_);
    for (size_t row = 0; row < out.size(); ++row) {
      for (size_t k = 0; k < now.size(); ++k) now[k] = values_[k][row];
      const double value = parser.Eval();
      out[row] = !std::isnan(value) && value != 0;
    }
  } catch (const mu::ParserError& error) {
    fail_formula(kWhere, filter_, error);
  }
  if (parser.GetNumResults() != 1)
    fail_formula(kWhere, filter_, filter_.size() + 1, "two filters, joined by a comma; join them with &&");
  return out;
}

}  // namespace

std::vector<bool> rows_that_hold(const Table& table, const std::string& filter,
                                 const std::map<std::string, std::string>& aliases) {
  return Filter(table, filter, aliases).holds();
}

}  // namespace superpose::fit
