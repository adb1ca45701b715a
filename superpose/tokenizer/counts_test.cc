// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/tokenizer/tokenizer.h"

namespace superpose::tokenizer {
namespace {

std::string failure(std::string_view text, uint64_t n = 10) {
  try {
    parse_counts(text, n, "c.tsv");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    return error.what();
  }
  return "no error";
}

TEST(Counts, TablesWithAnySeparatorAndAHeaderOrNone) {
  const std::vector<double> expected{0, 5, 0, 2.5};
  for (const char* text :
       {"1\t5\n3\t2.5\n", "id,count\n3,2.5\n1,5",
        "\xef\xbb\xbf# made by hand\r\n\r\ntoken_id count\r\n1   5\r\n3 2.5e0\r\n", "1;5\n3;2.5\n0;0\n"}) {
    const Counts counts = parse_counts(text, 4, "c.tsv");
    EXPECT_EQ(counts.per_id, expected) << text;
    EXPECT_EQ(counts.total, 7.5);
    EXPECT_EQ(counts.seen, 2u);
    EXPECT_EQ(counts.source, "c.tsv");
  }
}

TEST(Counts, RefusalsNameTheLine) {
  EXPECT_EQ(failure("1 5\n10 1\n"),
            "c.tsv: line 2: id 10, but the matrix has 10 rows (ids 0 to 9): these counts belong to another tokenizer");
  EXPECT_EQ(failure("id count\n1 5\n2 1\n1 4\n"), "c.tsv: line 4: id 1 stands on line 2 already");
  EXPECT_EQ(failure("1 -5\n"), "c.tsv: line 1: the count of id 1 is \"-5\", not a number from 0 on");
  for (const char* count : {"nan", "inf", "1e999", "five", "5x"}) {
    EXPECT_NE(failure(std::string("0 1\n1 ") + count).find("c.tsv: line 2: the count of id 1"), std::string::npos)
        << count;
  }
  EXPECT_EQ(failure("1 2 3\n"), "c.tsv: line 1: expected \"id count\", found 3 fields");
  EXPECT_EQ(failure("7\n"), "c.tsv: line 1: expected \"id count\", found 1 fields");
  EXPECT_EQ(failure("the 5\nof 4\n"), "c.tsv: line 2: \"of\" is no token id");
  for (const char* id : {"-1", "1.5", "99999999999999999999"}) {
    EXPECT_NE(failure(std::string(id) + " 5").find("is no token id"), std::string::npos) << id;
  }
  for (const char* text : {"", "id count\n", "1 0\n"}) {
    EXPECT_NE(failure(text).find("no count above zero"), std::string::npos) << text;
  }
  EXPECT_NE(failure("0 1e308\n1 1e308\n").find("beyond all numbers"), std::string::npos);
  EXPECT_THROW(parse_counts("0 1", 0, "c"), Error);
  EXPECT_THROW(parse_counts("0 1", kMostIds + 1, "c"), Error);
}

TEST(Counts, RealTables) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set: no real tables";
  const std::filesystem::path folder = data;
  const Counts gpt2 = read_counts(folder / "corpora/tokfreq_gpt2_wikitext2_valid_test.tsv", 50257);
  EXPECT_EQ(gpt2.seen, 18011u);
  EXPECT_EQ(gpt2.per_id[262], 26641);
  EXPECT_EQ(std::accumulate(gpt2.per_id.begin(), gpt2.per_id.end(), 0.0), gpt2.total);
  const Counts stories = read_counts(folder / "weights/stories260K_token_counts_200stories.tsv", 512);
  EXPECT_EQ(stories.seen, 220u);
  EXPECT_EQ(stories.per_id[1], 200);
  EXPECT_THROW(read_counts(folder / "weights/stories260K_token_counts_200stories.tsv", 511), Error);
}

}  // namespace
}  // namespace superpose::tokenizer
