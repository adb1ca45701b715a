// SPDX-License-Identifier: Apache-2.0
// Scales and ticks.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/report/figure.h"

namespace superpose::report {

// Can it be drawn at all: finite, positive on a logarithmic axis, and not so large that a range over it overflows.
bool drawable(double value, bool log);
inline bool drawable(const std::optional<double>& value, bool log) { return value && drawable(*value, log); }

struct Scale {
  bool log = false;
  double low = 0, high = 1;  // values, low < high
  double from = 0, to = 1;   // points on the page at low and high
  // 0 at low, 1 at high.
  double share(double value) const;
  double at(double value) const { return from + share(value) * (to - from); }
  // The same, held inside the axis: an interval's end that is far out, or not positive on a logarithmic axis.
  double inside(double value) const;
  bool holds(double value) const;
};

// What the axis shows: the given domain when it makes sense, else the data with a margin. Intervals count too, but one
// huge interval may not flatten everything: it is cut at the axis. Never inverted or empty.
Interval domain_of(const Panel& panel, bool of_y);

struct Tick {
  double value = 0;
  std::string label;  // empty: a minor tick
};

// Ascending, all inside the domain: the given ones; or on a logarithmic axis the powers of ten with minor ticks at 2 to
// 9 times (within about a decade those that read well are labelled too); or 1-2-5 steps, at most about `most`.
std::vector<Tick> ticks_of(const Axis& axis, Interval domain, size_t most);

}  // namespace superpose::report
