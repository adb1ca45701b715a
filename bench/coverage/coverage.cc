// SPDX-License-Identifier: Apache-2.0
// How often do the 95 % intervals of `fit` cover the truth, and how often is `identified` wrong? Simulates tables of
// every law with realistic designs and noise, fits them, and prints two Markdown tables.
//
//   bench_coverage [--tables N] [--resamples R] [--only DESIGN]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/base/threads.h"
#include "superpose/fit/fit.h"

namespace {

using namespace superpose;
using fit::Data;

// Standard normal draws, a pure function of (table, position).
class Normals {
 public:
  explicit Normals(uint32_t table) : blocks_(23, RandomStream::fresh_data, table) {}
  double normal() { return normal_pair(blocks_.next())[0]; }
  double uniform() {
    const PhiloxBlock b = blocks_.next();
    return uniform_open(b[0], b[1]);
  }
  // Student's t with 3 degrees of freedom, scaled to unit variance: heavier tails than normal.
  double heavy() {
    const double z = normal();
    double chi = 0;
    for (int i = 0; i < 3; ++i) {
      const double v = normal();
      chi += v * v;
    }
    return z / std::sqrt(chi / 3) / std::sqrt(3.0);
  }

 private:
  RandomBlocks blocks_;
};

std::vector<double> log_spaced(double low, double high, int count) {
  std::vector<double> out;
  for (int i = 0; i < count; ++i) out.push_back(std::round(low * std::pow(high / low, i / (count - 1.0))));
  return out;
}

struct Design {
  std::string name, law, noise;
  bool informative = true;  // should the table identify the law?
  std::map<std::string, double> truth{};
  Data (*make)(Normals&) = nullptr;
  std::string expression{};
};

Data power_10(Normals& random) {
  Data out;
  out.inputs = {log_spaced(10, 100, 6)};
  for (const double m : out.inputs[0]) out.y.push_back(7 * std::pow(m, -0.9) * std::exp(0.1 * random.normal()));
  return out;
}

void add_width(Data& out, double m, double C, double alpha, double L0, double noise) {
  if (out.inputs.empty()) out.inputs.resize(1);
  out.inputs[0].push_back(m);
  out.y.push_back(C * std::pow(m, -alpha) + L0 + noise);
}

Data width_one(Normals& random) {
  Data out;
  for (const double m : log_spaced(64, 8192, 10)) add_width(out, m, 120, 0.8, 1.8, 0.02 * random.normal());
  return out;
}

Data width_groups(Normals& random) {
  Data out;
  for (int g = 0; g < 4; ++g) {
    for (const double m : log_spaced(512, 8192, 7)) {
      add_width(out, m, 400, 0.9, 1.5 + 0.3 * g, 0.03 * random.normal());
      out.group.push_back(fmt::format("g{}", g));
    }
  }
  return out;
}

// 27 models on 4 corpora: what a model does better or worse it does on all of them.
Data width_clusters(Normals& random) {
  Data out;
  const auto widths = log_spaced(512, 9216, 9);
  for (int family = 0; family < 3; ++family) {
    for (const double m : widths) {
      const double shared = 0.06 * random.normal();
      for (int corpus = 0; corpus < 4; ++corpus) {
        add_width(out, m, 470, 0.9, 1.5 + 0.2 * corpus + 0.1 * family, shared + 0.03 * random.normal());
        out.group.push_back(fmt::format("f{}/c{}", family, corpus));
        out.cluster.push_back(fmt::format("f{}m{}", family, m));
      }
    }
  }
  return out;
}

void add_row(Data& out, const std::vector<double>& inputs, double y) {
  out.inputs.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) out.inputs[i].push_back(inputs[i]);
  out.y.push_back(y);
}

double chinchilla_loss(double N, double D) { return 1.82 + 480 * std::pow(N, -0.35) + 2100 * std::pow(D, -0.37); }

