// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "superpose/base/error.h"
#include "superpose/sweep/sweep.h"

namespace superpose::sweep {
namespace {

ErrorKind kind_of(const std::function<void()>& action, const std::string& fragment = "") {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(fragment), std::string::npos) << e.what();
    return e.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::numeric;
}

std::string values(std::string_view word) { return Json(expand_values(word)).dump(); }

TEST(ExpandValues, types_and_lists) {
  EXPECT_EQ(values("5"), "[5]");
  EXPECT_EQ(values("-1, +2,1e-2 , 0.5"), "[-1,2,0.01,0.5]");
  EXPECT_EQ(values("18446744073709551615"), "[18446744073709551615]");
  EXPECT_EQ(values("true,power:1,nan,inf,1_000"), R"([true,"power:1","nan","inf","1_000"])");
  EXPECT_EQ(values("range(3),7"), "[0,1,2,7]");
  EXPECT_EQ(values("{1,2}"), "[1,2]");
  EXPECT_EQ(values("power:{0,0.125,1}"), R"(["power:0","power:0.125","power:1"])");
  EXPECT_EQ(values("{a,b}-{range(2)}"), R"(["a-0","a-1","b-0","b-1"])");
  EXPECT_EQ(values("power:{linspace(0,1,3)}"), R"(["power:0","power:0.5","power:1"])");
}

TEST(ExpandValues, linspace_has_both_ends_whole_numbers_and_equal_steps) {
  EXPECT_EQ(values("linspace(10,100,10)"), "[10,20,30,40,50,60,70,80,90,100]");
  EXPECT_EQ(values("linspace(2,9,1)"), "[2]");
  const auto decay = expand_values("linspace(-1,1,10)");
  ASSERT_EQ(decay.size(), 10u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NEAR(decay[static_cast<size_t>(i)].get<double>(), -1 + 2.0 * i / 9, 1e-15);
  }
  EXPECT_EQ(expand_values("linspace(0.1,0.7,7)").back(), 0.7) << "exactly the last value";
}

TEST(ExpandValues, refuses_what_it_cannot_read) {
  for (const char* word : {"",
                           " ",
                           "1,,2",
                           "1,",
                           "range()",
                           "range(0)",
                           "range(-1)",
                           "range(1.5)",
                           "range(1e9)",
                           "range(1000001)",
                           "linspace(1,2)",
                           "linspace(1,2,3,4)",
                           "linspace(a,2,3)",
                           "linspace(1,inf,3)",
                           "linspace(-1e308,1e308,3)",
                           "linspace(-1",
                           "10)",
                           "{1,2",
                           "1}",
                           "(}",
                           "{a{b}}",
                           "x{}",
                           "((((((((((1))))))))))",
                           "{range(1000)}{range(1001)}"}) {
    EXPECT_EQ(kind_of([&] { (void)expand_values(word); }), ErrorKind::usage) << word;
  }
  kind_of([] { (void)expand_values("linspace(-1"); }, "')' is missing");
  std::string groups;
  for (int i = 0; i < 200000; ++i) groups += "{a}";
  EXPECT_EQ(kind_of([&] { (void)expand_values(groups); }, "brace groups"), ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { (void)expand_values(std::string(5000, 'x') + "{range(1000000)}"); }), ErrorKind::usage);
}

TEST(ParseStudy, expands_grids_over_defaults_and_overrides_win_everywhere) {
  const std::string yaml = R"yaml(
name: quick
about: one line
defaults: {steps: 100, seed: 0}
grids:
  - {law: power:1, decay: [-0.5, 0.5], dim: [10, 15]}
  - {law: "power:{0,1}", decay: "linspace(-1,1,3)", seed: range(2)}
claims: [a, {b: "7"}]
)yaml";
  const Study study = parse_study(yaml, "s.yaml");
  EXPECT_EQ(study.name, "quick");
  EXPECT_EQ(study.about, "one line");
  EXPECT_EQ(study.extra, Json::parse(R"({"claims": ["a", {"b": "7"}]})")) << "quotes keep text text";
  ASSERT_EQ(study.configs.size(), 4u + 12u);
  EXPECT_EQ(study.configs[0].dump(), R"({"steps":100,"seed":0,"law":"power:1","decay":-0.5,"dim":10})");
  EXPECT_EQ(study.configs[1]["dim"], 15) << "the last field changes fastest";
  EXPECT_EQ(study.configs.back().dump(), R"({"steps":100,"seed":1,"law":"power:1","decay":1})");
  const std::vector<std::string> overrides{"steps=5", "seed=range(2)", "batch=64"};
  const Study other = parse_study(yaml, "s.yaml", overrides);
  EXPECT_EQ(other.configs.size(), 8u + 12u);
  for (const Json& config : other.configs) {
    EXPECT_EQ(config["steps"], 5);
    EXPECT_EQ(config["batch"], 64);
  }
}

