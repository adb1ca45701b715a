// SPDX-License-Identifier: Apache-2.0
// One descent of the solver: Levenberg-Marquardt with bounds, from a point to the bottom of its basin. Private to fit/.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "superpose/fit/objective.h"
#include "superpose/fit/solver.h"

namespace superpose::fit {

// The normal equations of one step, offsets apart: [H B; Bᵀ diag(D)] of the rows' curvature, and the way downhill.
struct Normal {
  Eigen::MatrixXd H, B;     // [q, q], [q, G]
  Eigen::VectorXd g, t, D;  // [q], [G]: downhill of (θ, c) and of the offsets; [G] their diagonal
};
// J [n, q], e [n] the row's derivative in its offset, s [n] curvature, t [n] weight·ψ.
Normal normal_equations(const Eigen::MatrixXd& J, const Eigen::VectorXd& e, const Eigen::VectorXd& s,
                        const Eigen::VectorXd& t, const System& system);

class Descent {
 public:
  Descent(const Solver& solver, const Eigen::VectorXd& weights, double delta, Point start);
  Solution run(int most_iterations);

 private:
  struct Move {
    Point to;
    double F = 0;         // there
    double gain = 0;      // slope of F along the move, times -1
    double relative = 0;  // largest relative change of a parameter
  };
  double total(const Eigen::VectorXd& residual) const;
  void linearise();
  void weigh();
  void choose_active();
  bool step();  // false: nothing can be improved
  Move propose() const;
  void shorten(Move& move);
  bool accept(const Move& move);

  const Solver& solver_;
  const System& system_;
  const Eigen::VectorXd& weights_;
  HuberLoss loss_;
  Point at_;
  double F_ = 0;
  double damping_ = 1e-3;
  double outside_ = 1;  // curvature of rows beyond delta: 1 reweights (safe), towards 0 is Newton's method (fast)
  int quiet_ = 0;       // steps in a row that changed next to nothing
  bool moved_ = false;
  Evaluation here_, there_, elsewhere_;
  Eigen::MatrixXd J_;
  Eigen::VectorXd e_;
  Normal normal_;
  std::vector<Eigen::Index> active_, offsets_;  // that may move
};

}  // namespace superpose::fit
