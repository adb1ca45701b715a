// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <functional>

#include "superpose/base/error.h"
#include "superpose/fit/columns.h"
#include "superpose/fit/fit.h"
#include "superpose/fit/where.h"

namespace superpose::fit {
namespace {

using Strings = std::vector<std::string>;
using Doubles = std::vector<double>;

void expect_error(ErrorKind kind, const std::string& fragment, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected: " << fragment;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_NE(std::string(e.what()).find(fragment), std::string::npos) << e.what();
  }
}

Law law_of(Strings inputs, Objective objective = Objective::squares) {
  return {.name = "some", .formula = "", .objective = objective, .inputs = std::move(inputs)};
}
Law width() {
  Law law = law_of({"m"});
  law.groups = true;
  return law;
}
const Law kVocabulary = law_of({"N", "V", "d", "D"});

// A table of one row under this header: the cells are 1, 2, 3, ...
Table under(const std::string& header) {
  std::string row;
  for (size_t i = 0, n = static_cast<size_t>(std::count(header.begin(), header.end(), ',')) + 1; i < n; ++i) {
    row += (i ? "," : "") + std::to_string(i + 1);
  }
  return read_table(header + "\n" + row + "\n", "t");
}

TEST(Select, guesses_columns_says_so_and_honours_the_window) {
  const auto table = read_table("model,width,loss\na,8,5\nb,16,4\nb,32,3\nc,64,3\nd,128,1\n", "t");
  const Law law = width();
  EXPECT_EQ(select(table, law, {}).x, "width");
  EXPECT_EQ(select(table, law, {}).notes,
            (Strings{"m is column width", "y is column loss",
                     "5 rows share 4 values of column model but count as independent; --cluster model resamples them "
                     "together"}));
  EXPECT_EQ(select(table, law, {.min_x = 16, .max_x = 64}).data.y, (Doubles{4, 3, 3}));
  // Strictly below the k-th highest: the tie at 3 is dropped with the third.
  EXPECT_EQ(select(table, law, {.drop_highest = 2}).data.y, (Doubles{3, 3, 1}));
  EXPECT_EQ(select(table, law, {.drop_highest = 3}).data.y, Doubles{1});
  EXPECT_EQ(select(table, law, {.group = {"model", "width"}}).data.group[1], "b/16");
  EXPECT_EQ(select(table, law, {.cluster = "model", .min_x = 32}).data.cluster, (Strings{"b", "c", "d"}));
  EXPECT_EQ(select(table, law, {.cluster = "model"}).data.unit, "clusters (model)");
  expect_error(ErrorKind::usage, "no row is left", [&] { select(table, law, {.min_x = 1000}); });
  expect_error(ErrorKind::usage, "m runs from 8 to 128", [&] { select(table, law, {.min_x = 1000}); });
  expect_error(ErrorKind::usage, "only 5 rows", [&] { select(table, law, {.drop_highest = 6}); });
  expect_error(ErrorKind::usage, "drop-highest = -1", [&] { select(table, law, {.drop_highest = -1}); });
  expect_error(ErrorKind::usage, "did you mean model", [&] { select(table, law, {.cluster = "modle"}); });
  expect_error(ErrorKind::usage, "no parameter per group", [&] { select(table, law_of({"m"}), {.group = {"model"}}); });
}

TEST(Select, what_cannot_be_guessed_is_asked_for_by_its_flag) {
  const auto unusual = read_table("a,b\n1,2\n", "t");
  expect_error(ErrorKind::usage, "which column is m? None of a, b has a usual name (m, width,",
               [&] { select(unusual, width(), {}); });
  expect_error(ErrorKind::usage, "say --m NAME", [&] { select(unusual, width(), {}); });
  expect_error(ErrorKind::usage, "which column is y?", [&] { select(unusual, width(), {.columns = {{"m", "a"}}}); });
  expect_error(ErrorKind::usage, "nor are there C and N", [&] { select(unusual, law_of({"D"}), {}); });
  expect_error(ErrorKind::usage, "no column aa", [&] { select(unusual, width(), {.columns = {{"x", "aa"}}}); });
  expect_error(ErrorKind::usage, "no input q", [&] { select(unusual, width(), {.columns = {{"q", "a"}}}); });
  EXPECT_EQ(select(unusual, width(), {.columns = {{"x", "a"}}, .y = "b"}).data.inputs[0], Doubles{1});
  EXPECT_EQ(select(unusual, law_of({"N", "D"}), {.columns = {{"x", "b"}, {"D", "a"}}, .y = "b"}).columns,
            (std::map<std::string, std::string>{{"N", "b"}, {"D", "a"}}));
}

// The header lines of public tables: Cerebras-GPT and Pythia, Chinchilla (twice), Gadre et al., Gemstones (twice), Tao
// et al.
TEST(Select, finds_the_columns_of_public_tables) {
  const auto columns = [](const std::string& header, const Law& law, const std::string& y = "") {
    return select(under(header), law, {.y = y}).columns;
  };
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(columns("family,model,d_model,n_layers,params,tokens,train_flops,pile_test_xent_paper_table,"
                    "pile_test_xent_hf_card_v1",
                    law_of({"m", "l", "D"}), "pile_test_xent_paper_table"),
            (Map{{"m", "d_model"}, {"l", "n_layers"}, {"D", "tokens"}, {"N", "params"}, {"C", "train_flops"}}));
  EXPECT_EQ(columns("x,y,color,Model Size,Training FLOP,hex_color,loss", law_of({"N", "D"})),
            (Map{{"N", "Model Size"}, {"D", "C/(6·N)"}, {"C", "Training FLOP"}}))
      << "x is a width only for a law of the width";
  EXPECT_EQ(columns("x,y,color,Model Size,Training FLOP,hex_color,loss", law_of({"m"})).at("m"), "x");
  EXPECT_EQ(columns("model_size,FLOP,loss,num_tokens,d_model,n_layers", law_of({"N", "D"})),
            (Map{{"N", "model_size"}, {"D", "num_tokens"}, {"C", "FLOP"}, {"m", "d_model"}, {"l", "n_layers"}}));
  EXPECT_EQ(columns("name,dataset,model,d_model,n_layers,n_heads,params,params_no_embed,tokens,chinchilla_multiplier,"
                    "lr,global_bs,val,loss,lo,hi",
                    law_of({"N", "D"})),
            (Map{{"N", "params"}, {"D", "tokens"}, {"m", "d_model"}, {"l", "n_layers"}}));
  EXPECT_EQ(columns("run_name,params_active_precise,width,depth,tokens,step,num_nodes,seconds_per_step,final_loss",
                    law_of({"m", "l", "D"})),
            (Map{{"m", "width"}, {"l", "depth"}, {"D", "tokens"}, {"N", "params_active_precise"}, {"t", "step"}}));
  EXPECT_EQ(columns("hf_name,loss,params,non_emb_params,width,depth,vocab_size", law_of({"m"})),
            (Map{{"m", "width"}, {"N", "params"}, {"l", "depth"}, {"V", "vocab_size"}, {"d", "width"}}));
  EXPECT_EQ(columns("vocab_size,embed_dim,num_characters,Non_vocab_parameters,FLOPs,Lossu", kVocabulary).at("N"),
            "Non_vocab_parameters");
  EXPECT_EQ(columns("vocab_size,params,params_no_embed,tokens,width,loss", kVocabulary).at("N"), "params_no_embed");
}

TEST(Select, names_of_one_letter_keep_their_case) {
  EXPECT_EQ(select(under("n,N,d,D,loss"), law_of({"N", "D"}), {}).columns.at("N"), "N");
  EXPECT_EQ(select(under("N,d,D,loss,V"), kVocabulary, {}).columns.at("d"), "d");
  expect_error(ErrorKind::usage, "which column is D?", [] { select(under("N,d,loss"), law_of({"N", "D"}), {}); });
  EXPECT_EQ(select(under("Hidden-Size,LOSS"), width(), {}).x, "Hidden-Size");
  EXPECT_TRUE(select(under("m,y"), width(), {}).notes.empty());
}

TEST(Select, two_inputs_of_a_law_are_never_guessed_to_be_one_column) {
  const auto table = read_table("width,tokens,loss\n1,2,3\n", "t");
  expect_error(ErrorKind::usage, "which column is t?", [&] { select(table, law_of({"D", "t"}), {}); });
  EXPECT_EQ(select(table, law_of({"t"}), {}).x, "tokens");
}

TEST(Select, tokens_come_from_compute_and_parameters_where_no_column_has_them) {
  const auto table = read_table("N,FLOPs,loss\n1e9,6e19,3\n2e9,24e19,2.5\n", "t");
  const auto out = select(table, law_of({"N", "D"}), {.units = {{"N", 1e6}, {"D", 1e9}}});
  EXPECT_EQ(out.data.inputs[0], (Doubles{1000, 2000}));
  EXPECT_DOUBLE_EQ(out.data.inputs[1][0], 10) << "C/(6 N) of the table's own units, then in billions";
  EXPECT_DOUBLE_EQ(out.data.inputs[1][1], 20);
  EXPECT_EQ(out.notes[0], "D is C/(6·N), the usual estimate: no column of tokens; C is column FLOPs, N is column N");
}

TEST(Select, tokens_of_the_vocabulary_law_come_from_characters_or_compute) {
  const std::string head = "vocab_size,embed_dim,Non_vocab_parameters,FLOPs,Lossu";
  const std::string row = "4096,512,33222784,1.271517696e16,-1.3";
  const auto of_compute = select(read_table(head + "\n" + row + "\n", "t"), kVocabulary, {});
  EXPECT_DOUBLE_EQ(of_compute.data.inputs[3][0], 1.271517696e16 / (6 * (33222784 + 4096.0 * 512)));
  EXPECT_EQ(of_compute.columns.at("D"), "C/(6·(N + V·d))");
  const auto of_text = select(read_table(head + ",num_characters\n" + row + ",180820540.852\n", "t"), kVocabulary, {});
  // The table's own FLOPs are those of these tokens.
  EXPECT_NEAR(of_text.data.inputs[3][0] / of_compute.data.inputs[3][0], 1, 1e-6);
  EXPECT_NE(of_text.notes[3].find("Tao et al. 2024"), std::string::npos);
}

TEST(Select, other_inputs_are_kept_for_rivals_when_they_are_positive_numbers) {
  const auto table = read_table("m,l,tokens,params,step,loss\n8,2,1e3,x,1,3\n16,2,2e3,5,0,2\n", "t");
  const auto out = select(table, width(), {.units = {{"D", 1e3}}});
  EXPECT_EQ(out.data.others.at("D"), (Doubles{1, 2}));
  EXPECT_EQ(out.data.others.at("l"), (Doubles{2, 2}));
  EXPECT_FALSE(out.data.others.contains("N")) << "a text in it";
  EXPECT_FALSE(out.data.others.contains("t")) << "a zero in it";
  EXPECT_EQ(out.notes.back(), "for other laws l is l, D is tokens");
  EXPECT_EQ(select(table, width(), {.min_x = 16}).data.others.at("N"), Doubles{5}) << "only rows that are fitted count";
  expect_error(ErrorKind::bad_file, "'x' is not a finite number", [&] {
    select(table, width(), {.columns = {{"N", "params"}}});
  });
}

TEST(Select, units_must_be_positive_and_of_an_input) {
  const auto table = read_table("m,loss\n8,3\n16,2\n", "t");
  EXPECT_EQ(select(table, width(), {.units = {{"x", 2}}}).data.inputs[0], (Doubles{4, 8}));
  EXPECT_EQ(select(table, width(), {.units = {{"m", 2}}, .min_x = 5}).data.inputs[0], Doubles{8});
  for (const double unit : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    expect_error(ErrorKind::usage, "unit m=", [&] { select(table, width(), {.units = {{"m", unit}}}); });
  }
  expect_error(ErrorKind::usage, "no input D in this fit", [&] { select(table, width(), {.units = {{"D", 2}}}); });
}

TEST(Select, weights_and_standard_errors) {
  const auto table = read_table("m,loss,w,s,bad\n8,4,1,0.5,-1\n16,2,0,0.25,1\n", "t");
  EXPECT_EQ(select(table, width(), {.weight = "w"}).data.weight, (Doubles{1, 0}));
  EXPECT_EQ(select(table, width(), {.se = "s"}).data.weight, (Doubles{4, 16}));
  EXPECT_EQ(select(table, law_of({"m"}, Objective::log_huber), {.se = "s"}).data.weight, (Doubles{64, 64}));
  EXPECT_EQ(select(table, law_of({"m"}, Objective::log_absolute), {.se = "s"}).data.weight, (Doubles{8, 8}));
  EXPECT_EQ(select(table, width(), {.se = "s", .min_x = 16}).data.weight, Doubles{16});
  expect_error(ErrorKind::bad_file, "line 2: column bad: -1 (row 1), expected a weight of 0 or more",
               [&] { select(table, width(), {.weight = "bad"}); });
  expect_error(ErrorKind::bad_file, "line 2: column bad: -1 (row 1), expected a standard error above 0",
               [&] { select(table, width(), {.se = "bad"}); });
  expect_error(ErrorKind::bad_file, "line 3: column w: 0 (row 2)", [&] { select(table, width(), {.se = "w"}); });
  expect_error(ErrorKind::bad_file, "column w: every weight is 0",
               [&] { select(table, width(), {.weight = "w", .min_x = 16}); });
  expect_error(ErrorKind::usage, "at most one", [&] { select(table, width(), {.weight = "w", .se = "s"}); });
  expect_error(ErrorKind::usage, "no column ww", [&] { select(table, width(), {.weight = "ww"}); });
}

TEST(Select, filters_come_before_numbers_and_before_drop_highest) {
  const auto table = read_table("m,loss,kind\n8,9,a\n16,4,b\n32,,c\n64,3,b\n128,2,b\n", "t");
  expect_error(ErrorKind::bad_file, "line 4: column loss: '' is not a finite number",
               [&] { select(table, width(), {}); });
  EXPECT_EQ(select(table, width(), {.where = {"loss != ''"}}).data.y, (Doubles{9, 4, 3, 2}));
  const auto out = select(table, width(), {.where = {"kind=='b'"}, .drop_highest = 1});
  EXPECT_EQ(out.data.y, (Doubles{3, 2})) << "the highest of the rows that hold";
  EXPECT_EQ(out.rows_read, 5u);
  EXPECT_EQ(select(table, width(), {.where = {"kind=='b'", "x<100"}}).data.y, (Doubles{4, 3}));
  expect_error(ErrorKind::usage, "only 3 rows that --where leaves",
               [&] { select(table, width(), {.where = {"kind=='b'"}, .drop_highest = 4}); });
  expect_error(ErrorKind::usage, "no row is left by --where: of 5 rows 'm>9' holds for 4, 'kind==\"a\"' holds for 1",
               [&] {
                 select(table, width(), {.where = {"m>9", "kind==\"a\""}});
               });
}

TEST(Select, inputs_of_a_formula_are_columns_or_standard) {
  const auto table = read_table("width,lr,loss\n8,0.1,3\n16,0.2,2\n", "t");
  Law law = law_of({"m", "lr"});
  law.expression = "A*m^-a + lr";
  const auto out = select(table, law, {});
  EXPECT_EQ(out.data.inputs, (std::vector<Doubles>{{8, 16}, {0.1, 0.2}}));
  EXPECT_EQ(out.notes[0], "m is column width");
  expect_error(ErrorKind::usage, "no column lrr (did you mean lr?)", [&] { select(table, law_of({"lrr"}), {}); });
}

TEST(Select, input_names_are_columns_and_standard_inputs) {
  const auto names = input_names(read_table("width,FLOPs,params,loss\n1,2,3,4\n", "t"), {.columns = {{"t", "loss"}}});
  EXPECT_EQ(names, (Strings{"width", "FLOPs", "params", "loss", "t", "m", "N", "D", "C", "d"}));
}

const char* const kModels =
    "family,m,l,Model Size,loss\nopt,512,8,1e8,3\npythia,512,,2e8,2\nopt,1024,16,4e9,\n\"Qwen2.5, b\",,2,8e9,1\n";

// Rows that hold, as digits.
std::string holds(const std::string& filter) {
  const auto table = read_table(kModels, "t");
  std::string out;
  for (const bool row : rows_that_hold(table, filter, {{"width", "m"}, {"N", "Model Size"}})) out += row ? '1' : '0';
  return out;
}

TEST(Where, compares_numbers_and_texts) {
  const std::pair<const char*, const char*> expected[] = {
      {"m>=512", "1110"},
      {"m > 512", "0010"},
      {"m = 512", "1100"},
      {"m == 512 && l < 40", "1000"},
      {"width != 512", "0010"},
      {"N/m > 3e5", "0110"},
      {"`Model Size` >= 4E9", "0011"},
      {"-m < -600", "0010"},
      {"m - 512 < +1", "1100"},
      {"2*m^2 >= 2097152", "0010"},
      {"m^2^0.5 > 18000", "0010"},  // 1024^(2^0.5) = 18074; (1024^2)^0.5 = 1024
      {"log2(m) == 9", "1100"},
      {"max(m, l, 600) == 600", "1000"},
      {"family=='opt'", "1010"},
      {"family = \"opt\"", "1010"},
      {"family != 'opt'", "0101"},
      {"'opt' == family", "1010"},
      {"family =~ 'Qwen2.5'", "0001"},
      {"family !~ 'Qwen2.5'", "1110"},
      {"loss != ''", "1101"},
      {"m == ''", "0001"},
      {"family=='opt' && m>600 || loss<1.5", "0011"},
      {"family=='opt' and (m>600 or loss<1.5)", "0010"},
      {"!(family=='opt')", "0101"},
      {"!family=='opt'", "0101"},
      {"not m > 600 and not family == 'pythia'", "1000"},
      {"!m>600", "1100"},
      {"m>600 || family=='pythia'", "0110"},
      {"family=='m>600'", "0000"},
      {"m\n>=\t512", "1110"},
      {"m>600 | family=='pythia' & l=''", "0110"},
  };
  for (const auto& [filter, rows] : expected) EXPECT_EQ(holds(filter), rows) << filter;
}

// As in SQL: unknown is not true, and its negation is not either.
TEST(Where, a_comparison_with_an_empty_cell_is_neither_true_nor_false) {
  EXPECT_EQ(holds("l < 40"), "1011");
  EXPECT_EQ(holds("!(l < 40)"), "0000");
  EXPECT_EQ(holds("l != 8"), "0011");
  EXPECT_EQ(holds("l < 40 || family=='pythia'"), "1111");
  EXPECT_EQ(holds("!(l < 40 && family=='opt')"), "0101") << "false && unknown is false";
  EXPECT_EQ(holds("l*0 == 0"), "1011");
}

TEST(Where, says_what_cannot_be_read_and_where) {
  const auto bad = [](const std::string& filter, const std::string& fragment) {
    expect_error(ErrorKind::usage, fragment, [&] { holds(filter); });
    expect_error(ErrorKind::usage, "where '" + filter.substr(0, 100), [&] { holds(filter); });
  };
  bad("", "position 1: nothing is compared");
  bad("m + 512", "nothing is compared");
  bad("1 < 2", "no column is named");
  bad("mm > 3", "position 1: no column mm (did you mean m?)");
  bad("m > 3 && widht > 3", "position 10: no column widht (did you mean width?)");
  bad("family == opt", "position 11: no column opt");
  bad("family == opt", "a text goes in quotes");
  bad("`width` > 3", "no column width");
  bad("m >", "something is missing at the end");
  bad("m > * 3", "position 5: unexpected '*'");
  bad("(m > 3", "a parenthesis is not closed");
  bad("m > 3)", "position 6: unexpected ')'");
  bad("m 3 > 2", "position 3: unexpected '3'");
  bad("512 <= m < 1024", "position 10: a second comparison, '<'");
  bad("m > 3, l > 2", "a second comparison");
  bad("family == 'opt", "position 11: the quote ' is opened and never closed");
  bad("`m > 3", "the quote ` is opened and never closed");
  bad("family < 'opt'", "position 8: '<' between a column and a text");
  bad("'opt' =~ family", "position 7: '=~' between a column and a text");
  bad("'opt' == 'opt'", "position 1: a text can only be compared with a column");
  bad("m =~ 3", "position 3: expected a column on the left and a text on the right");
  bad("m == '3' '4'", "position 10: a text can only");
  bad("log(m, l) > 3", "too many arguments");
  bad("log() > 3 && m > 1", "position 5: ");
  bad("sin(m) > 3", "no column sin");
  bad("m > 3 ? 1 : 0", "position 7: unexpected \"?\"");
  bad("m > 3 \x01", "position 7: unexpected \"\\x01\"");
  bad("m > 3" + std::string(3000, ' '), "longer than 2000 bytes");
  std::string many = "m > 0";
  for (int i = 0; i < 60; ++i) many += fmt::format(" || family == '{}'", i);
  bad(many, "more than 52 columns and texts");
  expect_error(ErrorKind::bad_file, "line 2: column family: 'opt' is not a number", [] { holds("family > 3"); });
}

TEST(Where, any_filter_gives_rows_or_a_usage_error) {
  constexpr const char* kWords[] = {"m",  "l", " ",   ">", "=",    "!",   "~",  "(", ")",  "3", "'opt'", "family", "&&",
                                    "||", "-", "log", ",", "not ", "`m`", "\"", "^", "1e", "?", ":",     "#",      "_"};
  uint32_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    std::string filter = i % 2 ? "m > 3 " : "";
    for (uint32_t k = 0, n = 1 + (state >> 16) % 9; k < n; ++k) {
      state = state * 1664525 + 1013904223;
      filter += kWords[(state >> 16) % std::size(kWords)];
    }
    try {
      EXPECT_EQ(holds(filter).size(), 4u);
    } catch (const Error& e) {
      EXPECT_TRUE(e.kind() == ErrorKind::usage || filter.find("family") != std::string::npos) << e.what();
    }
  }
}

TEST(Select, a_million_rows_are_quick) {
  std::string text = "m,loss,tokens,name\n";
  for (int i = 0; i < 1'000'000; ++i) text += fmt::format("{},{},{},model{}\n", 64 + i % 1000, 3.0 + i, 1e9 + i, i % 7);
  const auto table = read_table(text, "t");
  const auto start = std::chrono::steady_clock::now();
  const auto out = select(table, width(), {.where = {"m>=512 && name=~'el3' || tokens/m > 1e9"}});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_GT(out.data.y.size(), 70'000u);
  EXPECT_LT(took.count(), 5) << "a second and less where nothing else runs";
  RecordProperty("seconds", fmt::format("{:.3f}", took.count()));
}

}  // namespace
}  // namespace superpose::fit
