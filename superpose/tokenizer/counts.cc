// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/printable.h"
#include "superpose/tokenizer/tokenizer.h"

namespace superpose::tokenizer {
namespace {

constexpr std::string_view kSeparators = " \t,;\r";

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (size_t at = 0; (at = line.find_first_not_of(kSeparators, at)) != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kSeparators, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end;
  }
  return out;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

class Table {
 public:
  Table(uint64_t n, const std::string& where) : where_(where), line_of_(n, 0) {
    out.per_id.resize(n, 0.0);
    out.source = where;
  }
  Counts out;

  void add(std::string_view line) {
    ++line_;
    const auto fields = fields_of(line);
    if (fields.empty() || fields[0].starts_with('#')) return;
    const auto id = number_of<uint64_t>(fields[0]);
    if (!id && !header_allowed_) fail(fmt::format("{} is no token id", printable(fields[0])));
    const bool header = !id && !number_of<double>(fields[0]);
    if (!id && !header) fail(fmt::format("{} is no token id", printable(fields[0])));
    header_allowed_ = false;
    if (header) return;
    if (fields.size() != 2) fail(fmt::format("expected \"id count\", found {} fields", fields.size()));
    add(*id, fields[1]);
  }

 private:
  void add(uint64_t id, std::string_view text) {
    const auto count = number_of<double>(text);
    if (!count || !std::isfinite(*count) || *count < 0) {
      fail(fmt::format("the count of id {} is {}, not a number from 0 on", id, printable(text)));
    }
    if (id >= line_of_.size()) {
      fail(fmt::format("id {}, but the matrix has {} rows (ids 0 to {}): these counts belong to another tokenizer", id,
                       line_of_.size(), line_of_.size() - 1));
    }
    if (line_of_[id] != 0) fail(fmt::format("id {} stands on line {} already", id, line_of_[id]));
    line_of_[id] = line_;
    out.per_id[id] = *count;
    out.total += *count;
    out.seen += *count > 0;
  }
  [[noreturn]] void fail(const std::string& text) const {
    throw Error(ErrorKind::bad_file, fmt::format("{}: line {}: {}", where_, line_, text));
  }

  const std::string& where_;
  std::vector<uint32_t> line_of_;  // [n], 0 = none yet
  uint32_t line_ = 0;              // below 2^26: the file has at most kMostFileBytes
  bool header_allowed_ = true;
};

}  // namespace

Counts parse_counts(std::string_view text, uint64_t n, const std::string& where) {
  if (n == 0 || n > kMostIds) {
    throw Error(ErrorKind::usage, fmt::format("{}: counts are read for 1 to {} ids, not {}", where, kMostIds, n));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Table table(n, where);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    table.add(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!(table.out.total > 0) || !std::isfinite(table.out.total)) {
    throw Error(ErrorKind::bad_file,
                where + ": no count above zero, or a sum beyond all numbers; expected lines \"id count\"");
  }
  return std::move(table.out);
}

Counts read_counts(const std::filesystem::path& path, uint64_t n) {
  return parse_counts(read_text(path, kMostFileBytes), n, path.string());
}

}  // namespace superpose::tokenizer
