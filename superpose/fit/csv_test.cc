// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

void expect_error(ErrorKind kind, const std::string& fragment, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected: " << fragment;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_NE(std::string(e.what()).find(fragment), std::string::npos) << e.what();
  }
}

TEST(Csv, reads_comments_quotes_blank_lines_and_either_line_end) {
  const auto table =
      read_table("\xEF\xBB\xBF# source\r\nm, loss ,name\r\n\r\n8,1.5,\"a, \"\"b\"\"\nc\"\r\n# no\n16, +2e0,d", "t");
  ASSERT_EQ(table.names, (std::vector<std::string>{"m", "loss", "name"}));
  EXPECT_EQ(table.numbers("m"), (std::vector<double>{8, 16}));
  EXPECT_EQ(table.numbers("loss"), (std::vector<double>{1.5, 2}));
  EXPECT_EQ(table.strings("name"), (std::vector<std::string>{"a, \"b\"\nc", "d"}));
  EXPECT_EQ(table.lines, (std::vector<size_t>{4, 7}));
}

TEST(Csv, tabs_separate_when_the_header_has_tabs_and_no_comma) {
  EXPECT_EQ(read_table("a\tb\n1\t2\n", "t").numbers("b"), std::vector<double>{2});
}

TEST(Csv, names_the_place_of_every_defect) {
  const auto bad = [](const std::string& text, const std::string& fragment) {
    expect_error(ErrorKind::bad_file, fragment, [&] { read_table(text, "t.csv"); });
  };
  bad("", "t.csv: no header line");
  bad("# only a comment\n", "no header line");
  bad("m,loss\n", "a header line but no rows");
  bad("m,loss\n1,2\n3\n", "line 3: 1 fields, the header has 2");
  bad("m,loss\n1,2,\n", "line 2: 3 fields");
  bad("m,m\n1,2\n", "column m is named twice");
  bad("m,,\n1,2,3\n", "column 2 has no name");
  bad("m\n\"1\n", "line 2: a quote is opened and never closed");
  bad("m\n\"1\"2\n", "text follows a closing quote");
  bad(std::string("m\n1\0\n", 5), "byte 3 is 0");
}

TEST(Csv, a_cell_that_is_no_finite_number_is_a_bad_file_and_an_unknown_column_is_usage) {
  for (const char* cell : {"abc", "", "nan", "inf", "1e999", "0x10", "1 2", "1;", "--1", "+-1"}) {
    const auto table = read_table(std::string("# c\nm,loss\n1,2\n3,") + cell + "\n", "t");
    expect_error(ErrorKind::bad_file, "line 4: column loss: '", [&] { table.numbers("loss"); });
  }
  const auto table = read_table("m,loss\n1,2\n", "t");
  expect_error(ErrorKind::usage, "no column los (did you mean loss?)", [&] { table.numbers("los"); });
}

// Any bytes: a table, or Error{bad_file}; under the sanitizers of the dev preset also no read out of bounds.
TEST(Csv, any_bytes_give_a_table_or_a_bad_file) {
  constexpr std::string_view kAlphabet = "a1,\"\n\r\t#. \xEF";
  for (uint32_t i = 0; i < 20000; ++i) {
    RandomBlocks blocks(7, RandomStream::fresh_data, i);
    std::string text;
    for (uint32_t k = 0, n = blocks.next()[0] % 40; k < n; ++k) text += kAlphabet[blocks.next()[0] % kAlphabet.size()];
    try {
      const auto table = read_table(text, "t");
      for (const auto& column : table.text) EXPECT_EQ(column.size(), table.rows());
      EXPECT_GT(table.rows(), 0u);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::bad_file);
    }
  }
}

TEST(Select, guesses_columns_says_so_and_honours_the_window) {
  const auto table = read_table("model,width,loss\na,8,5\nb,16,4\nb,32,3\nc,64,3\nd,128,1\n", "t");
  const Law& law = find_law("width");
  EXPECT_EQ(select(table, law, {}).x, "width");
  EXPECT_EQ(select(table, law, {}).notes.size(), 3u) << "x, y, and models that come twice";
  EXPECT_EQ(select(table, law, {.min_x = 16, .max_x = 64}).data.y, (std::vector<double>{4, 3, 3}));
  // Strictly below the k-th highest: the tie at 3 is dropped with the third.
  EXPECT_EQ(select(table, law, {.drop_highest = 2}).data.y, (std::vector<double>{3, 3, 1}));
  EXPECT_EQ(select(table, law, {.drop_highest = 3}).data.y, std::vector<double>{1});
  EXPECT_EQ(select(table, law, {.group = {"model", "width"}}).data.group[1], "b/16");
  expect_error(ErrorKind::usage, "no row is left", [&] { select(table, law, {.min_x = 1000}); });
  expect_error(ErrorKind::usage, "only 5 rows", [&] { select(table, law, {.drop_highest = 6}); });
  expect_error(ErrorKind::usage, "drop-highest = -1", [&] { select(table, law, {.drop_highest = -1}); });
  expect_error(ErrorKind::usage, "did you mean model", [&] { select(table, law, {.cluster = "modle"}); });
  expect_error(ErrorKind::usage, "no parameter per group",
               [&] { select(table, find_law("power"), {.group = {"model"}}); });
  const auto unusual = read_table("a,b\n1,2\n", "t");
  expect_error(ErrorKind::usage, "which column is x", [&] { select(unusual, law, {}); });
}

TEST(Laws, unknown_ones_are_usage_and_planned_ones_unsupported) {
  expect_error(ErrorKind::usage, "did you mean width?", [] { find_law("widht"); });
  expect_error(ErrorKind::unsupported, "power (y = C/x^alpha)", [] { find_law("chinchilla"); });
  expect_error(ErrorKind::unsupported, "not in this version", [] { find_law("width-depth-data"); });
}

}  // namespace
}  // namespace superpose::fit
