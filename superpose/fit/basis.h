// SPDX-License-Identifier: Apache-2.0
// A law prepared for the rows of a table. Every law here is separable: for given shape parameters θ (the exponents) it
// is linear in its coefficients c,
//   p_i = Σ_k c_k·φ_k(i; θ)  (+ an offset per group, which the solver adds).
// Private to fit/.
#pragma once
#include <Eigen/Core>
#include <memory>
#include <string>
#include <vector>

#include "superpose/fit/fit.h"

namespace superpose::fit {

struct ShapeRange {
  double low = 0, high = 0;  // where θ is searched, both ends included
};

class Basis {
 public:
  virtual ~Basis() = default;
  std::vector<std::string> shapes;        // [P] names of θ
  std::vector<ShapeRange> ranges;         // [P]
  std::vector<std::string> coefficients;  // [K] names of c; "" = a part without a coefficient, held at 1
  std::vector<bool> nonnegative;          // [K]

  // phi [n, K] at theta [P].
  virtual void evaluate(const Eigen::VectorXd& theta, Eigen::MatrixXd& phi) const = 0;
  // out [n, P] = ∂p/∂θ at coefficients c [K]; phi as evaluate(theta) left it.
  virtual void slopes(const Eigen::VectorXd& theta, const Eigen::VectorXd& c, const Eigen::MatrixXd& phi,
                      Eigen::MatrixXd& out) const = 0;
  // φ_k is scaled so that no power overflows: the coefficient in the units of the table is c_k·exp(reference(k, θ)).
  virtual double reference(size_t k, const Eigen::VectorXd& theta) const = 0;
  // ∂reference(k, θ)/∂θ [P].
  virtual Eigen::VectorXd reference_slope(size_t k, const Eigen::VectorXd& theta) const = 0;
  // For a law that is one power and nothing else, ln p = ln c - θ·logs[i]; else null. Its fit on logarithms is a
  // straight line, and is computed as one.
  virtual const Eigen::VectorXd* only_power() const { return nullptr; }
};

// c/x^a terms. `data.inputs` in the order of `law.inputs`; Error{numeric} unless all are above 0. A coefficient named
// in `held` has reference 0, so that holding it holds the number the user sees. `like`: take the references of that
// basis (rows to predict must be scaled as the rows that were fitted); null: of these rows.
std::unique_ptr<Basis> power_basis(const Law& law, const Data& data, const std::vector<bool>& held, const Basis* like);
// The user's formula, see expression.cc.
std::unique_ptr<Basis> expression_basis(const Law& law, const Data& data);
std::unique_ptr<Basis> make_basis(const Law& law, const Data& data, const std::vector<bool>& held, const Basis* like);

}  // namespace superpose::fit
