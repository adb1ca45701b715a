// SPDX-License-Identifier: Apache-2.0
// Word vectors: word2vec's binary and text forms, and GloVe's text, which has no header. docs/formats/word2vec.md
//
// The rows lie in the file with words between them. Opening notes where each row begins; values are read (and in text
// parsed) when they are asked for, so memory holds the words and eight bytes for every row.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr uint64_t kMaxLineBytes = uint64_t{1} << 22;
constexpr uint64_t kMaxWordBytes = 4096;
constexpr uint64_t kBlockBytes = uint64_t{1} << 20;

struct Size {
  uint64_t rows = 0, cols = 0;
};

// Lines of a file, without their ends.
class Lines {
 public:
  explicit Lines(const File& file) : file_(file) {}

  bool next() {
    if (at_ == file_.size()) return false;
    begin_ = at_;
    line_.clear();
    while (at_ < file_.size()) {
      if (at_ - block_begin_ >= block_.size()) refill();
      const auto rest = as_text(block_).substr(at_ - block_begin_);
      const size_t length = std::min(rest.find('\n'), rest.size());
      if (line_.size() + length > kMaxLineBytes) {
        bad(fmt::format("the line at byte {} is longer than {} bytes", begin_, kMaxLineBytes));
      }
      line_.append(rest.substr(0, length));
      at_ += length;
      if (length < rest.size()) {
        ++at_;
        break;
      }
    }
    if (line_.ends_with('\r')) line_.pop_back();
    return true;
  }
  std::string_view line() const { return line_; }
  uint64_t begin() const { return begin_; }

 private:
  void refill() {
    block_begin_ = at_;
    block_ = file_.read(at_, std::min(kBlockBytes, file_.size() - at_));
  }

  const File& file_;
  std::vector<std::byte> block_;
  uint64_t block_begin_ = 0, at_ = 0, begin_ = 0;
  std::string line_;
};

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Takes the last field off a line, "" when there is none. Words may hold spaces, numbers do not: the end comes first.
std::string_view take_last(std::string_view& line) {
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  size_t begin = line.size();
  while (begin > 0 && !is_space(line[begin - 1])) --begin;
  const std::string_view out = line.substr(begin);
  line.remove_suffix(out.size());
  return out;
}

std::optional<float> parse_float(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  float value = 0;
  auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range) {  // 1e-50 is zero, 1e50 is infinite
    double wide = 0;
    result = std::from_chars(text.data(), text.data() + text.size(), wide);
    value = static_cast<float>(wide);
  }
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || text.empty()) return {};
  return value;
}

// "rows cols"
std::optional<Size> parse_size(std::string_view line) {
  Size out;
  const char* end = line.data() + line.size();
  const auto rows = std::from_chars(line.data(), end, out.rows);
  if (rows.ec != std::errc() || rows.ptr == end || !is_space(*rows.ptr)) return {};
  const auto cols = std::from_chars(rows.ptr + 1, end, out.cols);
  if (cols.ec != std::errc()) return {};
  while (line.data() + line.size() > cols.ptr && is_space(line.back())) line.remove_suffix(1);
  if (cols.ptr != line.data() + line.size() || out.rows == 0 || out.cols == 0) return {};
  return out;
}

// A matrix of float32 whose rows are somewhere in a file, in order.
class RowsFile : public File {
 public:
  RowsFile(std::shared_ptr<const File> file, std::vector<uint64_t> begins, uint64_t cols)
      : File(file->label(), begins.size() * cols * sizeof(float)),
        file_(std::move(file)),
        begins_(std::move(begins)),
        row_bytes_(cols * sizeof(float)) {}

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const uint64_t row = offset / row_bytes_, skip = offset % row_bytes_;
      const uint64_t last = std::min((offset + out.size() - 1) / row_bytes_, block_end(row));
      std::vector<std::byte> values((last - row + 1) * row_bytes_);
      read_rows(row, last, values);
      const size_t count = std::min<size_t>(out.size(), values.size() - skip);
      std::memcpy(out.data(), values.data() + skip, count);
      offset += count;
      out = out.subspan(count);
    }
  }
  virtual void read_rows(uint64_t first, uint64_t last, std::span<std::byte> out) const = 0;

  const std::shared_ptr<const File> file_;
  const std::vector<uint64_t> begins_;
  const uint64_t row_bytes_;

 private:
  uint64_t block_end(uint64_t row) const { return row + kBlockBytes / row_bytes_; }
};

