// SPDX-License-Identifier: Apache-2.0
// The user's own law, e.g. "E + A*m^-a + B*log(D)". Parameters in which the formula is affine become coefficients; that
// is found by trying, not by algebra:
//   p = f(0; θ) + Σ_k c_k·(f(e_k; θ) - f(0; θ))      f(c; θ) the formula, e_k one coefficient at 1 and the others at 0
// The others are shapes, whose slopes are differences of the fourth order.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <mutex>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/base/printable.h"
#include "superpose/fit/basis.h"
#include "superpose/fit/formula.h"

namespace superpose::fit {
namespace {

constexpr std::string_view kFormula = "formula";
constexpr size_t kMostParameters = 12;
constexpr size_t kLongestName = 100;  // that muParser defines

// Names in the order in which a formula brings them up.
struct Names {
  std::vector<std::string> seen;
  std::vector<std::unique_ptr<double>> places;

  static double* add(const char* name, void* names) {
    auto& self = *static_cast<Names*>(names);
    self.seen.emplace_back(name);
    self.places.push_back(std::make_unique<double>(1));
    return self.places.back().get();
  }
};

// "L = E + ..." without the "L =", in spaces: positions stay those of the text.
std::string right_side(std::string_view formula) {
  std::string out(formula);
  const size_t equals = out.find('=');
  if (equals == std::string::npos) return out;
  const auto left = std::string_view(out).substr(0, equals);
  const size_t first = left.find_first_not_of(' ');
  const auto name =
      first == std::string_view::npos ? left.substr(0, 0) : left.substr(first, left.find_last_not_of(' ') - first + 1);
  if (name == "L" || name == "loss" || name == "y") std::fill_n(out.begin(), equals + 1, ' ');
  return out;
}

// muParser reads a lone '=' as an assignment and a comma outside of a call as a second formula.
void check_signs(std::string_view formula, const std::string& text) {
  int open = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto next = i + 1 < text.size() ? text[i + 1] : ' ';
    const auto before = i > 0 ? text[i - 1] : ' ';
    open += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (text[i] == '=' && next != '=' && before != '=' && before != '<' && before != '>' && before != '!') {
      fail_formula(kFormula, formula, i + 1, "an '=' inside; expected one expression, e.g. L = E + A*m^-a");
    }
    if (text[i] == '"' || (text[i] >= 0 && text[i] < ' ' && text[i] != '\t' && text[i] != '\n')) {
      fail_formula(kFormula, formula, i + 1, "unexpected " + printable(text.substr(i, 1)));
    }
    if (text[i] == ',' && open <= 0) fail_formula(kFormula, formula, i + 1, "unexpected ','");
  }
}

// One formula with places for its numbers; not for use by two threads at a time.
class Compiled {
 public:
  explicit Compiled(const Law& law) : parameters(law.parameters.size()), inputs(law.inputs.size()) {
    define_functions(parser_);
    for (size_t k = 0; k < parameters.size(); ++k) parser_.DefineVar(law.parameters[k], &parameters[k]);
    for (size_t k = 0; k < inputs.size(); ++k) parser_.DefineVar(law.inputs[k], &inputs[k]);
    parser_.SetExpr(right_side(law.expression));
  }
  double value() const { return parser_.Eval(); }

  std::vector<double> parameters, inputs;

 private:
  mu::Parser parser_;
};

// Points at which the shape of a formula is tried. They depend on the law alone, so that rows to predict are taken
// apart as the rows that were fitted.
struct Trial {
  std::vector<double> parameters, inputs;
};

// A fixed sequence in (0, 1): the fractional parts of multiples of the golden ratio.
double spread(size_t i) {
  const double x = 0.6180339887498949 * static_cast<double>(i + 1);
  return x - std::floor(x);
}

std::vector<Trial> trials(const Law& law) {
  constexpr size_t kNearOne = 8, kAllSizes = 24;  // inputs of 0.6 to 3, and of 0.1 to 1e12
  std::vector<Trial> out(kNearOne + kAllSizes);
  size_t i = 0;
  for (size_t t = 0; t < out.size(); ++t) {
    for (size_t k = 0; k < law.parameters.size(); ++k) out[t].parameters.push_back(0.2 + 1.3 * spread(i++));
    for (size_t k = 0; k < law.inputs.size(); ++k) {
      const double u = spread(i++);
      out[t].inputs.push_back(t < kNearOne ? 0.6 + 2.4 * u : std::pow(10, 13 * u - 1));
    }
  }
  return out;
}

class Affinity {
 public:
  explicit Affinity(const Law& law) : formula_(law), trials_(trials(law)) {}

