// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/study/inspect.h"

namespace superpose::study {
namespace {

std::string times_random(double mean_square, size_t m) {
  return fmt::format("{:.3g}/m", mean_square * static_cast<double>(m));
}

// The standard deviation of the mean square overlap of n random directions: cos² ~ Beta(1/2, (m-1)/2) has variance
// 2(m-1)/(m²(m+2)), and different pairs are uncorrelated.
double standard_error(size_t n, size_t m) {
  const double rows = static_cast<double>(n), width = static_cast<double>(m);
  return std::sqrt(2 * (width - 1) / (width * width * (width + 2)) / (0.5 * rows * (rows - 1)));
}

bool is_random(double mean_square, size_t n, size_t m) {
  const double random = 1 / static_cast<double>(m);
  return std::abs(mean_square - random) <= std::max(kRandomOverlap * random, 4 * standard_error(n, m));
}

bool looks_untrained(const Evidence& e) {
  if (!e.centered || !is_random(*e.centered, e.n - e.zero_rows, e.m)) return false;
  const bool no_wider =
      e.norm_spread && e.independent_spread && *e.norm_spread <= kInitialSpread * *e.independent_spread;
  if (!e.toy_scale) return no_wider;
  // Trained toy rows in strong superposition overlap by 1/m too, and spread about as wide; but their norms gather on
  // both sides of 1, or all at 1, which the law of their initialisation does not.
  return no_wider && *e.norm_spread * kInitialSpread >= *e.independent_spread && e.gaussian_misfit &&
         *e.gaussian_misfit <= kInitialLaw;
}

// How the norms compare with those of an initialisation, as the end of a sentence.
std::string spread_text(const Evidence& e) {
  if (!e.norm_spread || !e.independent_spread) return "";
  return fmt::format("; norms spread {:.2g} times as wide as random entries give",
                     *e.norm_spread / *e.independent_spread);
}

std::string represented_text(const Evidence& e) {
  return fmt::format("{} of {} rows in {} dimensions are represented (norm above {:.3g})", e.represented, e.n, e.m,
                     e.threshold);
}

std::string angle_text(const std::optional<double>& mean_square) {
  return mean_square ? fmt::format(" (root mean square |cos| {:.2g})", std::sqrt(*mean_square)) : "";
}

Judgement by_representation(const Evidence& e) {
  const size_t rows = e.n - e.zero_rows;
  if (e.represented <= e.m && (!e.plain_represented || *e.plain_represented <= kNearlyOrthogonal)) {
    return {Regime::none, fmt::format("{}, no more than dimensions, and nearly orthogonal{}", represented_text(e),
                                      angle_text(e.plain_represented))};
  }
  if (rows <= e.m) {
    return {Regime::cannot_tell, fmt::format("{} rows fit into {} dimensions without overlap, so nothing forces "
                                             "superposition; yet they are not orthogonal{}",
                                             rows, e.m, angle_text(e.plain))};
  }
  const double fraction = static_cast<double>(e.represented) / static_cast<double>(e.n);
  const double density = static_cast<double>(e.represented) / static_cast<double>(e.m);
  if (fraction <= kFewRows) {
    return {e.between <= kBetweenModes ? Regime::weak : Regime::cannot_tell,
            fmt::format("{}, {:.2g} per dimension{}; {:.1f} % of rows lie between {} norm modes", represented_text(e),
                        density, angle_text(e.plain_represented), 100 * e.between,
                        e.between <= kBetweenModes ? "the two" : "small and large norms: there are no two")};
  }
  if (fraction < kMostRows) {
    return {Regime::cannot_tell,
            fmt::format("{}: between weak (at most {:.0f} %) and strong superposition (at least {:.0f} %)",
                        represented_text(e), 100 * kFewRows, 100 * kMostRows)};
  }
  if (density < kFarMore) {
    return {Regime::cannot_tell,
            fmt::format("{}: only {:.3g} per dimension, where strong superposition means at least {:g}",
                        represented_text(e), density, kFarMore)};
  }
  const std::string without = e.centered ? ", without the mean row " + times_random(*e.centered, e.m) : "";
  return {Regime::strong, fmt::format("{}, {:.3g} per dimension; mean square overlap {}{}{}", represented_text(e),
                                      density, times_random(e.plain.value_or(0), e.m), without, spread_text(e))};
}

// The numbers that the rules compare, each beside its threshold; the ones that did not come to bear are left out.
std::vector<Deciding> deciding_numbers(const Evidence& e, Regime regime) {
  std::vector<Deciding> out;
  if (!e.plain || e.m < 2) return out;
  const double m = static_cast<double>(e.m), rows = static_cast<double>(e.n - e.zero_rows);
  const auto centered = e.toy_scale ? e.centered_represented : e.centered;
  const double limit = std::max(kCollapsed, kCollapsedTimesRandom / m);
  if (e.represented > 0 || regime == Regime::none) {
    out.push_back(
        {"represented rows", static_cast<double>(e.represented), m,
         fmt::format("rows with norm above {:.3g}; more than m = {} of them must overlap", e.threshold, e.m)});
  }
  if (centered && rows > m && (*centered > limit || !looks_untrained(e))) {
    out.push_back({"mean square overlap without the mean row", *centered, limit,
                   "above the threshold a large set of rows is nearly parallel and decides the figure"});
  }
  if (rows > m && e.norm_spread && e.independent_spread && e.centered &&
      is_random(*e.centered, e.n - e.zero_rows, e.m)) {
    out.push_back({"spread of norms beside random entries", *e.norm_spread / *e.independent_spread, kInitialSpread,
                   "an untrained head has norms no wider than independent entries give, and the overlap 1/m"});
  }
  if (rows > m) {
    out.push_back({"share of rows represented", static_cast<double>(e.represented) / static_cast<double>(e.n),
                   kMostRows, "strong superposition represents nearly all rows, weak superposition at most half"});
  } else if (e.plain_represented) {
    out.push_back({"mean square overlap of represented rows", *e.plain_represented, kNearlyOrthogonal,
                   "rows that fit into m dimensions show no superposition when they stand at right angles"});
  }
  if (out.size() > 3) out.erase(out.begin());
  return out;
}

}  // namespace

std::string_view regime_name(Regime regime) {
  constexpr std::string_view kNames[] = {"strong", "weak", "none", "cannot_tell"};
  return kNames[static_cast<size_t>(regime)];
}

namespace {

Judgement decide(const Evidence& e) {
  const size_t rows = e.n - e.zero_rows;
  if (!e.plain || e.m < 2) {
    return {Regime::cannot_tell,
            fmt::format("{} non-zero rows in {} dimensions have no geometry to speak of", rows, e.m)};
  }
  // With no more rows than dimensions, or toy rows near zero beside them, directions decide nothing.
  if (rows <= e.m || (e.toy_scale && e.represented <= e.m)) return by_representation(e);
  const auto centered = e.toy_scale ? e.centered_represented : e.centered;
  const double limit = std::max(kCollapsed, kCollapsedTimesRandom / static_cast<double>(e.m));
  const auto directed = e.toy_scale ? e.plain_represented : e.plain;
  if (!centered && directed && *directed > limit) {  // nothing is left once the mean row is removed
    return {Regime::cannot_tell,
            fmt::format("all rows are alike: mean square overlap {:.2g} ({}), and none without the mean row", *directed,
                        times_random(*directed, e.m))};
  }
  if (centered && *centered > limit) {
    return {Regime::cannot_tell,
            fmt::format("a large set of rows is nearly parallel, as rows that training never reached are: mean square "
                        "overlap {:.2g} ({}), {:.2g} ({}) without the mean row; whether the others are crowded has to "
                        "be asked of them alone",
                        *e.plain, times_random(*e.plain, e.m), *centered, times_random(*centered, e.m))};
  }
  if (looks_untrained(e)) {
    return {Regime::cannot_tell,
            fmt::format("rows look like a random initialisation: mean square overlap {}, without the "
                        "mean row {}{}",
                        times_random(*e.plain, e.m), times_random(*e.centered, e.m), spread_text(e))};
  }
  return by_representation(e);
}

}  // namespace

Judgement judge(const Evidence& evidence) {
  Judgement out = decide(evidence);
  out.decided_by = deciding_numbers(evidence, out.regime);
  return out;
}

}  // namespace superpose::study
