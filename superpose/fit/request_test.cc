// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

const char kTable[] =
    "m,family,loss\n"
    "64,a,3.02\n128,a,2.49\n256,a,2.26\n512,a,2.12\n1024,a,2.07\n"
    "64,b,3.31\n128,b,2.80\n256,b,2.54\n512,b,2.43\n1024,b,2.36\n";

Answer answer(Request request) { return fit(read_table(kTable, "t"), "t", request); }

StoredFit stored(const Answer& answer) {
  Json whole{{"schema", "superpose.fit/1"}, {"config", config_json("t", answer)}};
  whole.update(to_json(answer));
  return stored_fit(whole);
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(Request, MeansWhatItsPartsMean) {
  Request request;
  request.law = "width";
  request.selection.group = {"family"};
  const Answer all = answer(request);
  const Selected selected = select(read_table(kTable, "t"), find_law("width"), request.selection);
  const Result alone = find_law("width").fit(selected.data, all.options);
  EXPECT_EQ(all.result["alpha"].value, alone["alpha"].value);
  EXPECT_EQ(all.result.interval_method, "profile");
  request.objective = "huber";
  request.bootstrap = 20;
  const Answer robust = answer(request);
  EXPECT_EQ(robust.result.objective_kind, Objective::huber);
  EXPECT_TRUE(robust.result.interval_method.starts_with("bootstrap")) << robust.result.interval_method;
}

TEST(Request, NamesTheTableAndTheRemedy) {
  Request request;
  request.law = "width";
  request.interval = "wald";
  EXPECT_NE(error_of([&] { answer(request); }).find("auto, profile, bootstrap or t"), std::string::npos);
  request.interval = "auto";
  request.law = "widht";
  EXPECT_NE(error_of([&] { answer(request); }).find("t: "), std::string::npos);
  request.law = "width";
  request.selection.columns = {{"x", "m"}, {"m", "m"}};
  EXPECT_NE(error_of([&] { answer(request); }).find("first input"), std::string::npos);
}

TEST(Request, ALawOfTheWidthOverSomethingElseSaysNothingOfTheWidth) {
  Request request;
  request.law = "width";
  request.selection.group = {"family"};
  EXPECT_TRUE(answer(request).result.inverse_width.has_value());
}

TEST(Predict, IsTheFormulaAtTheFittedParameters) {
  Request request;
  request.law = "width";
  request.selection.group = {"family"};
  const Answer all = answer(request);
  const double C = all.result["C"].value, alpha = all.result["alpha"].value, floor = all.result["L0.b"].value;
  const Predicted found = predict(stored(all), {{"m", {100, 5000}}}, {"b"});
  ASSERT_EQ(found.y.size(), 2u);
  EXPECT_NEAR(found.y[0], C / std::pow(100, alpha) + floor, 1e-10);
  EXPECT_NEAR(found.y[1], C / std::pow(5000, alpha) + floor, 1e-10);
  EXPECT_LT(found.low[0], found.y[0]);
  EXPECT_LT(found.y[0], found.high[0]);
  // The band of the curve widens away from the data.
  const Predicted far = predict(stored(all), {{"m", {256, 1e6}}}, {"b"});
  EXPECT_LT(far.high[0] - far.low[0], far.high[1] - far.low[1]);
}

TEST(Predict, OfAFormulaIsTheFormula) {
  Request request;
  request.law = "E + A*m^-a";
  request.selection.where = {"family=='a'"};
  const Answer all = answer(request);
  const Predicted found = predict(stored(all), {{"m", {300}}});
  const double expected = all.result["E"].value + all.result["A"].value * std::pow(300, -all.result["a"].value);
  EXPECT_NEAR(found.y[0], expected, 1e-9);
}

TEST(Predict, ALawWithoutGroupsAsksForNone) {
  Request request;
  request.law = "width";
  request.selection.where = {"family=='a'"};
  const Answer all = answer(request);
  const double expected = all.result["C"].value / std::pow(300, all.result["alpha"].value) + all.result["L0"].value;
  EXPECT_NEAR(predict(stored(all), {{"m", {300}}}).y[0], expected, 1e-9);
  EXPECT_NE(error_of([&] { predict(stored(all), {{"m", {300}}}, {"a"}); }).find("no groups"), std::string::npos);
}

TEST(Predict, NothingForNothing) {
  Request request;
  request.law = "width";
  request.selection.group = {"family"};
  EXPECT_TRUE(predict(stored(answer(request)), {{"m", {}}}, {"a"}).y.empty());
}

TEST(Predict, SaysWhatIsMissing) {
  Request request;
  request.law = "width";
  request.selection.group = {"family"};
  const StoredFit fit = stored(answer(request));
  EXPECT_NE(error_of([&] { predict(fit, {}, {"a"}); }).find("needs m"), std::string::npos);
  EXPECT_NE(error_of([&] { predict(fit, {{"m", {1}}}); }).find("which group"), std::string::npos);
  EXPECT_NE(error_of([&] { predict(fit, {{"m", {1}}}, {"c"}); }).find("no group c"), std::string::npos);
  EXPECT_NE(error_of([&] { predict(fit, {{"m", {1, 2}}}, {"a", "b", "a"}); }).find("2 values"), std::string::npos);
  EXPECT_NE(error_of([&] { predict(fit, {{"m", {-1}}}, {"a"}); }).find("above 0"), std::string::npos);
  EXPECT_NE(error_of([&] { predict(fit, {{"m", {1}}, {"D", {1}}}, {"a"}); }).find("no input D"), std::string::npos);
}

TEST(SetInputs, KnowsTheFirstInputByBothNames) {
  ForecastRequest request;
  set_inputs(request, find_law("width"), {{"m", {4096}}});
  EXPECT_EQ(request.x, std::vector<double>{4096});
  EXPECT_NE(error_of([] {
              ForecastRequest twice;
              set_inputs(twice, find_law("width"), {{"m", {1}}, {"x", {2}}});
            }).find("is given too"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              ForecastRequest none;
              set_inputs(none, find_law("width"), {});
            }).find("at which m?"),
            std::string::npos);
}

}  // namespace
}  // namespace superpose::fit