  // Is the formula affine in these parameters jointly, whatever the others are?
  bool holds(const std::vector<size_t>& members);
  // Does the formula change with this parameter at all?
  bool matters(size_t parameter);
  // Is what coefficient k of `linear` multiplies the same to the last bit whatever the shapes are?
  bool constant_in(const std::vector<size_t>& shape, const std::vector<size_t>& linear, size_t k);
  // Is anything left when these parameters are all 0?
  bool rest(const std::vector<size_t>& zeros);

 private:
  // Coefficients may have any sign and size.
  static constexpr std::array<double, 6> kScales{1, -1, 3, -40, 0.1, -0.3};

  double at(const Trial& trial, const std::vector<size_t>& members, const std::vector<double>& c) {
    formula_.parameters = trial.parameters;
    formula_.inputs = trial.inputs;
    for (size_t k = 0; k < members.size(); ++k) formula_.parameters[members[k]] = c[k];
    return formula_.value();
  }
  bool holds_at(const Trial& trial, const std::vector<size_t>& members);

  Compiled formula_;
  std::vector<Trial> trials_;
};

bool Affinity::holds_at(const Trial& trial, const std::vector<size_t>& members) {
  constexpr double kSame = 1e-9;
  std::vector<double> c(members.size());
  const double origin = at(trial, members, c);
  std::vector<double> step(members.size());
  for (size_t k = 0; k < members.size(); ++k) {
    c.assign(members.size(), 0);
    c[k] = 1;
    step[k] = at(trial, members, c) - origin;
  }
  for (size_t s = 0; s < kScales.size(); ++s) {
    double expected = origin, size = std::abs(origin);
    for (size_t k = 0; k < members.size(); ++k) {
      c[k] = kScales[(s + k) % kScales.size()] * trial.parameters[members[k]];
      expected += c[k] * step[k];
      size += std::abs(c[k] * step[k]);
    }
    const double found = at(trial, members, c);
    if (!std::isfinite(found) && !std::isfinite(expected)) continue;  // out of range here: no evidence
    if (!(std::abs(found - expected) <= kSame * size)) return false;
  }
  return true;
}

bool Affinity::holds(const std::vector<size_t>& members) {
  return std::all_of(trials_.begin(), trials_.end(), [&](const Trial& t) { return holds_at(t, members); });
}

bool Affinity::matters(size_t parameter) {
  return std::any_of(trials_.begin(), trials_.end(), [&](const Trial& t) {
    const double now = at(t, {}, {});
    return std::any_of(kScales.begin(), kScales.end(), [&](double c) {
      const double moved = at(t, {parameter}, {c * t.parameters[parameter]});
      return std::isfinite(now) && std::isfinite(moved) && moved != now;
    });
  });
}

bool Affinity::constant_in(const std::vector<size_t>& shape, const std::vector<size_t>& linear, size_t k) {
  std::vector<double> c(linear.size());
  c[k] = 1;
  return std::all_of(trials_.begin(), trials_.end(), [&](Trial t) {
    const double now = at(t, linear, c);
    for (const size_t p : shape) t.parameters[p] = 1.9 - t.parameters[p];
    return at(t, linear, c) == now;
  });
}

bool Affinity::rest(const std::vector<size_t>& zeros) {
  const std::vector<double> c(zeros.size());
  return std::any_of(trials_.begin(), trials_.end(), [&](const Trial& t) { return at(t, zeros, c) != 0; });
}

class ExpressionBasis : public Basis {
 public:
  ExpressionBasis(const Law& law, const Data& data) : law_(law), inputs_(data.inputs), n_(data.y.size()) {
    inputs_.resize(law.inputs.size());
    split(Affinity(law));
    keep_constant_columns(Affinity(law));
    constexpr ShapeRange kShapes{-10, 10};
    for (const size_t k : linear_) coefficients.push_back(law.parameters[k]);
    for (const size_t k : shape_) shapes.push_back(law.parameters[k]);
    if (rest_) coefficients.emplace_back();
    ranges.assign(shapes.size(), kShapes);
    nonnegative.assign(coefficients.size(), false);
  }

