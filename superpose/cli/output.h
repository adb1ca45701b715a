// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::cli {

// {"schema": "superpose.<verb>/1", "version": ..., "config": config, ...body}.
Json json_object(std::string_view verb, const Json& config, const Json& body);
// Prints that object on stdout.
void print_json(std::string_view verb, const Json& config, const Json& body);

// A number for people: 4 significant digits, "-" when it is absent or not finite. Never "nan".
std::string number(std::optional<double> value, int digits = 4);
// "[1.2, 3.4]", an end that nothing bounds as inf, "-" when absent.
std::string interval_text(const std::optional<std::pair<double, double>>& interval);
std::string duration(double seconds);  // "850 ms", "12 s", "3 min 20 s", "5 h 02 min"

// Columns aligned to their widest cell (counted in code points), two spaces apart; the first row is the header.
// Cells that look like numbers are right-aligned.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

// Is stdout / stderr a terminal that wants colours (NO_COLOR unset, TERM not dumb)?
bool colour_stdout();
bool stderr_is_terminal();

// One line of progress on stderr: a bar with rate and ETA on a terminal, redrawn in place; elsewhere a plain line every
// ten seconds. Nothing is printed for work that ends within a second.
class ProgressLine {
 public:
  explicit ProgressLine(std::string label);
  ~ProgressLine();  // clears the bar
  // fraction in [0, 1]; text: what stands right of the bar ("12/24 runs, 1 failed"); eta_seconds < 0 = not known.
  void update(double fraction, const std::string& text, double eta_seconds);
  // Seconds left if the work goes on as it did so far; < 0 when too little is done to say.
  double eta(double fraction) const;

 private:
  std::string label_;
  double started_;
  double last_ = 0;
  bool drawn_ = false;
};

}  // namespace superpose::cli
