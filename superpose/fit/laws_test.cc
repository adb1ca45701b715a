// SPDX-License-Identifier: Apache-2.0
// Every law of the table on tables with a known truth, and what must hold for all of them.
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/fit/basis.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

double truth_of(const std::string& name) {
  static const std::map<std::string, double> kTruth{
      {"C", 40},      {"alpha", 0.7}, {"L0", 1.6},  {"E", 1.6},      {"A", 60},    {"B", 90},
      {"beta", 0.45}, {"c_m", 30},    {"a_m", 0.8}, {"c_l", 2},      {"a_l", 1.1}, {"c_D", 50},
      {"a_D", 0.35},  {"A1", 3},      {"A2", 2},    {"alpha2", 0.8}, {"c", 20}};
  return kTruth.at(name);
}

double value_of(const Law& law, const std::vector<double>& inputs) {
  double y = law.offset.empty() ? 0 : law.offset_sign * truth_of(law.offset);
  for (const Term& term : law.terms) {
    double x = 1;
    for (const auto& input : term.inputs) x *= inputs[law.input_index(input)];
    y += truth_of(term.coefficient) * std::pow(x, -truth_of(term.exponent));
  }
  return y;
}

// Inputs drawn independently over two decades; noise on y, or on ln y.
Data table_of(const Law& law, double noise, bool logarithmic, uint32_t index = 0, int rows = 90) {
  RandomBlocks blocks(41, RandomStream::fresh_data, index);
  Data out;
  out.inputs.resize(law.inputs.size());
  for (int i = 0; i < rows; ++i) {
    std::vector<double> inputs;
    for (size_t k = 0; k < law.inputs.size(); ++k) {
      const PhiloxBlock b = blocks.next();
      inputs.push_back(8 * std::pow(100, uniform_open(b[0], b[1])));
      out.inputs[k].push_back(inputs.back());
    }
    const double z = noise * normal_pair(blocks.next())[0], y = value_of(law, inputs);
    out.y.push_back(logarithmic ? y * std::exp(z) : y + z);
  }
  return out;
}

TEST(Laws, every_law_is_recovered_by_every_objective) {
  for (const Law& law : laws()) {
    for (const Objective objective : {Objective::squares, Objective::log_squares, Objective::huber,
                                      Objective::log_huber, Objective::absolute, Objective::log_absolute}) {
      const bool logarithms = objective_name(objective).starts_with("log");
      if (logarithms && law.offset_sign < 0) continue;  // its y is negative
      const Result fit = law.fit(table_of(law, 0, logarithms), {.objective = objective, .brief = true});
      for (const auto& [name, p] : fit.parameters) {
        EXPECT_NEAR(p.value / truth_of(name), 1, 1e-5) << law.name << " " << objective_name(objective) << " " << name;
      }
    }
  }
}

TEST(Laws, slopes_are_the_derivatives_of_the_prediction) {
  for (const Law& law : laws()) {
    const Data data = table_of(law, 0, false);
    const auto basis = make_basis(law, data, std::vector<bool>(law.terms.size()), nullptr);
    const auto P = static_cast<Eigen::Index>(basis->shapes.size()), K = static_cast<Eigen::Index>(law.terms.size());
    const Eigen::VectorXd c = Eigen::VectorXd::LinSpaced(K, 1, 2), theta = Eigen::VectorXd::LinSpaced(P, 0.4, 0.9);
    Eigen::MatrixXd phi, slopes;
    basis->evaluate(theta, phi);
    basis->slopes(theta, c, phi, slopes);
    for (Eigen::Index p = 0; p < P; ++p) {
      constexpr double h = 1e-5;
      Eigen::VectorXd up = theta, down = theta;
      up[p] += h, down[p] -= h;
      Eigen::MatrixXd above, below;
      basis->evaluate(up, above);
      basis->evaluate(down, below);
      const Eigen::VectorXd numeric = (above * c - below * c) / (2 * h);
      EXPECT_LT((numeric - slopes.col(p)).norm(), 1e-8 * slopes.col(p).norm() + 1e-12) << law.name << p;
    }
  }
}

TEST(Laws, weights_are_repeated_rows) {
  for (const char* name : {"width-data", "chinchilla", "width"}) {
    const Law& law = find_law(name);
    Data weighted = table_of(law, 0.01, law.objective != Objective::squares), repeated = weighted;
    for (size_t i = 0; i < weighted.y.size(); ++i) {
      weighted.weight.push_back(1 + static_cast<double>(i % 3));
      for (size_t copy = 0; copy < i % 3; ++copy) {
        for (auto& input : repeated.inputs) input.push_back(double(input[i]));
        repeated.y.push_back(double(repeated.y[i]));
      }
    }
    const Result a = law.fit(weighted, {.brief = true}), b = law.fit(repeated, {.brief = true});
    EXPECT_NEAR(a.objective / b.objective, 1, 1e-9) << name;
    for (const auto& [parameter, p] : a.parameters)
      EXPECT_NEAR(p.value / b[parameter].value, 1, 1e-6) << name << parameter;
  }
}

TEST(Laws, resamples_do_not_depend_on_the_number_of_threads) {
  const Law& law = find_law("chinchilla");
  const Data data = table_of(law, 0.01, true);
  const auto draws = [&](int threads) {
    return law.fit(data, {.bootstrap = 70, .seed = 3, .brief = true, .threads = threads}).resampling->draws;
  };
  EXPECT_EQ(draws(1), draws(3));
}