  void evaluate(const Eigen::VectorXd& theta, Eigen::MatrixXd& phi) const override;
  void slopes(const Eigen::VectorXd& theta, const Eigen::VectorXd& c, const Eigen::MatrixXd& phi,
              Eigen::MatrixXd& out) const override;
  double reference(size_t, const Eigen::VectorXd&) const override { return 0; }
  Eigen::VectorXd reference_slope(size_t, const Eigen::VectorXd& theta) const override {
    return Eigen::VectorXd::Zero(theta.size());
  }

 private:
  // Takes a compiled formula for as long as it lives, so that several threads may evaluate at once.
  class Loan {
   public:
    explicit Loan(const ExpressionBasis& basis);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Compiled* operator->() const { return formula_.get(); }
    Compiled& operator*() const { return *formula_; }

   private:
    const ExpressionBasis& basis_;
    std::unique_ptr<Compiled> formula_;
  };

  void split(Affinity tried);
  void keep_constant_columns(Affinity tried);
  void set(Compiled& formula, const Eigen::VectorXd& theta) const {
    for (size_t k = 0; k < shape_.size(); ++k) formula.parameters[shape_[k]] = theta[static_cast<Eigen::Index>(k)];
  }
  // The formula at every row.
  Eigen::VectorXd values(Compiled& formula) const;

  const Law law_;
  std::vector<std::vector<double>> inputs_;  // [input][row]
  size_t n_;
  std::vector<size_t> linear_, shape_;  // parameters of the law
  bool rest_ = false;                   // something is left at c = 0
  std::vector<Eigen::VectorXd> known_;  // [linear] the column where no shape moves it, else empty
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Compiled>> idle_;
};

ExpressionBasis::Loan::Loan(const ExpressionBasis& basis) : basis_(basis) {
  const std::lock_guard lock(basis.mutex_);
  if (basis.idle_.empty()) {
    formula_ = std::make_unique<Compiled>(basis.law_);
  } else {
    formula_ = std::move(basis.idle_.back());
    basis.idle_.pop_back();
  }
}

ExpressionBasis::Loan::~Loan() {
  const std::lock_guard lock(basis_.mutex_);
  basis_.idle_.push_back(std::move(formula_));
}

// Greedy, in order of appearance.
void ExpressionBasis::split(Affinity tried) {
  for (size_t k = 0; k < law_.parameters.size(); ++k) {
    linear_.push_back(k);
    if (tried.holds(linear_)) continue;
    linear_.pop_back();
    shape_.push_back(k);
  }
  rest_ = tried.rest(linear_);
}

// E in E + A*m^-a is 1 at every row: two powers less to compute each time.
void ExpressionBasis::keep_constant_columns(Affinity tried) {
  known_.resize(linear_.size());
  if (rest_) return;  // columns are then differences, which rounding moves
  Compiled formula(law_);
  for (const size_t p : shape_) formula.parameters[p] = 0;
  for (const size_t other : linear_) formula.parameters[other] = 0;
  for (size_t k = 0; k < linear_.size(); ++k) {
    if (!tried.constant_in(shape_, linear_, k)) continue;
    formula.parameters[linear_[k]] = 1;
    const Eigen::VectorXd column = values(formula);
    formula.parameters[linear_[k]] = 0;
    if (column.allFinite()) known_[k] = column;
  }
}

Eigen::VectorXd ExpressionBasis::values(Compiled& formula) const {
  Eigen::VectorXd out(static_cast<Eigen::Index>(n_));
  for (size_t i = 0; i < n_; ++i) {
    for (size_t k = 0; k < inputs_.size(); ++k) formula.inputs[k] = inputs_[k][i];
    out[static_cast<Eigen::Index>(i)] = formula.value();
  }
  return out;
}

void ExpressionBasis::evaluate(const Eigen::VectorXd& theta, Eigen::MatrixXd& phi) const {
  const Loan formula(*this);
  phi.resize(static_cast<Eigen::Index>(n_), static_cast<Eigen::Index>(coefficients.size()));
  set(*formula, theta);
  for (const size_t k : linear_) formula->parameters[k] = 0;
  if (rest_) phi.col(phi.cols() - 1) = values(*formula);
  for (size_t k = 0; k < linear_.size(); ++k) {
    auto column = phi.col(static_cast<Eigen::Index>(k));
    if (known_[k].size() > 0) {
      column = known_[k];
      continue;
    }
    formula->parameters[linear_[k]] = 1;
    column = values(*formula);
    if (rest_) column -= phi.col(phi.cols() - 1);
    formula->parameters[linear_[k]] = 0;
  }
}

// f' = (8·(f(+h) - f(-h)) - (f(+2h) - f(-2h)))/(12·h), error h⁴·f⁽⁵⁾/30: of x^-θ that is (h·ln x)⁴/30 of the slope,
// 3e-11 at x = 1e12. A part without a coefficient has its 1 in c.
void ExpressionBasis::slopes(const Eigen::VectorXd& theta, const Eigen::VectorXd& c, const Eigen::MatrixXd&,
                             Eigen::MatrixXd& out) const {
  constexpr double kStep = 0x1p-13;  // 1.2e-4; a power of two, so that θ ± h is exact
  const Loan formula(*this);
  out.resize(static_cast<Eigen::Index>(n_), theta.size());
  for (size_t k = 0; k < linear_.size(); ++k) formula->parameters[linear_[k]] = c[static_cast<Eigen::Index>(k)];
  const auto difference = [&](Eigen::Index p, double h) {
    Eigen::VectorXd moved = theta;
    moved[p] = theta[p] + h;
    set(*formula, moved);
    const Eigen::VectorXd above = values(*formula);
    moved[p] = theta[p] - h;
    set(*formula, moved);
    return Eigen::VectorXd(above - values(*formula));
  };
  for (Eigen::Index p = 0; p < theta.size(); ++p) {
    out.col(p) = (8 * difference(p, kStep) - difference(p, 2 * kStep)) / (12 * kStep);
  }
}

void check(const Law& law, const std::vector<std::string>& columns) {
  const auto fail = [&](const std::string& text) {
    throw Error(ErrorKind::usage, fmt::format("formula '{}': {}", law.expression, text));
  };
  const auto& parameters = law.parameters;
  if (parameters.empty()) fail("no parameter in it, expected a name that is no column, e.g. A in A*m^-a");
  if (law.inputs.empty()) fail("no column of the table in it" + suggestion(parameters[0], columns));
  if (parameters.size() > kMostParameters) {
    fail(fmt::format("{} parameters ({}), expected at most {}", parameters.size(), fmt::join(parameters, ", "),
                     kMostParameters));
  }
  Affinity tried(law);
  for (size_t k = 0; k < parameters.size(); ++k) {
    if (!tried.matters(k))
      fail(fmt::format("parameter {} changes nothing that is finite; leave it out", parameters[k]));
  }
}

}  // namespace

