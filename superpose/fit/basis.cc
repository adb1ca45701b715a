// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/basis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "superpose/base/error.h"

namespace superpose::fit {
namespace {

class PowerBasis : public Basis {
 public:
  PowerBasis(const Law& law, const Data& data, const std::vector<bool>& held, const PowerBasis* like) {
    rows_ = static_cast<Eigen::Index>(data.y.size());
    for (size_t k = 0; k < law.terms.size(); ++k) {
      const Term& term = law.terms[k];
      coefficients.push_back(term.coefficient);
      nonnegative.push_back(!term.any_sign);
      if (term.exponent.empty()) {  // a logarithm: -ln x
        exponent_.push_back(kLogarithm);
        add_logs(law, data, term, true, nullptr, k);
        continue;
      }
      const auto known = std::find(shapes.begin(), shapes.end(), term.exponent);  // tied exponents share a name
      exponent_.push_back(static_cast<size_t>(known - shapes.begin()));
      if (known == shapes.end()) {
        shapes.push_back(term.exponent);
        // A pure power of either sign is found as a straight line, so nothing needs to bound its search.
        constexpr double kNoBound = std::numeric_limits<double>::infinity();
        ranges.push_back(law.is_only_a_power() ? ShapeRange{-kNoBound, kNoBound} : ShapeRange{kMinAlpha, kMaxAlpha});
      }
      add_logs(law, data, term, held[k], like, k);
    }
    only_power_ = law.is_only_a_power();
  }

  void add_logs(const Law& law, const Data& data, const Term& term, bool held, const PowerBasis* like, size_t k) {
    const auto n = static_cast<Eigen::Index>(data.y.size());
    Eigen::VectorXd logs = Eigen::VectorXd::Zero(n);
    for (const auto& input : term.inputs) {
      const auto& x = data.inputs[law.input_index(input)];
      for (Eigen::Index i = 0; i < n; ++i) {
        const double value = x[static_cast<size_t>(i)];
        if (!(value > 0)) {
          throw Error(ErrorKind::numeric,
                      fmt::format("law {} takes powers of {}, but row {} of the fitted rows has {} = {:g}; expected "
                                  "above 0",
                                  law.name, input, i + 1, input, value));
        }
        logs[i] += std::log(value);
      }
    }
    reference_.push_back(held || n == 0 ? 0 : like ? like->reference_[k] : logs.minCoeff());
    logs_.push_back(logs.array() - reference_.back());
  }

  void evaluate(const Eigen::VectorXd& theta, Eigen::MatrixXd& phi) const override {
    phi.resize(rows_, static_cast<Eigen::Index>(logs_.size()));
    for (size_t k = 0; k < logs_.size(); ++k) {
      auto column = phi.col(static_cast<Eigen::Index>(k));
      if (exponent_[k] == kLogarithm)
        column = -logs_[k];
      else
        column = (-exponent(theta, k) * logs_[k].array()).exp();
    }
  }

  void slopes(const Eigen::VectorXd& theta, const Eigen::VectorXd& c, const Eigen::MatrixXd& phi,
              Eigen::MatrixXd& out) const override {
    out.setZero(phi.rows(), theta.size());
    for (size_t k = 0; k < logs_.size(); ++k) {
      if (exponent_[k] == kLogarithm) continue;
      const auto column = static_cast<Eigen::Index>(k);
      out.col(static_cast<Eigen::Index>(exponent_[k])).array() -=
          c[column] * logs_[k].array() * phi.col(column).array();
    }
  }

  double reference(size_t k, const Eigen::VectorXd& theta) const override {
    return exponent_[k] == kLogarithm ? 0 : exponent(theta, k) * reference_[k];
  }

  Eigen::VectorXd reference_slope(size_t k, const Eigen::VectorXd& theta) const override {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(theta.size());
    if (exponent_[k] != kLogarithm) out[static_cast<Eigen::Index>(exponent_[k])] = reference_[k];
    return out;
  }

  const Eigen::VectorXd* only_power() const override { return only_power_ ? &logs_[0] : nullptr; }

 private:
  double exponent(const Eigen::VectorXd& theta, size_t k) const {
    return theta[static_cast<Eigen::Index>(exponent_[k])];
  }

  static constexpr size_t kLogarithm = static_cast<size_t>(-1);
  Eigen::Index rows_ = 0;
  std::vector<size_t> exponent_;       // [K] which θ, or kLogarithm
  std::vector<double> reference_;      // [K] ln x where φ_k = 1
  std::vector<Eigen::VectorXd> logs_;  // [K][n] ln x - reference
  bool only_power_ = false;
};

}  // namespace

std::unique_ptr<Basis> power_basis(const Law& law, const Data& data, const std::vector<bool>& held, const Basis* like) {
  return std::make_unique<PowerBasis>(law, data, held, dynamic_cast<const PowerBasis*>(like));
}

std::unique_ptr<Basis> make_basis(const Law& law, const Data& data, const std::vector<bool>& held, const Basis* like) {
  SUPERPOSE_ASSERT(data.inputs.size() >= law.inputs.size());
  return law.expression.empty() ? power_basis(law, data, held, like) : expression_basis(law, data);
}

}  // namespace superpose::fit