TEST(Laws, a_floor_at_zero_is_said_to_be_none) {
  const Law& law = find_law("width-data");
  Data data = table_of(law, 0, true);
  for (size_t i = 0; i < data.y.size(); ++i) {  // curved downwards: no floor could help
    data.y[i] = 9 - std::log(data.inputs[0][i]) - 0.1 * std::log(data.inputs[1][i]);
  }
  const Result fit = law.fit(data, {});
  EXPECT_TRUE(fit["E"].at_bound);
  EXPECT_FALSE(fit["E"].identified);
  EXPECT_FALSE(fit["E"].se);
  EXPECT_FALSE(fit.identified);
}

TEST(Laws, inputs_that_move_together_identify_neither) {
  const Law& law = find_law("chinchilla");
  Data data = table_of(law, 0.002, true);
  for (size_t i = 0; i < data.y.size(); ++i) {
    data.inputs[1][i] = 20 * data.inputs[0][i];
    data.y[i] =
        value_of(law, {data.inputs[0][i], data.inputs[1][i]}) * (1 + 0.002 * std::sin(7.0 * static_cast<double>(i)));
  }
  const Result fit = law.fit(data, {});
  for (const char* name : {"A", "alpha", "B", "beta"}) EXPECT_FALSE(fit[name].identified) << name;
  EXPECT_TRUE(std::any_of(fit.warnings.begin(), fit.warnings.end(),
                          [](const auto& w) { return w.find("move together") != std::string::npos; }));
}

// The profile interval of a parameter that enters linearly, when the exponents are held, is the t interval.
TEST(Laws, profile_and_t_agree_where_the_law_is_linear) {
  const Law& law = find_law("width-data");
  Options options{.fixed = {{"a_m", 0.8}, {"a_D", 0.35}}, .objective = Objective::squares};
  const Result fit = law.fit(table_of(law, 0.05, false), options);
  const auto& E = fit["E"];
  EXPECT_NEAR(E.profile->first, E.asymptotic->first, 1e-4);
  EXPECT_NEAR(E.profile->second, E.asymptotic->second, 1e-4);
  EXPECT_NEAR(E.value - E.asymptotic->first, student_t_95(87) * *E.se, 1e-12);
}

TEST(Laws, one_over_m_is_confirmed_denied_or_left_open) {
  const auto verdict = [](double alpha, double noise) {
    Data data;
    data.inputs.resize(1);
    for (int i = 0; i < 24; ++i) {
      const double m = 64 * std::pow(2, i / 3.0);
      data.inputs[0].push_back(m);
      data.y.push_back(2 + std::pow(m / 64, -alpha) + noise * std::sin(12.9 * i));
    }
    return find_law("width").fit(data, {}).inverse_width->verdict;
  };
  EXPECT_EQ(verdict(1.0, 0.01), "confirmed");
  EXPECT_EQ(verdict(0.3, 0.001), "denied");
  EXPECT_EQ(verdict(1.0, 0.8), "cannot_tell");
}

TEST(Laws, the_whole_way_from_a_table_is_one_call) {
  const Table table = read_table("width,loss\n64,3\n128,2.5\n256,2.25\n512,2.125\n1024,2.0625\n", "t");
  const Result result = fit(table, find_law("width"));
  EXPECT_NEAR(result["alpha"].value, 1, 1e-9);
  EXPECT_NEAR(result["L0"].value, 2, 1e-9);
  EXPECT_NEAR(result["C"].value, 64, 1e-6);
}

TEST(Laws, unknown_ones_are_named_with_the_nearest) {
  try {
    find_law("chinchila");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(e.what()).find("did you mean chinchilla"), std::string::npos) << e.what();
  }
}

// Every doubling of a 1/m law gains half of what the last one gained; a grid of widths and the forecast agree.
TEST(Forecast, follows_the_law_and_stops_where_it_says) {
  StoredFit stored;
  stored.law = find_law("width");
  stored.identified = true;
  for (int i = 0; i < 12; ++i) {
    const double m = 64 * std::pow(2, i / 2.0);
    stored.data.inputs.resize(1);
    stored.data.inputs[0].push_back(m);
    stored.data.y.push_back(2 + 64 / m + 1e-6 * std::sin(5.0 * i));
  }
  ForecastRequest request{.x = {1024, 4096}, .threshold = 0.03125};
  const Forecast out = forecast(stored, request);
  ASSERT_EQ(out.points.size(), 2u);
  EXPECT_FALSE(out.refused);
  EXPECT_NEAR(*out.points[0].loss, 2 + 64.0 / 1024, 1e-4);
  EXPECT_NEAR(*out.points[1].gain, 32.0 / 4096, 1e-4);
  EXPECT_NEAR(*out.stop->x, 1024, 5);  // 32/m = 1/32
  EXPECT_LE(out.points[1].ci95->first, *out.points[1].loss);
  request.x = {64 * std::pow(2, 5.5) * 4.1};
  EXPECT_TRUE(forecast(stored, request).refused);
  request.x = {4096};
  request.vocabulary = 4000;
  const Forecast end = forecast(stored, request);
  EXPECT_TRUE(end.refused);
  EXPECT_FALSE(end.points[0].loss);
  request.force = true;
  EXPECT_TRUE(forecast(stored, request).points[0].loss);
}

}  // namespace
}  // namespace superpose::fit