// 9 compute budgets, 24 models each, as an isoFLOP study samples them.
Data chinchilla(Normals& random, int per_budget, bool heavy) {
  Data out;
  for (int b = 0; b < 9; ++b) {
    const double C = 6e18 * std::pow(10, b * 2.7 / 8);
    for (int i = 0; i < per_budget; ++i) {
      const double best = 0.09 * std::sqrt(C), N = best * std::pow(10, 1.2 * (random.uniform() - 0.5)), D = C / (6 * N);
      const double r = heavy ? random.heavy() : random.normal();
      add_row(out, {N, D}, chinchilla_loss(N, D) * std::exp(0.008 * r));
    }
  }
  return out;
}
Data chinchilla_heavy(Normals& random) { return chinchilla(random, 24, true); }
Data chinchilla_small(Normals& random) { return chinchilla(random, 5, false); }

double shape_loss(double m, double l, double D) {
  return 1.75 + 275 * std::pow(m, -0.95) + 5 * std::pow(l, -1.2) + 530 * std::pow(D, -0.3);
}

Data width_depth_data(Normals& random) {
  Data out;
  for (int i = 0; i < 200; ++i) {
    const double m = 512 * std::pow(10, random.uniform()),
                 l = std::round(m / 90 * std::pow(2, 2 * random.uniform() - 1)) + 3;
    const double D = 1e9 * std::pow(100, random.uniform());
    add_row(out, {m, l, D}, shape_loss(m, l, D) * std::exp(0.004 * random.normal()));
  }
  return out;
}

Data width_depth(Normals& random) {
  Data out;
  for (const double m : log_spaced(256, 4096, 7)) {
    for (const double l : {4.0, 8.0, 16.0, 32.0, 64.0}) {
      add_row(out, {m, l}, (1.9 + 90 * std::pow(m, -0.8) + 3 * std::pow(l, -0.9)) * std::exp(0.004 * random.normal()));
    }
  }
  return out;
}

Data width_data(Normals& random) {
  Data out;
  for (const double m : log_spaced(512, 4096, 9)) {
    for (const double D : {1e9, 3e9, 1e10, 3e10, 1e11}) {
      add_row(out, {m, D},
              (2.4 + 220 * std::pow(m, -0.9) + 5300 * std::pow(D, -0.4)) * std::exp(0.006 * random.normal()));
    }
  }
  return out;
}

Data run_in_time(Normals& random) {
  Data out;
  for (const double t : log_spaced(100, 100000, 40))
    add_row(out, {t}, 2.1 + 60 * std::pow(t, -0.6) + 0.01 * random.normal());
  return out;
}

Data vocabulary(Normals& random) {
  Data out;
  const double sizes[] = {33, 85, 151, 302, 679, 1130}, widths[] = {0.512, 0.768, 0.768, 1.024, 1.536, 2.048};
  for (int s = 0; s < 6; ++s) {
    for (const double V : {4.0, 8.0, 16.0, 32.0, 64.0}) {
      for (const double D : {0.1, 0.3, 1.0, 3.0, 10.0}) {
        const double L =
            -5.5 + 1.8 * std::pow(sizes[s], -0.45) + 0.2 * std::pow(V * widths[s], -0.67) + 2.1 * std::pow(D, -0.45);
        add_row(out, {sizes[s], V, widths[s], D}, L + 0.02 * random.normal());
      }
    }
  }
  return out;
}

Data formula(Normals& random) {
  Data out;
  for (const double m : log_spaced(128, 4096, 8)) {
    for (const double D : {1e9, 1e10, 1e11}) {
      add_row(out, {m, D}, 4 + 60 * std::pow(m, -0.7) - 0.06 * std::log(D) + 0.01 * random.normal());
    }
  }
  return out;
}

// Tables that can not identify the law.
Data pure_noise(Normals& random) {
  Data out;
  for (const double m : log_spaced(64, 8192, 18)) add_width(out, m, 0, 1, 2, 0.1 * random.normal());
  return out;
}
Data narrow(Normals& random) {
  Data out;
  for (int i = 0; i < 12; ++i) add_width(out, 1000 + 20 * i, 400, 0.9, 1.8, 0.005 * random.normal());
  return out;
}
Data six_models(Normals& random) {
  Data out;
  for (const double m : {896., 1536., 2048., 3584., 5120., 5120.})
    add_width(out, m, 480, 0.9, 2.1, 0.03 * random.normal());
  return out;
}
Data straight(Normals& random) {  // no floor to be found
  Data out;
  for (const double m : log_spaced(64, 4096, 10)) add_width(out, m, 10, 0.25, 0, 0.05 * random.normal());
  return out;
}
Data twenty_tokens(Normals& random) {  // D = 20 N in every run
  Data out;
  for (const double N : log_spaced(1e8, 1e10, 12)) {
    add_row(out, {N, 20 * N}, chinchilla_loss(N, 20 * N) * std::exp(0.005 * random.normal()));
  }
  return out;
}
Data same_axis(Normals& random) {  // depth is width/100 in every model
  Data out;
  for (const double m : log_spaced(400, 6400, 14)) {
    add_row(out, {m, m / 100},
            (1.9 + 90 * std::pow(m, -0.8) + 1 * std::pow(m / 100, -0.9)) * std::exp(0.004 * random.normal()));
  }
  return out;
}

