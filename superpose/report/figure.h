// SPDX-License-Identifier: Apache-2.0
// A figure as data: panels of series of points. The bundle of web/ draws it without knowing what it shows.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "superpose/base/json.h"

namespace superpose::report {

using Interval = std::pair<double, double>;

// Which runs a point is about: what links the figures of a page. A coordinate it is not bound to is empty.
struct Setting {
  std::optional<double> alpha;  // of a power law ...
  std::string law;              // ... or the name of another law
  std::optional<double> decay, m, density;
  bool bound() const { return alpha || !law.empty() || decay || m || density; }
};

struct Point {
  double x = 0;
  std::optional<double> y;           // none: there is no finite value (a diverged run), marked at the panel's edge
  std::optional<Interval> interval;  // of y (of z in a map)
  std::vector<int64_t> runs;         // the runs of ours behind it
  std::string note;                  // shown with it; says so when recorded runs are behind it
  std::optional<double> z;           // the coloured value of a map
  std::optional<double> x2;          // of a bar: where it ends
  Setting at{};
  std::vector<std::pair<int64_t, double>> seeds{};  // (seed, value) behind y, or z, where it is a mean
};

// Where a series comes from; decides how it is drawn and named in the legend.
enum class Role { ours, fit, published, theory };
const char* role_name(Role role);  // "ours", ...

// A colour by meaning: the n-th of k on a palette that the style sheet defines for light and dark.
// "neg" and "pos": weight decay below and above 0; "seq": an ordered quantity; "cat": kinds; "ink": text colour.
struct Hue {
  std::string palette = "ink";
  int index = 0, count = 1;
};

struct Series {
  std::string key;  // legend entry, shared by all series of the same thing: "γ = −0.56"
  Role role = Role::ours;
  Hue hue;
  std::string label;           // written at the line's end; empty = none
  std::string symbol = "dot";  // "dot", "triangle", "square", "diamond", "star", "none"; "bars" from x to x2;
                               // "rule": a vertical line at x with the label on it
  bool line = false;           // connect the points
  bool band = false;           // shade between the interval's ends
  bool diverged = false;       // points without y
  std::vector<Point> points;
};

struct Axis {
  std::string label;
  bool log = false;
  std::vector<double> ticks;       // empty = the drawing chooses
  std::optional<Interval> domain;  // empty = the data's
};

struct Panel {
  std::string title;
  std::string group;  // heading in the panel chooser
  bool shown = true;  // part of the overview
  Axis x, y;
  std::vector<Series> series;
  std::optional<Interval> reference{};  // of "rows": a band of x to compare with; none: the value 1
};

// What the runs behind a figure have in common, in words; empty without runs of the store.
struct Made {
  std::string config;  // "batch = 2048, features = 1000"
  std::string varies;  // "dim = 10, 15, 25; decay = 10 values from −1 to 1"
  std::string seeds;   // "0–2"
  std::string versions;
};

struct Figure {
  std::string id;           // "loss-vs-m"
  std::string title;        // what it shows
  std::string paper;        // "Fig. 4b"; empty: not in the paper
  std::string kind = "xy";  // "xy", "map", or "rows": each series is one row with its key as name and values x
  std::string caption;      // what to see
  std::string interval;     // what the bars and bands are
  std::string empty;        // why nothing of ours is here, and the command that changes it; empty when there is
  std::string color_label;  // of a map's scale
  std::optional<Interval> color_domain;
  std::vector<Panel> panels;
  std::vector<std::string> notes;     // points that could not be drawn, and why
  std::vector<std::string> commands;  // how to make the data again
  std::vector<int64_t> runs;          // all runs of the store behind it, ascending, no duplicates
  size_t recorded = 0;                // recorded runs behind it, not of this store
  std::string source;                 // of the published series
  Made made{};
};

Json to_json(const Figure& figure);

// Is there a point of this role with a value?
bool has_role(const Figure& figure, Role role);

// Numbers as the page writes them: 4 significant digits, a true minus sign, "—" for none.
std::string number(std::optional<double> value, int digits = 3);
// "50 304" with thin spaces from 10 000 on, without decimals; "—" for none.
std::string count_text(std::optional<double> value);
// "1.06 [0.88, 1.25]"; "1.06" without an interval.
std::string with_interval(std::optional<double> value, const std::optional<Interval>& interval, int digits = 3);
// "1–24, 30" for an ascending list; run 7 of the second of several stores is "b:7", see merged_id().
std::string id_ranges(const std::vector<int64_t>& ids);
std::string id_text(int64_t id);
// One number for a run of one of several stores; store: from 0. A page of one store keeps the store's own ids.
int64_t merged_id(size_t store, int64_t id);
std::string store_letter(size_t store);  // "a", "b", ... "z", "s26", ...
// "850 ms", "12 s", "3 min 20 s", "5 h 02 min"
std::string duration_text(double seconds);

}  // namespace superpose::report