class BinaryRows : public RowsFile {
 public:
  using RowsFile::RowsFile;

 protected:
  void read_rows(uint64_t first, uint64_t last, std::span<std::byte> out) const override {
    const auto bytes = file_->read(begins_[first], begins_[last] + row_bytes_ - begins_[first]);
    for (uint64_t i = first; i <= last; ++i) {
      std::memcpy(out.data() + (i - first) * row_bytes_, bytes.data() + (begins_[i] - begins_[first]), row_bytes_);
    }
  }
};

class TextRows : public RowsFile {
 public:
  using RowsFile::RowsFile;

 protected:
  void read_rows(uint64_t first, uint64_t last, std::span<std::byte> out) const override {
    while (first <= last) {
      uint64_t next = first + 1;  // lines [first, next) are read at once
      while (next <= last && begin_of(next + 1) - begins_[first] <= kBlockBytes) ++next;
      const uint64_t end = std::min(begin_of(next), begins_[next - 1] + kMaxLineBytes + 2);
      const auto bytes = file_->read(begins_[first], end - begins_[first]);
      for (uint64_t i = first; i < next; ++i) {
        parse_row(as_text(bytes).substr(begins_[i] - begins_[first]), begins_[i], out.first(row_bytes_));
        out = out.subspan(row_bytes_);
      }
      first = next;
    }
  }

 private:
  uint64_t begin_of(uint64_t row) const { return row < begins_.size() ? begins_[row] : file_->size(); }

  void parse_row(std::string_view line, uint64_t begin, std::span<std::byte> out) const {
    line = line.substr(0, line.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    for (uint64_t j = out.size() / sizeof(float); j-- > 0;) {
      const std::string_view text = take_last(line);
      const auto value = parse_float(text);
      if (!value) bad(fmt::format("line at byte {}: value {} is {}, no number", begin, j, printable(text)));
      std::memcpy(out.data() + j * sizeof(float), &*value, sizeof(float));
    }
  }
};

template <class Rows>
Index index_of(const std::shared_ptr<const File>& file, std::vector<uint64_t> begins, uint64_t cols,
               std::vector<std::string> words) {
  TensorInfo tensor;
  tensor.name = "vectors";
  tensor.dtype_text = "F32";
  tensor.shape = {begins.size(), cols};
  Index index;
  index.layout = Index::Layout::apart;
  index.parts.push_back(std::make_shared<Rows>(file, std::move(begins), cols));
  tensor.file = 1;
  tensor.end = index.parts[0]->size();
  index.tensors.push_back(std::move(tensor));
  index.tokens = std::move(words);
  return index;
}

// Rows need bytes of their own, so that a header cannot ask for more memory than a small multiple of the file.
void check_size(const Size& size, uint64_t least_row_bytes, uint64_t bytes_left) {
  if (size.rows > bytes_left / least_row_bytes) {
    bad(fmt::format("header: {} vectors of {} numbers need at least {} bytes each, the file has {} left", size.rows,
                    size.cols, least_row_bytes, bytes_left));
  }
}

Index parse_binary(const std::shared_ptr<const File>& file, const Size& size, uint64_t header_bytes) {
  const uint64_t row_bytes = checked_mul(size.cols, sizeof(float), "size of a row");
  check_size(size, checked_add(row_bytes, 1, "size of a row"), file->size() - header_bytes);
  std::vector<uint64_t> begins;
  std::vector<std::string> words;
  begins.reserve(size.rows);
  words.reserve(size.rows);
  ByteReader reader(*file, header_bytes, kBlockBytes);
  for (uint64_t i = 0; i < size.rows; ++i) {
    std::string word;
    for (char c; (c = static_cast<char>(reader.read<uint8_t>("word"))) != ' ';) {
      if (c == '\n' && word.empty()) continue;  // word2vec ends rows with a newline, gensim does not
      word += c;
      if (word.size() > kMaxWordBytes) {
        bad(fmt::format("row {}: a word of more than {} bytes ends at byte {}", i, kMaxWordBytes, reader.offset()));
      }
    }
    words.push_back(std::move(word));
    begins.push_back(reader.offset());
    reader.skip(row_bytes, "vector");
  }
  while (reader.bytes_left() > 0) {
    if (reader.read<uint8_t>("end") != '\n') {
      bad(fmt::format("{} bytes after the last vector, from byte {}", reader.bytes_left() + 1, reader.offset() - 1));
    }
  }
  return index_of<BinaryRows>(file, std::move(begins), size.cols, std::move(words));
}

// How many numbers a line ends with; its first field is a word even when it looks like one.
uint64_t count_numbers(std::string_view line) {
  uint64_t out = 0;
  for (std::string_view rest = line; parse_float(take_last(rest)); line = rest) ++out;
  return line.find_first_not_of(" \t") == std::string_view::npos && out > 0 ? out - 1 : out;
}

// header: what the first line says, when it is one.
Index parse_text(const std::shared_ptr<const File>& file, std::optional<Size> header) {
  Lines lines(*file);
  std::vector<uint64_t> begins;
  std::vector<std::string> words;
  if (header) lines.next();
  uint64_t cols = header ? header->cols : 0;
  while (lines.next()) {
    if (lines.line().find_first_not_of(" \t") == std::string_view::npos) continue;
    if (cols == 0) cols = count_numbers(lines.line());
    if (cols == 0) bad(fmt::format("the line at byte {} has no numbers: {}", lines.begin(), printable(lines.line())));
    std::string_view rest = lines.line();
    for (uint64_t j = cols; j-- > 0;) {
      if (const auto text = take_last(rest); !parse_float(text)) {
        bad(fmt::format("line at byte {}: expected {} numbers at its end, value {} is {}", lines.begin(), cols, j,
                        printable(text)));
      }
    }
    while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
    words.emplace_back(rest);
    begins.push_back(lines.begin());
  }
  if (begins.empty()) bad("no line has a word and its numbers");
  if (header && header->rows != begins.size()) {
    bad(fmt::format("the header says {} vectors, the file has {}", header->rows, begins.size()));
  }
  return index_of<TextRows>(file, std::move(begins), cols, std::move(words));
}

// Numbers after the first field of the first line, 0 when anything else is among them.
size_t numbers_after_word(std::string_view text, bool whole) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos && !whole) take_last(line);  // perhaps cut
  if (line.ends_with('\r')) line.remove_suffix(1);
  line.remove_prefix(std::min(line.find_first_of(" \t"), line.size()));
  size_t out = 0;
  for (auto field = take_last(line); !field.empty(); field = take_last(line), ++out) {
    if (!parse_float(field)) return 0;
  }
  return out;
}

