// SPDX-License-Identifier: Apache-2.0
// A fit as its page needs it: the JSON of `superpose fit`, read field by field. What is missing or of another type is
// empty here, so that nothing behind this has to look at JSON again.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/report/figure.h"

namespace superpose::report {

struct OpenInterval {
  double low, high;  // infinite where nothing bounds it
  bool bounded() const;
};

struct FitParameter {
  std::string name;
  std::optional<double> value, se;
  std::optional<OpenInterval> ci95, profile, bootstrap, asymptotic;
  bool identified = false, held = false, at_bound = false;
  // A value that may be drawn and printed as one.
  std::optional<double> known() const { return identified || held ? value : std::nullopt; }
};

// A part of the law that depends on inputs: sign·coefficient/(product of inputs)^exponent, or sign·coefficient·ln.
struct FitTerm {
  std::string coefficient, exponent;  // exponent: empty for a logarithm
  std::vector<std::string> inputs;
  double sign = 1;
};

struct FitInput {
  std::string name, column;
  std::vector<double> values;
};

struct FitCurve {
  std::string group;
  std::vector<double> x, y, low, high;  // low and high: NaN where there is no band
};

struct FitProfile {
  std::string parameter;
  std::vector<double> value, excess;
};

struct BacktestPoint {
  std::string group;
  double x, observed, predicted;
  std::optional<OpenInterval> interval;
  std::optional<bool> covered;
};

struct FitPage {
  const Json* fit = nullptr;
  std::string law, formula, table, y_name;
  bool identified = false;
  bool logarithms = false;  // residuals are differences of logarithms
  size_t rows = 0;
  std::vector<FitParameter> parameters;
  std::vector<FitTerm> terms;
  std::vector<std::string> unread;  // summands of the formula that are no such term and no offset
  std::string offset;               // name of the floor; of the floors of groups: the part before ".group"
  // Of the same length, or empty: one per row.
  std::vector<FitInput> inputs;
  std::vector<double> y, predicted, residuals;
  std::vector<std::string> group, unit;
  std::vector<std::string> groups;  // in order of appearance
  std::optional<Interval> window;
  std::vector<FitCurve> curves;
  std::vector<FitProfile> profiles;
  std::vector<BacktestPoint> backtest;
  std::vector<std::pair<std::string, std::vector<double>>> draws;  // of the bootstrap; NaN where one has no value
  std::vector<Figure> figures;
  std::string prefix;  // of the figures' ids, where several fits share a page: "fit2-"

  const FitParameter* parameter(const std::string& name) const;
  const FitInput* input(const std::string& name) const;
  std::string offset_of(const std::string& of_group) const;  // its parameter's name
  const std::vector<double>* draws_of(const std::string& name) const;
};

FitPage make_fit_page(const Json& fit);
std::string fit_body(const FitPage& page);
// The command that makes the page again, as a shell reads it.
std::string fit_command(const FitPage& page);

// Reads terms, unread and offset from the formula, knowing parameters and inputs.
void read_formula(FitPage& page);

// "0.347", "1 385", "5.73e+07"
std::string amount(double value, int digits = 3);
// An end of the interval with as many digits as tell it from the other.
std::string end_text(double end, const OpenInterval& interval);
// "[0.84, 1.05]", "at most 2.29", "at least 0.1", "unbounded"
std::string interval_text(const OpenInterval& interval);

// Of the table of laws, or the user's own formula.
std::string law_name(const FitPage& page);

}  // namespace superpose::report
