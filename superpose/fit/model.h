// SPDX-License-Identifier: Apache-2.0
// A law on the rows of a table: what the solver works on, and the way between its numbers and the user's. Private to
// fit/.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "superpose/fit/fit.h"
#include "superpose/fit/solver.h"

namespace superpose::fit {

enum class ParameterKind { shape, coefficient, offset };

struct ParameterPlace {
  std::string name;
  ParameterKind kind = ParameterKind::shape;
  int index = 0;  // of θ, of the terms, of the groups
  bool held = false;
};

// How far the objective may rise and how wide the asymptotic interval is: the scale of the noise.
struct Noise {
  double dof = 0;                  // rows with weight - free parameters
  std::optional<double> variance;  // of the asymptotic covariance, × inverse normal matrix; absent when dof <= 0
  std::optional<double> excess;    // F may exceed its minimum by excess·t²/2 at the end of a profile interval
  double t = 0;                    // student_t_95(dof)
};

class Model {
 public:
  // Error{numeric} when the rows can say nothing, Error{usage} for bad options. `data` must outlive the model.
  Model(const Law& law, const Data& data, const Options& options);

  const Law& law() const { return law_; }
  const std::vector<ParameterPlace>& parameters() const { return places_; }
  const Solver& solver() const { return *solver_; }
  const Eigen::VectorXd& weights() const { return weights_; }  // [n], the table's
  double scale() const { return scale_; }                      // solver's y × scale = user's y
  const std::vector<std::string>& groups() const { return groups_; }
  Objective objective() const { return objective_; }

  // Optima on `weights` [n], best first.
  std::vector<Solution> search(const Eigen::VectorXd& weights, size_t starts = 6) const;
  Solution polish(const Eigen::VectorXd& weights, const Point& start) const;

  double value(size_t parameter, const Point& at) const;  // in the user's units
  std::vector<double> values(const Point& at) const;      // [parameters]
  // The point with these values; those that the model holds keep theirs.
  Point point(const std::vector<double>& values) const;
  void hold(size_t parameter, double value);  // of a parameter that options.fixed names: another value
  // F in the user's units.
  double objective_of(const Point& at, const Eigen::VectorXd& weights) const;

  // Which exponents say nothing because the terms they belong to are 0 (to rounding).
  std::vector<bool> vanished(const Point& at) const;  // [P]
  Curvature curvature(const Eigen::VectorXd& weights, const Point& at) const;
  Noise noise(const Eigen::VectorXd& weights, const Point& at, const Curvature& curvature) const;
  // Variance of the parameter in units of Noise::variance; absent for held ones, at a bound, or undetermined.
  std::optional<double> variance(size_t parameter, const Point& at, const Curvature& curvature) const;

  struct Forecast {
    double value = 0;     // of y
    double variance = 0;  // of p (of ln p for objectives on logarithms, relative), in units of Noise::variance
  };
  // Absent for a row of a group that was not fitted, or where p <= 0 and logarithms are needed.
  std::vector<std::optional<Forecast>> predict(const Data& rows, const Point& at, const Curvature& curvature) const;

 private:
  void read_groups(const Data& data);
  void read_rows(const Data& data, System& system);
  void place_parameters();
  void check_names(const Options& options) const;
  void mark_held(System& system) const;
  void check_widths(const Data& data) const;
  void apply_fixed(const Options& options);

  Law law_;
  Objective objective_;
  double delta_ = 0, scale_ = 1;
  Eigen::VectorXd weights_;
  std::vector<std::string> groups_;
  std::vector<ParameterPlace> places_;
  std::unique_ptr<Basis> basis_;
  std::vector<bool> coefficient_held_;
  std::unique_ptr<Solver> solver_;
  Point blank_;  // held values
  bool line_ = false;
};

// The rows chosen, in that order.
Data rows_of(const Data& data, const std::vector<size_t>& rows);

}  // namespace superpose::fit