struct Start {
  std::optional<Size> size;  // of the header
  uint64_t header_bytes = 0;
  bool text = false;
};
Start look(std::span<const std::byte> bytes, bool whole) {
  const std::string_view text = as_text(bytes);
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view first = text.substr(0, end);
  if (first.ends_with('\r')) first.remove_suffix(1);
  Start out;
  if (end < text.size()) out.size = parse_size(first);
  if (out.size) out.header_bytes = end + 1;
  const size_t numbers = numbers_after_word(text.substr(out.header_bytes), whole);
  // Without a header, lines of nothing but numbers are some other table.
  const bool word = !parse_float(first.substr(0, first.find_first_of(" \t")));
  out.text = out.size ? numbers >= 1 : numbers >= 2 && word;
  return out;
}

}  // namespace

bool is_word2vec(const FileStart& start) {
  const Start found = look(start.bytes, start.bytes.size() == start.file_bytes);
  const auto named = [&](std::string_view a, std::string_view b) {
    return start.name.ends_with(a) || start.name.ends_with(b);
  };
  if (!found.size) return found.text && named(".txt", ".vec");
  if (named(".bin", ".vec")) return true;  // even when it is cut short
  uint64_t least = found.size->cols;
  if (__builtin_mul_overflow(least, found.text ? 2 : sizeof(float), &least)) return false;
  return found.size->rows <= (start.file_bytes - found.header_bytes) / (least + 1);
}

Index parse_word2vec(const std::shared_ptr<const File>& file) {
  const auto bytes = file->read(0, std::min<uint64_t>(file->size(), 4096));
  const Start found = look(bytes, bytes.size() == file->size());
  if (found.text) return parse_text(file, found.size);
  if (!found.size)
    bad("no word vectors: the first line is neither 'number-of-words number-of-values' nor a word and numbers");
  return parse_binary(file, *found.size, found.header_bytes);
}

}  // namespace superpose::checkpoint
