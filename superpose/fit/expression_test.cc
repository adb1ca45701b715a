// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/fit/basis.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

using Strings = std::vector<std::string>;

void expect_error(const std::string& fragment, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown, expected: " << fragment;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage) << e.what();
    EXPECT_NE(std::string(e.what()).find(fragment), std::string::npos) << e.what();
  }
}

const Strings kColumns{"m", "l", "D", "N", "loss"};

// Inputs of every law below, at rows of the sizes that tables have.
Data rows_for(const Law& law, size_t n = 5) {
  Data data;
  data.y.assign(n, 1);
  for (const auto& input : law.inputs) {
    std::vector<double> x;
    for (size_t i = 0; i < n; ++i) {
      const double at = static_cast<double>(i);
      x.push_back(input == "D" ? 1e8 * (1 + at * at) : input == "l" ? 2 + at : 64 * (1 + at));
    }
    data.inputs.push_back(x);
  }
  return data;
}

struct Split {
  Strings coefficients, shapes;
  bool operator==(const Split&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Split& split) {
  for (const auto& name : split.coefficients) out << '[' << name << ']';
  for (const auto& name : split.shapes) out << ' ' << name;
  return out;
}
Split split(const std::string& formula) {
  const Law law = expression_law(formula, kColumns);
  const auto basis = expression_basis(law, rows_for(law));
  EXPECT_EQ(basis->ranges.size(), basis->shapes.size());
  EXPECT_EQ(basis->nonnegative.size(), basis->coefficients.size());
  return {basis->coefficients, basis->shapes};
}

TEST(Expression, names_are_inputs_where_the_table_has_them_and_parameters_else) {
  const Law law = expression_law(" L = E + A*m^-a + B*log(D)", kColumns);
  EXPECT_EQ(law.inputs, (Strings{"m", "D"}));
  EXPECT_EQ(law.parameters, (Strings{"E", "A", "a", "B"}));
  EXPECT_EQ(law.name, "expression");
  EXPECT_EQ(law.formula, " L = E + A*m^-a + B*log(D)");
  EXPECT_EQ(law.objective, Objective::squares);
  EXPECT_EQ(law.default_bootstrap, 1000);
  EXPECT_EQ(expression_law("loss=e*m", kColumns).parameters, Strings{"e"}) << "e is no constant";
}

TEST(Expression, parameters_in_which_it_is_affine_become_coefficients) {
  EXPECT_EQ(split("E + A*m^-a + B*log(D)"), (Split{{"E", "A", "B"}, {"a"}}));
  EXPECT_EQ(split("E + A*N^-a + B*D^-b"), (Split{{"E", "A", "B"}, {"a", "b"}}));
  EXPECT_EQ(split("E + (m/M)^-a"), (Split{{"E", ""}, {"M", "a"}}));
  EXPECT_EQ(split("1.69 + A*m^-0.34"), (Split{{"A", ""}, {}}));
  EXPECT_EQ(split("a*b*m"), (Split{{"a"}, {"b"}}));
  EXPECT_EQ(split("a*m + b*(m + c)"), (Split{{"a", "b"}, {"c"}})) << "b·c bars c";
  EXPECT_EQ(split("abs(A)*m + B"), (Split{{"B", ""}, {"A"}})) << "affine only for one sign";
  EXPECT_EQ(split("max(A, 2) + B*m"), (Split{{"B", ""}, {"A"}}));
  EXPECT_EQ(split("A + B*m + 1e-5*A*B"), (Split{{"A", ""}, {"B"}}));
  EXPECT_EQ(split("exp(-k*m)"), (Split{{""}, {"k"}}));
  EXPECT_EQ(split("A*log(B*m)"), (Split{{"A"}, {"B"}}));
  EXPECT_EQ(split("m > 512 ? A : B*m"), (Split{{"A", "B"}, {}}));
  EXPECT_EQ(split("E + A/(1 + (m/k)^a) - c*l"), (Split{{"E", "A", "c"}, {"k", "a"}}));
}

TEST(Expression, columns_are_those_of_the_closed_form) {
  const Law law = expression_law("E + A*m^-a + B*log(D) + m^-0.5", kColumns);
  const Data data = rows_for(law);
  const auto basis = expression_basis(law, data);
  ASSERT_EQ(basis->coefficients, (Strings{"E", "A", "B", ""}));
  Eigen::MatrixXd phi;
  basis->evaluate(Eigen::VectorXd::Constant(1, 0.7), phi);
  ASSERT_EQ(phi.rows(), 5);
  for (Eigen::Index i = 0; i < phi.rows(); ++i) {
    const double m = data.inputs[0][static_cast<size_t>(i)], D = data.inputs[1][static_cast<size_t>(i)];
    EXPECT_NEAR(phi(i, 0), 1, 1e-15);
    EXPECT_NEAR(phi(i, 1), std::pow(m, -0.7), 1e-15);
    EXPECT_NEAR(phi(i, 2), std::log(D), 1e-13);
    EXPECT_NEAR(phi(i, 3), std::pow(m, -0.5), 1e-16);
  }
  // Without a part of its own, the columns that no shape moves are kept; they must be the same.
  const auto kept = expression_basis(expression_law("E + A*m^-a + B*log(D)", kColumns), data);
  ASSERT_EQ(kept->coefficients, (Strings{"E", "A", "B"}));
  Eigen::MatrixXd again;
  kept->evaluate(Eigen::VectorXd::Constant(1, 0.7), again);
  EXPECT_LT((again - phi.leftCols(3)).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_EQ(basis->reference(1, Eigen::VectorXd::Constant(1, 0.7)), 0);
}

TEST(Expression, slopes_are_those_of_the_closed_form) {
  const Law law = expression_law("E + A*m^-a + B*D^-b", kColumns);
  const Data data = rows_for(law);
  const auto basis = expression_basis(law, data);
  const Eigen::Vector3d c(1.7, 400, -2000);
  for (const double theta : {-1.5, 0.0, 0.34, 5.0}) {
    const Eigen::Vector2d at(theta, theta + 0.1);
    Eigen::MatrixXd phi, out;
    basis->evaluate(at, phi);
    basis->slopes(at, c, phi, out);
    for (Eigen::Index i = 0; i < out.rows(); ++i) {
      for (size_t k = 0; k < 2; ++k) {
        const auto p = static_cast<Eigen::Index>(k);
        const double x = data.inputs[k][static_cast<size_t>(i)];
        const double exact = -c[p + 1] * std::log(x) * std::pow(x, -at[p]);
        // What differences lose is a part of the largest addend, not of a slope that may be far smaller.
        const double size = std::abs(exact) + 1e-3 * (c.array() * phi.row(i).transpose().array()).abs().maxCoeff();
        EXPECT_NEAR(out(i, p), exact, 1e-9 * size) << theta << " row " << i << " shape " << k;
      }
    }
  }
}

TEST(Expression, values_that_are_not_finite_are_left_for_the_solver) {
  const Law law = expression_law("A*(m - k)^-a", kColumns);
  Data data = rows_for(law);
  const auto basis = expression_basis(law, data);
  Eigen::MatrixXd phi;
  basis->evaluate(Eigen::Vector2d(70, 0.5), phi);
  EXPECT_TRUE(std::isnan(phi(0, 0))) << "a negative base";
  EXPECT_TRUE(std::isfinite(phi(4, 0)));
}

// Rows to predict are split as those that were fitted, whatever they hold; none at all is a table too.
TEST(Expression, the_split_does_not_depend_on_the_rows) {
  const Law law = expression_law("E + A*m^-a + exp(k*m)", kColumns);
  for (const double m : {0.0, -1.0, 1e300, std::nan("")}) {
    Data data;
    data.inputs = {{m}};
    data.y = {1};
    EXPECT_EQ(expression_basis(law, data)->coefficients, (Strings{"E", "A", ""}));
  }
  const auto none = expression_basis(law, {});
  Eigen::MatrixXd phi;
  none->evaluate(Eigen::Vector2d(1, 1), phi);
  EXPECT_EQ(phi.rows(), 0);
  EXPECT_EQ(phi.cols(), 3);
}

TEST(Expression, several_threads_may_evaluate_at_once) {
  const Law law = expression_law("E + A*m^-a + B*D^-b", kColumns);
  const auto basis = expression_basis(law, rows_for(law, 240));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Eigen::Vector2d theta(0.1 * (t + 1), 0.2);
      Eigen::MatrixXd first, again;
      basis->evaluate(theta, first);
      for (int i = 0; i < 50; ++i) {
        basis->evaluate(theta, again);
        if (again != first || std::abs(first(0, 1) - std::pow(64, -theta[0])) > 1e-14) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Expression, evaluating_is_quick) {
  const Law law = expression_law("E + A*m^-a + B*D^-b", kColumns);
  const auto basis = expression_basis(law, rows_for(law, 240));
  Eigen::MatrixXd phi;
  const auto start = std::chrono::steady_clock::now();
  constexpr int kTimes = 200;
  for (int i = 0; i < kTimes; ++i) basis->evaluate(Eigen::Vector2d(0.3, 0.2 + 1e-3 * i), phi);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  RecordProperty("microseconds", std::to_string(took.count() / kTimes));
  EXPECT_LT(took.count() / kTimes, 2000) << "under 100 where nothing else runs";
}

TEST(Expression, says_what_cannot_be_read_and_where) {
  const auto bad = [](const std::string& formula, const std::string& fragment) {
    expect_error(fragment, [&] { expression_law(formula, kColumns); });
  };
  bad("", "formula '': position 1: ");
  bad("E + * m", "formula 'E + * m': position 5: unexpected '*'");
  bad("L = E + * m", "position 9: unexpected '*'");
  bad("E + A*(m^-a", "a parenthesis is not closed");
  bad("E + A*m)", "position 8: unexpected ')'");
  bad("E + A m", "position 7: unexpected 'm'");
  bad("E + A*", "something is missing at the end");
  bad("E + 2m", "position 6: unexpected 'm'");
  bad("2E + A*m", "position 1: unexpected '2E'; a product has a *");
  bad("A*m + 1e", "position 7: unexpected '1e'");
  bad("E = A*m", "position 3: an '=' inside");
  bad("L = E = A*m", "position 7: an '=' inside");
  bad("E*m, A", "position 4: unexpected ','");
  bad("E + A*log(m, 2)", "too many arguments");
  bad("E + \"text\"*m", "position 5: unexpected");
  bad("E + A*sin(m)", "unexpected");
  bad("E·m", "unexpected");
  bad("E + A*width", "no column of the table in it");
  bad("M*A", "no column of the table in it (did you mean m?)");
  bad("m^2 + 3", "no parameter in it");
  bad("3", "no parameter in it");
  bad("A*m + 0*B", "parameter B changes nothing");
  bad("a+b+c+d+e+f+g+h+i+j+k+m+n+o", "13 parameters");
  bad("m + " + std::string(3000, 'a'), "longer than 2000 bytes");
  bad("A + m^-" + std::string(101, 'a'), "position 8: a name of 101 characters, expected at most 100");
  EXPECT_EQ(expression_law("A + m^-" + std::string(100, 'a'), kColumns).parameters.size(), 2u);
}

TEST(Expression, any_text_gives_a_law_or_a_usage_error) {
  constexpr const char* kWords[] = {"m", "D",    "A",    "b", " ", "+", "-", "*", "/",  "^",  "(", ")", "3", "1e",
                                    ".", "log(", "max(", ",", "=", "?", ":", "<", "&&", "\"", "!", "#", "_"};
  uint32_t state = 3;
  for (int i = 0; i < 20000; ++i) {
    std::string formula = i % 2 ? "A*m+" : "";
    for (uint32_t k = 0, n = 1 + (state >> 16) % 11; k < n; ++k) {
      state = state * 1664525 + 1013904223;
      formula += kWords[(state >> 16) % std::size(kWords)];
    }
    try {
      const Law law = expression_law(formula, kColumns);
      Eigen::MatrixXd phi;
      const auto basis = expression_basis(law, rows_for(law));
      basis->evaluate(Eigen::VectorXd::Ones(static_cast<Eigen::Index>(basis->shapes.size())), phi);
      EXPECT_EQ(phi.rows(), 5);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage) << e.what();
    } catch (...) {
      ADD_FAILURE() << formula;
    }
  }
}

}  // namespace
}  // namespace superpose::fit