Law expression_law(std::string_view formula, const std::vector<std::string>& columns) {
  if (formula.size() > kLongestFormula) {
    fail_formula(kFormula, formula, kLongestFormula, fmt::format("longer than {} bytes", kLongestFormula));
  }
  Law law{.name = "expression", .formula = std::string(formula), .expression = std::string(formula)};
  const std::string text = right_side(formula);
  check_signs(formula, text);
  Names names;
  try {
    mu::Parser parser;
    define_functions(parser);
    parser.SetVarFactory(Names::add, &names);
    parser.SetExpr(text);
    parser.Eval();
  } catch (const mu::ParserError& error) {
    fail_formula(kFormula, formula, error);
  }
  for (const auto& name : names.seen) {
    if (name.size() > kLongestName) {
      fail_formula(kFormula, formula, text.find(name) + 1,
                   fmt::format("a name of {} characters, expected at most {}", name.size(), kLongestName));
    }
    if (name[0] >= '0' && name[0] <= '9') {  // muParser takes 2E for a name
      fail_formula(
          kFormula, formula, text.find(name) + 1,
          fmt::format("unexpected '{}'; a product has a *, a number with an exponent digits behind its e", name));
    }
    const bool known = std::find(columns.begin(), columns.end(), name) != columns.end();
    (known ? law.inputs : law.parameters).push_back(name);
  }
  check(law, columns);
  return law;
}

std::unique_ptr<Basis> expression_basis(const Law& law, const Data& data) {
  return std::make_unique<ExpressionBasis>(law, data);
}

}  // namespace superpose::fit
