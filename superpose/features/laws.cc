// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/base/names.h"
#include "superpose/base/number.h"
#include "superpose/features/features.h"
#include "superpose/features/file_counts.h"

namespace superpose::features {
namespace {

constexpr uint64_t kDefaultFeatures = 1000;
constexpr uint64_t kMaxFeatures = 100'000'000;

struct LawKind {
  const char* name;
  const char* argument;  // what follows the colon, for messages; nullptr = nothing may
  bool (*valid)(double);
  double (*weight)(double i, double n, double argument);  // i = 1 .. n
};

// One line per law. (file: is not a formula; it is read in file_counts.)
const LawKind kLaws[] = {
    {"power", "an exponent A >= 0", [](double a) { return a >= 0; },
     [](double i, double, double a) { return std::pow(i, -a); }},
    {"exponential", "a scale S > 0", [](double s) { return s > 0; },
     [](double i, double, double s) { return std::exp(-(i - 1) / s); }},
    {"linear", nullptr, nullptr, [](double i, double n, double) { return 1 - (i - 1) / n; }},
    {"uniform", nullptr, nullptr, [](double, double, double) { return 1.0; }},
};

struct Parsed {
  const LawKind* kind = nullptr;  // nullptr: file
  double argument = 0;
  std::string_view path;
};

Parsed parse(std::string_view spec) {
  const size_t colon = std::min(spec.find(':'), spec.size());
  const std::string name(spec.substr(0, colon));
  const std::string_view rest = colon < spec.size() ? spec.substr(colon + 1) : std::string_view{};
  const auto usage = [&](const std::string& why) {
    return Error(ErrorKind::usage, "law '" + std::string(spec) + "': " + why);
  };
  if (name == "file") {
    if (rest.empty()) throw usage("expected file:PATH, a file with a count per line");
    return {nullptr, 0, rest};
  }
  for (const LawKind& kind : kLaws) {
    if (name != kind.name) continue;
    if (!kind.argument) {
      if (colon < spec.size()) throw usage(name + " takes no parameter");
      return {&kind, 0, {}};
    }
    const auto argument = read_number(rest);
    if (!argument || !std::isfinite(*argument) || !kind.valid(*argument)) {
      throw usage("expected " + name + ":X with X " + kind.argument);
    }
    return {&kind, *argument, {}};
  }
  std::vector<std::string> known;
  for (const LawKind& kind : kLaws) known.emplace_back(kind.name);
  known.emplace_back("file");
  throw usage("unknown law" + suggestion(name, known));
}

// "power:1.0" and "power:1" are one law, and so one run in a store.
std::string canonical(std::string_view spec, const Parsed& parsed) {
  if (!parsed.kind) return std::string(spec);
  if (!parsed.kind->argument) return parsed.kind->name;
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, parsed.argument).ptr;  // shortest that reads back
  return parsed.kind->name + (":" + std::string(digits, end));
}

}  // namespace

void check_law_spec(std::string_view spec) { parse(spec); }

Law make_law(std::string_view spec, uint64_t n_features, double density) {
  const Parsed parsed = parse(spec);
  Law law;
  law.spec = canonical(spec, parsed);
  law.density = density;
  if (n_features > kMaxFeatures) {
    throw Error(ErrorKind::usage,
                "features = " + std::to_string(n_features) + ": at most " + std::to_string(kMaxFeatures));
  }
  if (!parsed.kind) {
    Counts counts = file_counts(parsed.path);
    if (n_features > counts.values.size()) {
      throw Error(ErrorKind::usage, "features = " + std::to_string(n_features) + ", but " + std::string(parsed.path) +
                                        " has only " + std::to_string(counts.values.size()) +
                                        " positive counts; leave features out to take them all");
    }
    if (n_features > 0) counts.values.resize(n_features);
    law.zeros_dropped = counts.zeros;
    law.probability = std::move(counts.values);
    law.data_fingerprint = fingerprint(std::string_view(reinterpret_cast<const char*>(law.probability.data()),
                                                        law.probability.size() * sizeof(double)));
  } else {
    law.probability.resize(n_features ? n_features : kDefaultFeatures);
    const double n = static_cast<double>(law.probability.size());
    for (size_t i = 0; i < law.probability.size(); ++i) {
      // A steep law underflows far down the tail; a feature that never occurs is as good as one that occurs once in
      // 10^290.
      law.probability[i] = std::max(1e-290, parsed.kind->weight(static_cast<double>(i + 1), n, parsed.argument));
    }
  }
  const double n = static_cast<double>(law.probability.size());
  if (!(density > 0) || density > n) {
    throw Error(ErrorKind::usage, "density = " + std::to_string(density) +
                                      ": expected 0 < E <= features = " + std::to_string(law.probability.size()));
  }
  // Smallest first: the tail of 10^6 terms is then not lost to rounding.
  const double total = std::accumulate(law.probability.rbegin(), law.probability.rend(), 0.0);
  for (double& p : law.probability) p = std::min(1.0, p * (density / total));
  law.density_realised = std::accumulate(law.probability.rbegin(), law.probability.rend(), 0.0);
  return law;
}

}  // namespace superpose::features
