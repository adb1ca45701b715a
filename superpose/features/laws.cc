// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/json.h"
#include "superpose/base/names.h"
#include "superpose/features/features.h"

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

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

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
    const auto argument = to_number(rest);
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

struct Counts {
  std::vector<double> values;  // positive, descending
  uint64_t zeros = 0;
};

// The last field of each line that is not blank is a count; the first line may be a header.
Counts file_counts(std::string_view path) {
  const std::string text = read_text(path);
  Counts out;
  size_t line_number = 0;
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++line_number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const size_t separator = line.find_last_of(", \t");
    std::string_view field = separator == std::string_view::npos ? line : line.substr(separator + 1);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    const auto count = to_number(field);
    const bool may_be_header = std::exchange(first, false);
    if (!count && may_be_header) continue;
    if (!count || !std::isfinite(*count) || *count < 0) {
      throw Error(ErrorKind::bad_file, std::string(path) + ": line " + std::to_string(line_number) +
                                           ": expected a finite count >= 0 as the last field, found '" +
                                           std::string(field.substr(0, 40)) + "'");
    }
    if (*count > 0) {
      out.values.push_back(*count);
    } else {
      ++out.zeros;
    }
  }
  if (out.values.empty()) throw Error(ErrorKind::bad_file, std::string(path) + ": no positive count in it");
  std::sort(out.values.begin(), out.values.end(), std::greater<>());
  return out;
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
