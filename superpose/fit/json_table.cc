// SPDX-License-Identifier: Apache-2.0
// Tables of JSON: an array of objects, an object of equally long arrays, or one object per line. Parsed event by event,
// so that a number keeps the digits it was written with and nothing nested is ever built.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/base/printable.h"
#include "superpose/fit/cells.h"

namespace superpose::fit {
namespace {

enum class Layout {
  rows,     // [{...}, {...}]
  columns,  // {"a": [...], "b": [...]}, or one object of single values: a table of one row
  lines,    // {...} on every line
};

// nlohmann's SAX interface. Every defect throws Error{bad_file}; the parser itself holds no more than a bit per level.
class TableBuilder {
 public:
  TableBuilder(std::string_view bytes, std::string_view where, Layout layout)
      : where_(where), layout_(layout), most_cells_(std::max<size_t>(bytes.size(), kFreeCells)) {}

  void parse(std::string_view text, size_t first_line) {
    text_ = text;
    first_line_ = first_line;
    if (layout_ == Layout::lines) out_.lines.push_back(first_line);
    Json::sax_parse(text.begin(), text.end(), this);
  }
  Table finished();

  bool null() { return cell({}); }
  bool boolean(bool value) { return cell(value ? "true" : "false"); }
  bool number_integer(int64_t value) { return cell(std::to_string(value)); }
  bool number_unsigned(uint64_t value) { return cell(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return cell(text); }
  bool string(std::string& value) { return cell(std::move(value)); }
  bool binary(std::vector<uint8_t>&) { return false; }  // does not occur in text
  bool start_object(size_t);
  bool end_object();
  bool start_array(size_t);
  bool end_array();
  bool key(std::string& name);
  bool parse_error(size_t position, const std::string& last_token, const nlohmann::detail::exception& reason);

 private:
  static constexpr size_t kFreeCells = 4'000'000;
  enum class Inside { nothing, list, object, cells };

  [[noreturn]] void fail(const std::string& place, const std::string& text) const {
    throw Error(ErrorKind::bad_file, fmt::format("{}: {}: {}", where_, place, text));
  }
  [[noreturn]] void fail_nested(std::string_view found) const;
  std::string row_place() const;
  bool cell(std::string value);
  void put(size_t column, size_t row, std::string value);
  void count_cells(size_t more);

  std::string_view text_, where_;
  size_t first_line_ = 1;
  Layout layout_;
  Inside inside_ = Inside::nothing;
  size_t rows_ = 0;      // begun
  size_t column_ = 0;    // of the last key
  size_t expected_ = 0;  // the column after it: rows usually name their keys in one order
  size_t cells_ = 0, most_cells_;
  std::optional<size_t> single_, array_;  // layout columns: a column that holds one value, one that holds an array
  std::unordered_map<std::string, size_t> index_;
  Table out_;
};

std::string TableBuilder::row_place() const {
  if (layout_ == Layout::lines) return fmt::format("line {}", first_line_);
  return fmt::format("row {}", rows_);
}

void TableBuilder::fail_nested(std::string_view found) const {
  const std::string expected = "expected a number, text, true, false or null";
  if (layout_ == Layout::columns) {
    fail(fmt::format("key {}", printable(out_.names[column_])),
         fmt::format("{} as {}; expected an array of numbers, texts, true, false or null", found,
                     inside_ == Inside::cells ? "a cell" : "a column"));
  }
  fail(row_place(), fmt::format("key {}: {} as a cell; {}", printable(out_.names[column_]), found, expected));
}

// A short file may name a new key in every row: rows times columns is then far more than its bytes.
void TableBuilder::count_cells(size_t more) {
  cells_ += more;
  if (cells_ > most_cells_) {
    fail(row_place(), fmt::format("{} columns so far and few of their cells are given: more than {} cells in all",
                                  out_.names.size(), most_cells_));
  }
}

void TableBuilder::put(size_t column, size_t row, std::string value) {
  auto& cells = out_.text[column];
  count_cells(row + 1 - cells.size());
  cells.resize(row);
  cells.push_back(std::move(value));
}

bool TableBuilder::cell(std::string value) {
  if (value.find('\0') != std::string::npos) fail(row_place(), "a text with a character 0, expected none");
  if (inside_ == Inside::cells) {
    put(column_, out_.text[column_].size(), std::move(value));
  } else if (inside_ == Inside::object) {
    single_ = column_;
    put(column_, rows_ - 1, std::move(value));
  } else {
    fail(fmt::format("row {}", rows_ + 1),
         fmt::format("found {}, expected an object like {{\"m\": 64, \"loss\": 3.1}}", printable(value)));
  }
  return true;
}

bool TableBuilder::start_object(size_t) {
  if (inside_ == Inside::object || inside_ == Inside::cells) fail_nested("an object");
  inside_ = Inside::object;
  expected_ = 0;
  ++rows_;
  return true;
}

bool TableBuilder::end_object() {
  inside_ = layout_ == Layout::rows ? Inside::list : Inside::nothing;
  return true;
}

bool TableBuilder::start_array(size_t) {
  if (inside_ == Inside::list) fail(fmt::format("row {}", rows_ + 1), "found an array, expected an object");
  if (inside_ == Inside::nothing) {
    inside_ = Inside::list;
    return true;
  }
  if (layout_ != Layout::columns || inside_ == Inside::cells) fail_nested("an array");
  array_ = column_;
  inside_ = Inside::cells;
  return true;
}

bool TableBuilder::end_array() {
  inside_ = inside_ == Inside::cells ? Inside::object : Inside::nothing;
  return true;
}

bool TableBuilder::key(std::string& name) {
  bool added = false;
  if (expected_ < out_.names.size() && out_.names[expected_] == name) {
    column_ = expected_;
  } else {
    if (name.empty()) fail(row_place(), "a key without a name");
    if (name.find('\0') != std::string::npos) fail(row_place(), "a key with a character 0, expected none");
    const auto place = index_.try_emplace(name, out_.names.size());
    added = place.second;
    column_ = place.first->second;
  }
  if (added) {
    out_.names.push_back(name);
    out_.text.emplace_back();
  }
  expected_ = column_ + 1;
  if (layout_ == Layout::columns ? !added : out_.text[column_].size() == rows_) {
    fail(row_place(), fmt::format("key {} is named twice", printable(name)));
  }
  return true;
}

// The reason alone: the library's text counts lines from where it was called, and may quote the whole file.
bool TableBuilder::parse_error(size_t position, const std::string& last_token,
                               const nlohmann::detail::exception& reason) {
  std::string_view text = reason.what();
  if (const size_t end = text.find("; last read"); end != std::string_view::npos) text = text.substr(0, end);
  for (const std::string_view before : {"] ", "column ", ": "}) {
    const size_t at = text.find(before);
    if (at != std::string_view::npos) text.remove_prefix(at + before.size());
  }
  const auto read = text_.substr(0, position == 0 ? 0 : position - 1);
  const size_t line = first_line_ + static_cast<size_t>(std::count(read.begin(), read.end(), '\n'));
  const size_t column = read.size() - (read.rfind('\n') + 1) + 1;  // npos + 1 = 0
  const bool not_finite = last_token.ends_with("N") || last_token.ends_with("I");
  fail(fmt::format("line {}", line),
       fmt::format("not valid JSON at byte {} of the line: {}{}", column, text.substr(0, 200),
                   not_finite ? "; JSON has no NaN and no Infinity, expected a number or null" : ""));
}

Table TableBuilder::finished() {
  if (single_ && array_) {
    fail(fmt::format("key {}", printable(out_.names[*single_])),
         fmt::format("a single value, but {} is an array; expected arrays of one length",
                     printable(out_.names[*array_])));
  }
  if (array_) rows_ = out_.text[0].size();
  if (rows_ == 0 || out_.names.empty()) {
    throw Error(ErrorKind::bad_file, fmt::format("{}: no rows: expected objects like {{\"m\": 64, \"loss\": 3.1}}, or "
                                                 "arrays of cells by name",
                                                 where_));
  }
  for (size_t c = 0; c < out_.names.size(); ++c) {
    auto& cells = out_.text[c];
    if (array_ && cells.size() != rows_) {
      fail(fmt::format("key {}", printable(out_.names[c])),
           fmt::format("{} cells, but {} has {}; expected arrays of one length", cells.size(), printable(out_.names[0]),
                       rows_));
    }
    count_cells(rows_ - cells.size());
    cells.resize(rows_);
  }
  return std::move(out_);
}

constexpr std::string_view kSpace = " \t\r\n";

// The first character behind the first line that is not white space: '{' where every line is an object of its own.
char begin_of_second_line(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(kSpace);
  const size_t line_end = bytes.find('\n', first);
  const size_t second = line_end == std::string_view::npos ? line_end : bytes.find_first_not_of(kSpace, line_end);
  return second == std::string_view::npos ? '\0' : bytes[second];
}

Table json_lines(std::string_view bytes, std::string_view where) {
  TableBuilder builder(bytes, where, Layout::lines);
  size_t line = 1;
  for (size_t begin = 0; begin < bytes.size(); ++line) {
    const size_t end = std::min(bytes.find('\n', begin), bytes.size());
    const auto text = bytes.substr(begin, end - begin);
    begin = end + 1;
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) continue;
    if (text[first] != '{') {
      throw Error(ErrorKind::bad_file, fmt::format("{}: line {}: begins with {}, expected one object per line", where,
                                                   line, printable(text.substr(first, 10))));
    }
    builder.parse(text, line);
  }
  return builder.finished();
}

}  // namespace

Table read_json_table(std::string_view bytes, std::string_view where) {
  const bool list = bytes[bytes.find_first_not_of(kSpace)] == '[';
  if (!list && begin_of_second_line(bytes) == '{') return json_lines(bytes, where);
  TableBuilder builder(bytes, where, list ? Layout::rows : Layout::columns);
  builder.parse(bytes, 1);
  return builder.finished();
}

}  // namespace superpose::fit