TEST(ParseStudy, a_config_that_stands_in_two_grids_is_one_config) {
  const Study study = parse_study("grids: [{a: 1, b: [1, 2]}, {b: [2, 3], a: 1.0}, {a: 1.5, b: 2}]", "s");
  EXPECT_EQ(Json(study.configs).dump(), R"([{"a":1,"b":1},{"a":1,"b":2},{"b":3,"a":1.0},{"a":1.5,"b":2}])");
  EXPECT_EQ(parse_study("name: nothing", "s").configs.size(), 0u);
}

TEST(ParseStudy, errors_name_the_line) {
  const auto refused = [](const std::string& yaml, const std::string& fragment) {
    EXPECT_EQ(kind_of([&] { parse_study(yaml, "s.yaml"); }, fragment), ErrorKind::usage) << yaml;
  };
  refused("name: x\ngrid:\n  - {a: 1}", "did you mean grids?");
  refused("name: x\ngrids: 5", "s.yaml:2: grids must be a list");
  refused("grids:\n  - 5", "s.yaml:2: a grid must be a map");
  refused("grids:\n  - {a: 1}\n  - {a: {b: 1}}", "s.yaml:3: a: expected a value");
  refused("grids:\n  - {a: [1, [2]]}", "a list in a list");
  refused("grids:\n  - {a: []}", "empty");
  refused("grids:\n  - {a: linspace(-1,1,3)}", "need quotes");
  refused("grids:\n  - {a: }", "need quotes");
  refused("grids:\n  - {a: 1, a: 2}", "twice");
  refused("grids:\n  - {[1]: 2}", "a key must be a word");
  refused("grids:\n  - {a: range(x)}", "s.yaml:2: a: 'range(x)'");
  refused("[1, 2]", "must be a map");
  refused("", "must be a map");
  refused("name: [1]", "name must be text");
  refused("a: 1\n---\nb: 2", "2 YAML documents");
  refused("grids: [{a: range(1000), b: range(1001)}]", "more than 1000000 runs");
  refused("grids: [{a: range(600000)}, {b: range(600000)}]", "more than 1000000 runs");
  for (const std::string word : {"dim", "=5", "dim=", "dim=1,,2"}) {
    EXPECT_EQ(kind_of([&] { parse_study("grids: [{a: 1}]", "s", std::vector{word}); }), ErrorKind::usage) << word;
  }
  EXPECT_EQ(kind_of([] { parse_study("grids: []", "s", std::vector<std::string>{"a=1", "a=2"}); }), ErrorKind::usage);
}

TEST(ParseStudy, hostile_text_ends_in_an_error) {
  const auto repeated = [](const std::string& part, size_t bytes) {
    std::string out;
    while (out.size() + part.size() <= bytes) out += part;
    return out;
  };
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i)
    bomb += fmt::format("a{}: &a{} [{}*a{}]\n", i, i, repeated(fmt::format("*a{}, ", i - 1), 50), i - 1);
  for (const std::string& yaml :
       {bomb, std::string("extra: &a [*a]"), std::string("grids: &a [*a]"), std::string("grids: [&a {b: *a}]"),
        repeated("[", 1000000), repeated("{", 1000000), repeated("- ", 1000000), repeated("? ", 100000),
        repeated("{a: ", 100000), "x: " + repeated("[", 480) + repeated("]", 480), repeated("a: ", 1000),
        repeated("%", 1000), std::string("grids: [{a: *nothing}]"), std::string("name: \xff"), std::string(100, '\0'),
        repeated("x", (size_t{1} << 20) + 1)}) {
    const ErrorKind kind = kind_of([&] { parse_study(yaml, "s"); });
    EXPECT_TRUE(kind == ErrorKind::bad_file || kind == ErrorKind::usage) << yaml.substr(0, 60);
  }
}

}  // namespace
}  // namespace superpose::sweep