std::vector<Design> designs() {
  return {
      {"power, 6 widths", "power", "10 %, log-normal", true, {{"C", 7}, {"alpha", 0.9}}, power_10},
      {"width, 10 widths", "width", ".02 nats", true, {{"C", 120}, {"alpha", 0.8}, {"L0", 1.8}}, width_one},
      {"width, 4 groups x 7 widths",
       "width",
       ".03 nats",
       true,
       {{"C", 400}, {"alpha", 0.9}, {"L0.g0", 1.5}, {"L0.g3", 2.4}},
       width_groups},
      {"width, 27 models x 4 corpora",
       "width",
       ".06 per model, .03 per row",
       true,
       {{"C", 470}, {"alpha", 0.9}, {"L0.f0/c0", 1.5}},
       width_clusters},
      {"width-depth, 7 x 5 grid",
       "width-depth",
       ".4 %",
       true,
       {{"E", 1.9}, {"c_m", 90}, {"a_m", 0.8}, {"c_l", 3}, {"a_l", 0.9}},
       width_depth},
      {"width-data, 9 x 5 grid",
       "width-data",
       ".6 %",
       true,
       {{"E", 2.4}, {"c_m", 220}, {"a_m", 0.9}, {"c_D", 5300}, {"a_D", 0.4}},
       width_data},
      {"width-depth-data, 200 runs",
       "width-depth-data",
       ".4 %",
       true,
       {{"E", 1.75}, {"c_m", 275}, {"a_m", 0.95}, {"c_l", 5}, {"a_l", 1.2}, {"c_D", 530}, {"a_D", 0.3}},
       width_depth_data},
      {"chinchilla, 216 runs, log-Huber",
       "chinchilla",
       ".8 %, Student t(3)",
       true,
       {{"E", 1.82}, {"A", 480}, {"alpha", 0.35}, {"B", 2100}, {"beta", 0.37}},
       chinchilla_heavy},
      {"chinchilla, 45 runs, log-Huber",
       "chinchilla",
       ".8 %, normal",
       true,
       {{"E", 1.82}, {"A", 480}, {"alpha", 0.35}, {"B", 2100}, {"beta", 0.37}},
       chinchilla_small},
      {"time, 40 steps of a run", "time", ".01 nats", true, {{"L0", 2.1}, {"c", 60}, {"beta", 0.6}}, run_in_time},
      {"vocab, 150 runs, Huber",
       "vocab",
       ".02 nats",
       true,
       {{"E", 5.5}, {"A1", 1.8}, {"A2", 0.2}, {"alpha2", 0.67}, {"B", 2.1}, {"beta", 0.45}},
       vocabulary},
      {"formula E + A*m^-a + B*log(D), 24 runs",
       "",
       ".01 nats",
       true,
       {{"E", 4}, {"A", 60}, {"a", 0.7}, {"B", -0.06}},
       formula,
       "E + A*m^-a + B*log(D)"},
      {"noise around a constant", "width", ".1", false, {}, pure_noise},
      {"widths within 25 %", "width", ".005", false, {}, narrow},
      {"six models, two of one width", "width", ".03", false, {}, six_models},
      {"a power without a floor", "width", ".05", false, {}, straight},
      {"chinchilla with D = 20 N", "chinchilla", ".5 %", false, {}, twenty_tokens},
      {"width-depth with l = m/100", "width-depth", ".4 %", false, {}, same_axis},
  };
}

struct Count {
  int covered = 0, of = 0;
  void add(const std::optional<fit::Interval>& interval, double truth) {
    if (!interval) return;
    ++of;
    covered += interval->first <= truth && truth <= interval->second;
  }
  std::string text() const { return of == 0 ? "-" : fmt::format("{:.1f}", 100.0 * covered / of); }
};

