// SPDX-License-Identifier: Apache-2.0
// Minimises F(θ, c, b) = Σ w_i·ρ(r_i), r_i = y_i - p_i or ln y_i - ln p_i, p_i = Σ_k c_k·φ_k(i; θ) + sign·b[group_i].
//
//   search  for given θ the coefficients are a non-negative least-squares problem (variable projection, Golub and
//           Pereyra 1973; NNLS, Lawson and Hanson 1974), so only θ is searched: a grid, then its lowest basins
//   polish  Levenberg-Marquardt on all parameters with bounds (active set, clamped steps); the offsets b are eliminated
//           from every step (arrow structure), so thousands of groups cost no more than one
//   robust  Huber's ρ by majorisation (weights delta/|r| outside), turned into Newton's method as it converges
//
// Private to fit/. All methods are const and may run on several threads.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <vector>

#include "superpose/fit/basis.h"

namespace superpose::fit {

struct Point {
  Eigen::VectorXd theta;  // [P]
  Eigen::VectorXd c;      // [K]; ln c where the basis is only a power fitted on logarithms
  Eigen::VectorXd b;      // [G]
};

// What the solver works on: rows, and which parameters may move.
struct System {
  const Basis* basis = nullptr;
  Eigen::VectorXd y;                                       // [n], scaled
  bool logarithms = false;                                 // residuals of ln y
  double delta = std::numeric_limits<double>::infinity();  // Huber's, in the scale of the residuals; 0 = absolute value
  std::vector<uint32_t> group;                             // [n] index of the row's offset; empty = no offset at all
  int groups = 0;
  double offset_sign = 1;
  bool offset_nonnegative = false;
  std::vector<bool> theta_held, c_held, b_held;  // [P], [K], [G]; held values come from the start point
};

// What the law gives at a point; phi is kept because the exponentials are most of the work.
struct Evaluation {
  Eigen::VectorXd prediction, residual;  // [n]
  Eigen::MatrixXd phi;                   // [n, K]
};

struct Solution {
  Point at;
  double objective = std::numeric_limits<double>::infinity();
  int iterations = 0;
  bool moved = true;  // false: the solver ended where it started, without being at an optimum
};

// Quantities of a point that intervals are made of. Free = neither held nor at a bound.
struct Curvature {
  std::vector<int> free;          // indices into (θ, c): 0 .. P-1 are θ, P .. P+K-1 are c
  Eigen::MatrixXd inverse;        // of the normal matrix of the free (θ, c), offsets eliminated, unit weights of ρ
  Eigen::MatrixXd to_offset;      // [G, free]: B_g/D_g; the offset's response to the others
  Eigen::VectorXd offset_weight;  // [G] D_g; 0 = the group has no weight, or its offset is held or at its bound
  double smallest = 1;            // smallest eigenvalue of the normal matrix with unit diagonal; 0 = not determined
  double condition = 1;           // of the Jacobian with unit columns
  int free_offsets = 0;
};

class Solver {
 public:
  explicit Solver(System system);
  const System& system() const { return system_; }

  // Where held values are taken from and the search begins; θ in the middle of its range.
  Point blank() const;
  // The lowest optimum from many starts; then a few others that were found, best first.
  std::vector<Solution> search(const Eigen::VectorXd& weights, const Point& held, size_t starts = 6) const;
  Solution polish(const Eigen::VectorXd& weights, const Point& start) const;

  // Residuals (y - p, or of logarithms) and predictions (scaled). False when p <= 0 where its logarithm is needed.
  bool predict(const Point& at, Eigen::VectorXd& prediction, Eigen::VectorXd& residual) const;
  bool evaluate(const Point& at, Evaluation& out) const;
  double objective(const Eigen::VectorXd& weights, const Eigen::VectorXd& residual) const;
  Curvature curvature(const Eigen::VectorXd& weights, const Point& at) const;
  // Jacobian of the prediction (of its logarithm where residuals are logarithms) in (θ, c) and in the row's offset.
  void jacobian(const Point& at, const Evaluation& there, Eigen::MatrixXd& J, Eigen::VectorXd& offset) const;
  bool at_bound(const Point& at, int parameter) const;  // index into (θ, c)

  // (θ, c) as one list, 0 .. size() - 1; the offsets apart.
  int size() const { return P_ + K_; }
  double value(const Point& at, int parameter) const;
  void set_value(Point& at, int parameter, double value) const;
  double low(int parameter) const;
  double high(int parameter) const;
  bool held(int parameter) const;

 private:
  bool project(const Eigen::VectorXd& weights, Point& at, double& proxy) const;
  std::vector<Eigen::VectorXd> grid(const Point& held) const;

  System system_;
  Eigen::VectorXd ln_y_;  // of y, where residuals are logarithms
  int P_ = 0, K_ = 0;
  bool line_ = false;  // only a power, on logarithms: c is ln c
};

}  // namespace superpose::fit
