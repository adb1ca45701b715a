// SPDX-License-Identifier: Apache-2.0
// Tables of text: CSV or TSV in, named columns out. JSON is told by its first character, see json_table.cc.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/base/text.h"
#include "superpose/fit/cells.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

// Walks over records: fields of one line, or of several when a quoted field holds line breaks.
class RecordReader {
 public:
  RecordReader(std::string_view bytes, std::string_view where) : rest_(bytes), where_(where) {}

  [[noreturn]] void fail(const std::string& text) const {
    throw Error(ErrorKind::bad_file, fmt::format("{}: line {}: {}", where_, record_line_, text));
  }
  size_t record_line() const { return record_line_; }
  void choose_separator();

  // False at the end. Comments and blank lines are passed over.
  bool next(std::vector<std::string>& fields);

 private:
  std::string_view line_ahead() const { return rest_.substr(0, rest_.find('\n')); }
  void skip_line() {
    rest_.remove_prefix(std::min(rest_.size(), line_ahead().size() + 1));
    ++line_;
  }
  void skip_comments();
  std::string quoted_field();
  std::string plain_field();

  std::string_view rest_;
  std::string_view where_;
  size_t line_ = 1;
  size_t record_line_ = 1;
  char separator_ = ',';
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void RecordReader::skip_comments() {
  while (!rest_.empty() && (rest_[0] == '#' || trimmed(line_ahead()).empty())) skip_line();
}

void RecordReader::choose_separator() {
  skip_comments();
  const auto header = line_ahead();
  const auto has = [&](char c) { return header.find(c) != std::string_view::npos; };
  separator_ = has(',') ? ',' : has('\t') ? '\t' : has(';') ? ';' : ',';
}

std::string RecordReader::quoted_field() {
  std::string out;
  rest_.remove_prefix(1);
  while (true) {
    const size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) fail("a quote is opened and never closed");
    const auto part = rest_.substr(0, quote);
    line_ += static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
    out += part;
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;  // "" inside quotes is one quote
    out += '"';
    rest_.remove_prefix(1);
  }
  const size_t end = std::min(rest_.find_first_of(std::string{separator_, '\n'}), rest_.size());
  if (!trimmed(rest_.substr(0, end)).empty()) fail("text follows a closing quote");
  rest_.remove_prefix(end);
  return out;
}

std::string RecordReader::plain_field() {
  const size_t end = std::min(rest_.find_first_of(std::string{separator_, '\n'}), rest_.size());
  const std::string out(trimmed(rest_.substr(0, end)));
  rest_.remove_prefix(end);
  return out;
}

bool RecordReader::next(std::vector<std::string>& fields) {
  fields.clear();
  skip_comments();
  if (rest_.empty()) return false;
  record_line_ = line_;
  while (true) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    fields.push_back(rest_.starts_with('"') ? quoted_field() : plain_field());
    if (rest_.empty()) return true;
    const char stop = rest_[0];
    rest_.remove_prefix(1);
    if (stop == '\n') {
      ++line_;
      return true;
    }
  }
}

bool is_json(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (bytes[first] == '[' || bytes[first] == '{');
}

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

std::optional<double> finite_number(std::string_view cell) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);  // from_chars knows no plus sign
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string shortened(const std::string& cell) {
  constexpr size_t kLongest = 40;
  return cell.size() <= kLongest ? cell : cell.substr(0, kLongest) + "...";
}

std::string place_of(const Table& table, size_t row) {
  return row < table.lines.size() ? fmt::format("line {}", table.lines[row]) : fmt::format("row {}", row + 1);
}

std::string quoted_column(std::string_view column) {
  return is_identifier(column) ? std::string(column) : fmt::format("`{}`", column);
}

Table read_table(std::string_view bytes, std::string_view where) {
  if (bytes.find('\0') != std::string_view::npos) {
    throw Error(ErrorKind::bad_file, fmt::format("{}: byte {} is 0: not a table of text, expected CSV, TSV or JSON",
                                                 where, bytes.find('\0')));
  }
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  if (is_json(bytes)) return read_json_table(bytes, where);
  RecordReader reader(bytes, where);
  reader.choose_separator();
  Table out;
  if (!reader.next(out.names)) {
    throw Error(ErrorKind::bad_file, fmt::format("{}: no header line: expected column names, then rows", where));
  }
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < out.names.size(); ++i) {
    if (out.names[i].empty()) reader.fail(fmt::format("column {} has no name", i + 1));
    if (!seen.insert(out.names[i]).second) reader.fail(fmt::format("column {} is named twice", out.names[i]));
  }
  out.text.resize(out.names.size());
  std::vector<std::string> fields;
  while (reader.next(fields)) {
    if (fields.size() != out.names.size()) {
      reader.fail(fmt::format("{} fields, the header has {}", fields.size(), out.names.size()));
    }
    for (size_t c = 0; c < fields.size(); ++c) out.text[c].push_back(std::move(fields[c]));
    out.lines.push_back(reader.record_line());
  }
  if (out.rows() == 0) throw Error(ErrorKind::bad_file, fmt::format("{}: a header line but no rows", where));
  return out;
}

bool Table::has(std::string_view column) const { return std::find(names.begin(), names.end(), column) != names.end(); }

const std::vector<std::string>& Table::strings(std::string_view column) const {
  const auto found = std::find(names.begin(), names.end(), column);
  if (found == names.end()) {
    throw Error(ErrorKind::usage, fmt::format("no column {}{}", column, suggestion(column, names)));
  }
  return text[static_cast<size_t>(found - names.begin())];
}

namespace {

// The remedy is text for a shell.
[[noreturn]] void fail_not_a_number(const Table& table, std::string_view column, size_t row) {
  constexpr const char* kNeedsEscapes = "'\"`\\\n";
  const std::string& cell = table.strings(column)[row];
  const bool can_be_typed = cell.size() <= 20 && cell.find_first_of(kNeedsEscapes) == std::string::npos &&
                            column.find_first_of(kNeedsEscapes) == std::string::npos;
  const std::string remedy =
      can_be_typed ? fmt::format("; --where '{}!=\"{}\"' leaves such rows out", quoted_column(column), cell) : "";
  throw Error(ErrorKind::bad_file, fmt::format("{}: column {}: '{}' is not a finite number (row {}){}",
                                               place_of(table, row), column, shortened(cell), row + 1, remedy));
}

}  // namespace

std::vector<double> numbers_at(const Table& table, std::string_view column, std::span<const size_t> rows) {
  const auto& cells = table.strings(column);
  std::vector<double> out;
  out.reserve(rows.size());
  for (const size_t row : rows) {
    const auto value = finite_number(cells[row]);
    if (!value) fail_not_a_number(table, column, row);
    out.push_back(*value);
  }
  return out;
}

std::vector<double> Table::numbers(std::string_view column) const {
  std::vector<size_t> all(strings(column).size());
  std::iota(all.begin(), all.end(), size_t{0});
  return numbers_at(*this, column, all);
}

}  // namespace superpose::fit
