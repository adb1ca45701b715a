// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "superpose/checkpoint/damage.h"

namespace superpose::checkpoint {
namespace {

struct Entry {
  std::string word;
  std::vector<float> values;
};
const std::vector<Entry> kEntries = {
    {"the", {1, -2.5f, 3}}, {"\xf0\x9f\x87\xb8", {0.1f, 1e-30f, 5}}, {"10", {6, 7, -0.0f}}};

Bytes binary(const std::vector<Entry>& entries, std::string_view header, bool newlines) {
  Bytes out = bytes_of(header);
  for (const auto& [word, values] : entries) {
    append(out, word + " ");
    append(out, as_text(bytes_of(values)));
    if (newlines) append(out, std::string_view("\n"));
  }
  return out;
}

void expect_entries(const Checkpoint& file, const std::vector<Entry>& entries) {
  EXPECT_EQ(file.format(), "word2vec");
  ASSERT_EQ(file.tensors().size(), 1u);
  const auto W = file.load<float>(*file.find("vectors"));
  ASSERT_EQ(W.rows(), entries.size());
  ASSERT_EQ(W.cols(), entries[0].values.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(file.tokens()[i], entries[i].word);
    for (size_t j = 0; j < W.cols(); ++j) EXPECT_EQ(W(i, j), entries[i].values[j]) << i << " " << j;
  }
}

TEST(Word2vec, binary_with_and_without_newlines) {
  for (const bool newlines : {false, true}) {
    const auto file = open_one("w.bin", binary(kEntries, "3 3\n", newlines));
    expect_entries(file, kEntries);
    EXPECT_EQ(resolve_heads(file)[0].role, "matrix");
    std::vector<float> row(3);
    file.rows(file.tensors()[0])->read(1, 1, row.data());
    EXPECT_EQ(row, kEntries[1].values);
  }
  expect_entries(open_one("noname", binary(kEntries, "3 3\n", false)), kEntries);
}

// Rows far apart and of a size that no block is a multiple of.
TEST(Word2vec, binary_of_many_rows) {
  std::vector<Entry> entries;
  for (int i = 0; i < 3000; ++i) {
    Entry entry{std::string(static_cast<size_t>(i % 7 + 1), 'x'), {}};
    for (int j = 0; j < 301; ++j) entry.values.push_back(static_cast<float>(i * 301 + j));
    entries.push_back(entry);
  }
  const auto file = open_one("w.bin", binary(entries, "3000 301\n", true));
  expect_entries(file, entries);
  std::vector<float> rows(2 * 301);
  file.rows(file.tensors()[0])->read(2998, 2, rows.data());
  EXPECT_EQ(rows[0], entries[2998].values[0]);
  EXPECT_EQ(rows[601], entries[2999].values[300]);
}

TEST(Word2vec, text_with_a_header) {
  const std::string lines = "the 1 -2.5 3\n\xf0\x9f\x87\xb8 0.1 1e-30 5 \n10 6 +7 -0";
  expect_entries(open_one("w.vec", bytes_of("3 3\n" + lines)), kEntries);
  expect_entries(open_one("w.txt", bytes_of("3 3\n" + lines + "\n\n")), kEntries);
  expect_entries(open_one("w", bytes_of("3 3\r\nthe 1 -2.5 3\r\n\xf0\x9f\x87\xb8\t0.1\t1e-30\t5\r\n10 6 7 -0\r\n")),
                 kEntries);
}

TEST(Word2vec, glove_has_no_header_and_its_words_may_hold_spaces) {
  const auto file = open_one("glove.txt", bytes_of("the 1 2\n. . . 3 4\n5 6 7\nsmall 1e-50 8\n"));
  const std::vector<Entry> entries = {{"the", {1, 2}}, {". . .", {3, 4}}, {"5", {6, 7}}, {"small", {0, 8}}};
  expect_entries(file, entries);
  expect_error(ErrorKind::unsupported, "not recognised", [] { open_one("w", bytes_of("the 1 2\nof 3 4\n")); });
  expect_error(ErrorKind::unsupported, "not recognised", [] { open_one("w.txt", bytes_of("a text of words\n")); });
  expect_error(ErrorKind::unsupported, "not recognised", [] { open_one("w.txt", bytes_of("1 2 3\n4 5 6\n")); });
}

TEST(Word2vec, defects) {
  const auto refused = [](const std::string& name, std::string_view fragment, const Bytes& bytes) {
    expect_error(ErrorKind::bad_file, fragment, [&] { open_one(name, bytes); });
  };
  const Bytes intact = binary(kEntries, "3 3\n", true);
  refused("w.bin", "4 vectors of 3 numbers need at least 13 bytes each", binary(kEntries, "4 3\n", false));
  refused("w.bin", "vectors of 100 numbers", binary(kEntries, "3 100\n", true));
  refused("w.bin", "bytes after the last vector", binary(kEntries, "2 3\n", true));
  refused("w.bin", "need at least", binary({}, "18446744073709551615 1\n", true));
  refused("w.bin", "overflows 64 bits", binary({}, "1 18446744073709551615\n", true));
  refused("w.bin", "overflows 64 bits", binary({}, "1 4611686018427387904\n", true));
  refused("w.bin", "a word of more than 4096 bytes", binary({{std::string(5000, 'w'), {1, 2, 3}}}, "1 3\n", true));
  refused("w.vec", "the header says 3 vectors, the file has 2", bytes_of("3 2\na 1 2\nb 3 4\n"));
  refused("w.vec", "line at byte 10: expected 2 numbers at its end, value 1 is \"x\"", bytes_of("2 2\na 1 2\nb 3 x\n"));
  refused("w.vec", "value 0 is \"\"", bytes_of("2 2\na 1 2\n3\n"));
  refused("w.vec", "neither", bytes_of("words without numbers\n"));
  refused("w.txt", "value 0 is \"b\"", bytes_of("a 1 2\nb 3\n"));
  expect_error(ErrorKind::bad_file, "element [1, 0] is NaN", [] {
    const auto file = open_one("w.vec", bytes_of("2 2\na 1 2\nb nan 4\n"));
    file.load<float>(file.tensors()[0]);
  });
  expect_error(ErrorKind::bad_file, "infinite", [] {
    const auto file = open_one("w.vec", bytes_of("1 2\na 1 1e99\n"));
    file.load<float>(file.tensors()[0]);
  });
}

TEST(Word2vec, every_cut_and_every_changed_byte_is_survived) {
  EXPECT_LE(expect_survives_damage("w.bin", binary(kEntries, "3 3\n", true)), 1u);  // only the last newline may be cut
  expect_survives_damage("w.vec", bytes_of("2 2\na 1 2\nb 3 4\n"));
  expect_survives_damage("w.txt", bytes_of("a 1 2\nb 3 4\n"));
}

TEST(Word2vec, emoji2vec) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
  const auto file = Checkpoint::open(std::filesystem::path(data) / "weights/emoji2vec.bin");
  const auto W = file.load<double>(file.tensors()[0]);
  ASSERT_EQ(W.rows(), 1661u);
  ASSERT_EQ(W.cols(), 300u);
  EXPECT_EQ(file.tokens()[0], "\xf0\x9f\x87\xb8\xf0\x9f\x87\xb0");
  double squares = 0;
  for (size_t k = 0; k < 1661 * 300; ++k) squares += W.data()[k] * W.data()[k];
  EXPECT_NEAR(squares / 1661, 1, 1e-6);  // its vectors have norm 1
}

}  // namespace
}  // namespace superpose::checkpoint