struct Tally {
  std::map<std::string, std::map<std::string, Count>> by;  // parameter -> method -> count
  int identified = 0, answered = 0, backtest_covered = 0, backtest_points = 0;
};

fit::Law law_of(const Design& design) {
  return design.expression.empty() ? fit::find_law(design.law) : fit::expression_law(design.expression, {"m", "D"});
}

Tally simulate(const Design& design, int tables, int resamples) {
  const fit::Law law = law_of(design);
  std::vector<std::optional<fit::Result>> results(static_cast<size_t>(tables));
  ThreadPool pool(available_cores());
  pool.parallel_for(results.size(), [&](size_t table) {
    Normals random(static_cast<uint32_t>(table));
    const Data data = design.make(random);
    fit::Options options;
    options.bootstrap = resamples;
    options.seed = table;
    options.threads = 1;
    options.interval = data.cluster.empty() ? fit::IntervalKind::profile : fit::IntervalKind::bootstrap;
    try {
      results[table] = law.fit(data, options);
    } catch (const Error&) {
    }
  });
  Tally out;
  for (const auto& result : results) {
    if (!result) continue;
    ++out.answered;
    out.identified += result->identified;
    for (const auto& [name, truth] : design.truth) {
      const auto& p = (*result)[name];
      auto& counts = out.by[name];
      counts["t"].add(p.asymptotic, truth);
      counts["profile"].add(p.profile, truth);
      counts["bootstrap"].add(p.bootstrap, truth);
    }
    if (!result->backtest) continue;
    for (const auto& point : result->backtest->points) {
      if (!point.covered) continue;
      ++out.backtest_points;
      out.backtest_covered += *point.covered;
    }
  }
  return out;
}

int number_after(char** argv, int& i) { return std::max(1, std::atoi(argv[++i])); }

}  // namespace

int main(int argc, char** argv) {
  int tables = 1000, resamples = 200;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--tables") && i + 1 < argc) {
      tables = number_after(argv, i);
    } else if (!std::strcmp(argv[i], "--resamples") && i + 1 < argc) {
      resamples = number_after(argv, i);
    } else if (!std::strcmp(argv[i], "--only") && i + 1 < argc) {
      only = argv[++i];
    } else if (!std::strcmp(argv[i], "--quick")) {
      tables = 60, resamples = 60;
    } else {
      fmt::print("bench_coverage [--tables N] [--resamples R] [--only PART-OF-A-NAME] [--quick]\n");
      return std::strcmp(argv[i], "--help") ? 2 : 0;
    }
  }
  fmt::print("{} tables per design, {} resamples; a share of 95 % has a standard error of {:.1f} %\n\n", tables,
             resamples, 100 * std::sqrt(0.95 * 0.05 / tables));
  fmt::print(
      "| design | noise | parameter | t % | profile % | bootstrap % | backtest % |\n|---|---|---|---|---|---|---|\n");
  std::string second;
  for (const Design& design : designs()) {
    if (design.name.find(only) == std::string::npos) continue;
    const Tally tally = simulate(design, tables, resamples);
    const std::string backtest =
        tally.backtest_points ? fmt::format("{:.1f}", 100.0 * tally.backtest_covered / tally.backtest_points) : "-";
    bool first = true;
    for (const auto& [name, counts] : tally.by) {
      fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", first ? design.name : "", first ? design.noise : "", name,
                 counts.at("t").text(), counts.at("profile").text(), counts.at("bootstrap").text(),
                 first ? backtest : "");
      first = false;
    }
    std::fflush(stdout);
    second +=
        fmt::format("| {} | {} | {} of {} | {} |\n", design.name, design.informative ? "yes" : "no", tally.identified,
                    tally.answered,
                    design.informative
                        ? fmt::format("missed {:.1f} %", 100.0 - 100.0 * tally.identified / std::max(1, tally.answered))
                        : fmt::format("false alarm {:.1f} %", 100.0 * tally.identified / std::max(1, tally.answered)));
  }
  fmt::print("\n| design | can identify the law | said identified | |\n|---|---|---|---|\n{}", second);
  return 0;
}
