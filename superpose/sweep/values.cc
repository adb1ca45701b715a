// SPDX-License-Identifier: Apache-2.0
#include "superpose/sweep/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "superpose/base/error.h"
#include "superpose/base/text.h"
#include "superpose/sweep/sweep.h"

namespace superpose::sweep {
namespace {

[[noreturn]] void refuse(const std::string& text) { throw Error(ErrorKind::usage, text); }

// A word for a message: hostile ones are cut.
std::string shown(std::string_view word) {
  constexpr size_t kLongest = 80;
  return word.size() <= kLongest ? std::string(word) : std::string(word.substr(0, kLongest)) + "...";
}

template <class T>
std::optional<T> number_in(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<double> finite_in(std::string_view text) {
  const auto value = number_in<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// A whole number without a point, so that dim=linspace(10,100,10) gives dimensions.
std::string number_text(double value) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  if (value == std::trunc(value) && std::abs(value) <= kExactIntegers) {
    return std::to_string(static_cast<int64_t>(value));
  }
  return Json(value).dump();  // shortest text that reads back to the same double
}

// Splits at commas that stand in no bracket. Refuses brackets that do not match.
std::vector<std::string_view> split_items(std::string_view word) {
  std::vector<std::string_view> items;
  std::string open;  // the closing brackets that are due
  size_t begin = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (c == '(' || c == '{') {
      if (!open.empty() && open.back() == '}' && c == '{')
        refuse(fmt::format("'{}': braces inside braces", shown(word)));
      open += c == '(' ? ')' : '}';
      if (open.size() > 8) refuse(fmt::format("'{}': brackets nested deeper than 8", shown(word)));
    } else if (c == ')' || c == '}') {
      if (open.empty() || open.back() != c) refuse(fmt::format("'{}': unexpected '{}'", shown(word), c));
      open.pop_back();
    } else if (c == ',' && open.empty()) {
      items.push_back(trimmed(word.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (!open.empty()) {
    refuse(fmt::format("'{}': a '{}' is missing; in a YAML file, values with commas or braces need quotes", shown(word),
                       open.back()));
  }
  items.push_back(trimmed(word.substr(begin)));
  for (const auto item : items) {
    if (item.empty())
      refuse(word.empty() ? "a value is empty" : fmt::format("'{}': empty item in the list", shown(word)));
  }
  return items;
}

// The text between the brackets of "name(...)", or nothing when the item is not such a call.
std::optional<std::string_view> arguments_of(std::string_view name, std::string_view item) {
  if (!item.starts_with(name) || item.size() < name.size() + 2) return std::nullopt;
  if (item[name.size()] != '(' || item.back() != ')') return std::nullopt;
  return item.substr(name.size() + 1, item.size() - name.size() - 2);
}

size_t count_in(std::string_view text, std::string_view item) {
  const auto count = number_in<int64_t>(trimmed(text));
  if (!count || *count < 1 || *count > static_cast<int64_t>(kMaxConfigs)) {
    refuse(fmt::format("'{}': '{}' is not a count from 1 to {}", shown(item), shown(trimmed(text)), kMaxConfigs));
  }
  return static_cast<size_t>(*count);
}

std::vector<std::string> range_values(std::string_view arguments, std::string_view item) {
  std::vector<std::string> out(count_in(arguments, item));
  for (size_t i = 0; i < out.size(); ++i) out[i] = std::to_string(i);
  return out;
}

std::vector<std::string> linspace_values(std::string_view arguments, std::string_view item) {
  const auto parts = split_items(arguments);
  if (parts.size() != 3) refuse(fmt::format("'{}': expected linspace(first,last,count)", shown(item)));
  const auto first = finite_in(parts[0]);
  const auto last = finite_in(parts[1]);
  if (!first || !last) refuse(fmt::format("'{}': the first two arguments must be finite numbers", shown(item)));
  std::vector<std::string> out(count_in(parts[2], item));
  // first + i * step and the exact last value, as numpy.linspace has it: the same doubles as the reference programs.
  const double step = out.size() > 1 ? (*last - *first) / static_cast<double>(out.size() - 1) : 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const double value = i > 0 && i + 1 == out.size() ? *last : *first + static_cast<double>(i) * step;
    if (!std::isfinite(value)) refuse(fmt::format("'{}': leaves the range of doubles", shown(item)));
    out[i] = number_text(value);
  }
  return out;
}

// "x{1,2}y{3,4}" -> x1y3, x1y4, x2y3, x2y4. A brace group is itself a word, so it may hold range() and linspace().
std::vector<std::string> expand_braces(std::string_view item) {
  constexpr size_t kMaxBytes = size_t{1} << 26;
  // Each group copies what stands before it; without a bound, a megabyte of groups would copy for minutes.
  constexpr auto kMaxGroups = 16;
  if (std::count(item.begin(), item.end(), '{') > kMaxGroups) {
    refuse(fmt::format("'{}': more than {} brace groups", shown(item), kMaxGroups));
  }
  const std::string_view whole = item;
  std::vector<std::string> out{""};
  while (!item.empty()) {
    const size_t open = std::min(item.find('{'), item.size());
    for (auto& text : out) text += item.substr(0, open);
    if (open == item.size()) break;
    const size_t close = item.find('}', open);
    SUPERPOSE_ASSERT(close != std::string_view::npos);  // split_items has matched the brackets
    const auto choices = expand_words(item.substr(open + 1, close - open - 1));
    size_t choice_bytes = 0, text_bytes = 0;
    for (const auto& choice : choices) choice_bytes += choice.size();
    for (const auto& text : out) text_bytes += text.size();
    if (out.size() * choices.size() > kMaxConfigs ||
        text_bytes * choices.size() + choice_bytes * out.size() > kMaxBytes) {
      refuse(fmt::format("'{}': more than {} values, or too long ones", shown(whole), kMaxConfigs));
    }
    std::vector<std::string> longer;
    longer.reserve(out.size() * choices.size());
    for (const auto& text : out) {
      for (const auto& choice : choices) longer.push_back(text + choice);
    }
    out = std::move(longer);
    item.remove_prefix(close + 1);
  }
  return out;
}

std::vector<std::string> expand_item(std::string_view item) {
  if (const auto arguments = arguments_of("range", item)) return range_values(*arguments, item);
  if (const auto arguments = arguments_of("linspace", item)) return linspace_values(*arguments, item);
  return expand_braces(item);
}

}  // namespace

Json typed(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  if (const auto value = number_in<int64_t>(text)) return *value;
  if (const auto value = number_in<uint64_t>(text)) return *value;
  if (const auto value = finite_in(text)) return *value;
  return text;
}

std::vector<std::string> expand_words(std::string_view word) {
  constexpr size_t kMaxWordBytes = size_t{1} << 20;
  if (word.size() > kMaxWordBytes) refuse("a value is longer than 1 MB");
  std::vector<std::string> out;
  for (const auto item : split_items(trimmed(word))) {
    for (auto& value : expand_item(item)) {
      if (out.size() == kMaxConfigs) refuse(fmt::format("'{}': more than {} values", shown(word), kMaxConfigs));
      out.push_back(std::move(value));
    }
  }
  return out;
}

std::vector<Json> expand_values(std::string_view word) {
  std::vector<Json> out;
  for (const auto& text : expand_words(word)) out.push_back(typed(text));
  return out;
}

}  // namespace superpose::sweep
