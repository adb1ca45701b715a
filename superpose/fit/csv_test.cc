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

TEST(Csv, semicolons_separate_when_the_header_has_nothing_else) {
  const auto table = read_table("m;loss;name\n8;1.5;\"a;b\"\n", "t");
  EXPECT_EQ(table.numbers("loss"), std::vector<double>{1.5});
  EXPECT_EQ(table.strings("name"), std::vector<std::string>{"a;b"});
  EXPECT_EQ(read_table("a;b,c\n1,2\n", "t").names, (std::vector<std::string>{"a;b", "c"}));
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

TEST(Csv, a_cell_that_is_no_number_comes_with_the_filter_that_leaves_it_out) {
  const auto table = read_table("Model Size,loss\n1,\n,2\n", "t");
  expect_error(ErrorKind::bad_file, "'' is not a finite number (row 1); --where 'loss!=\"\"' leaves such rows out",
               [&] { table.numbers("loss"); });
  expect_error(ErrorKind::bad_file, "--where '`Model Size`!=\"\"'", [&] { table.numbers("Model Size"); });
  EXPECT_TRUE(table.has("loss"));
  EXPECT_FALSE(table.has("los"));
}

// What every layout of JSON below says.
void expect_the_table(const Table& table) {
  EXPECT_EQ(table.names, (std::vector<std::string>{"name", "m", "loss", "n"}));
  EXPECT_EQ(table.strings("name"), (std::vector<std::string>{"a \"b\"", "c"}));
  EXPECT_EQ(table.strings("m"), (std::vector<std::string>{"64", ""}));
  EXPECT_EQ(table.strings("loss"), (std::vector<std::string>{"3.10", "-1e-7"})) << "digits as they were written";
  EXPECT_EQ(table.strings("n"), (std::vector<std::string>{"true", "123456789012345678901234567890"}));
}

TEST(Json, an_array_of_objects_an_object_of_arrays_and_lines_are_one_table) {
  const auto rows = read_table(
      "\n [{\"name\":\"a \\\"b\\\"\",\"m\":64,\"loss\":3.10,\"n\":true},\n"
      "{\"n\":123456789012345678901234567890,\"loss\":-1e-7,\"name\":\"c\",\"m\":null}]",
      "t");
  expect_the_table(rows);
  EXPECT_TRUE(rows.lines.empty());
  expect_error(ErrorKind::bad_file, "row 2: column m: '' is not a finite number", [&] { rows.numbers("m"); });
  expect_the_table(
      read_table("{\"name\":[\"a \\\"b\\\"\",\"c\"],\"m\":[64,null],\"loss\":[3.10,-1e-7],\n"
                 "\"n\":[true,123456789012345678901234567890]}",
                 "t"));
  const auto lines = read_table(
      "\xEF\xBB\xBF{\"name\":\"a \\\"b\\\"\",\"m\":64,\"loss\":3.10,\"n\":true}\r\n\r\n"
      "{\"name\":\"c\",\"loss\":-1e-7,\"n\":123456789012345678901234567890}\n",
      "t");
  expect_the_table(lines);
  EXPECT_EQ(lines.lines, (std::vector<size_t>{1, 3}));
  expect_error(ErrorKind::bad_file, "line 3: column m: '' is not", [&] { lines.numbers("m"); });
}

TEST(Json, one_object_of_single_values_is_one_row) {
  for (const char* text : {"{\"m\":64,\"loss\":3}", "{\n \"m\": 64,\n \"loss\": 3\n}\n"}) {
    const auto table = read_table(text, "t");
    EXPECT_EQ(table.rows(), 1u);
    EXPECT_EQ(table.numbers("loss"), std::vector<double>{3});
  }
}

TEST(Json, keys_that_come_late_are_columns_with_empty_cells_before) {
  const auto table = read_table("{\"m\":1}\n{\"m\":2,\"x\":5}\n{\"x\":6}\n", "t");
  EXPECT_EQ(table.strings("m"), (std::vector<std::string>{"1", "2", ""}));
  EXPECT_EQ(table.strings("x"), (std::vector<std::string>{"", "5", "6"}));
}

TEST(Json, names_the_place_of_every_defect) {
  const auto bad = [](const std::string& text, const std::string& fragment) {
    expect_error(ErrorKind::bad_file, fragment, [&] { read_table(text, "t.json"); });
  };
  bad("[]", "t.json: no rows");
  bad("{}", "no rows");
  bad("[{},{}]", "no rows");
  bad("[1]", "row 1: found \"1\", expected an object");
  bad("[[1]]", "row 1: found an array, expected an object");
  bad("[{\"m\":1},{\"m\":[1]}]", "row 2: key \"m\": an array as a cell");
  bad("[{\"m\":{\"a\":1}}]", "row 1: key \"m\": an object as a cell");
  bad("{\"m\":1}\n{\"m\":{}}", "line 2: key \"m\": an object as a cell");
  bad("{\"m\":{\"0\":1}}", "key \"m\": an object as a column; expected an array");
  bad("{\"m\":[1,[2]]}", "key \"m\": an array as a cell");
  bad("{\"m\":[1,2],\"loss\":[1]}", "key \"loss\": 1 cells, but \"m\" has 2");
  bad("{\"m\":[1,2],\"loss\":3}", "key \"loss\": a single value, but \"m\" is an array");
  bad("[{\"m\":1,\"m\":2}]", "row 1: key \"m\" is named twice");
  bad("{\"m\":[1],\"m\":[2]}", "key \"m\" is named twice");
  bad("[{\"\":1}]", "a key without a name");
  bad("[{\"m\":\"\\u0000\"}]", "a text with a character 0");
  bad("{\"m\":1}\n{\"m\":NaN}\n", "line 2: not valid JSON at byte 6 of the line: syntax error");
  bad("{\"m\":1}\n{\"m\":NaN}\n", "JSON has no NaN");
  bad("[{\"m\":1},\n {\"m\":-Infinity}]", "line 2: not valid JSON");
  bad("[{\"m\":1e999}]", "line 1: not valid JSON");
  bad("[{\"m\":1}", "line 1: not valid JSON");
  bad("[{\"m\":1}] x", "line 1: not valid JSON");
  bad("{\"m\":1}\n{\"m\":2}\nm", "line 3: begins with \"m\", expected one object per line");
  bad("{\"m\":\"\xff\"}", "not valid JSON");
  bad(std::string(1 << 20, '['), "found an array");
  std::string deep = "{\"m\":1}\n{\"m\":";
  bad(deep.append(1 << 20, '['), "line 2: key \"m\": an array as a cell");
}

// 4000 rows that each bring a key of their own: 16 million cells from 50 kB.
TEST(Json, many_sparse_columns_are_refused_before_memory_is_taken) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "{\"k" + std::to_string(i) + "\":1}\n";
  expect_error(ErrorKind::bad_file, "more than 4000000 cells", [&] { read_table(text, "t"); });
}

TEST(Json, any_bytes_give_a_table_or_a_bad_file) {
  constexpr std::string_view kWords[] = {"{",     "}", "[",    "]",  ",", ":",  "\"m\"",
                                         "\"l\"", "1", "null", "\n", "-", "\"", "\xff"};
  for (uint32_t i = 0; i < 20000; ++i) {
    RandomBlocks blocks(8, RandomStream::fresh_data, i);
    std::string text(i % 2 ? "[{" : "{\"m\"");
    for (uint32_t k = 0, n = blocks.next()[0] % 20; k < n; ++k) text += kWords[blocks.next()[0] % std::size(kWords)];
    try {
      const auto table = read_table(text, "t");
      for (const auto& column : table.text) EXPECT_EQ(column.size(), table.rows());
      EXPECT_GT(table.rows(), 0u);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::bad_file);
    }
  }
}

}  // namespace
}  // namespace superpose::fit
