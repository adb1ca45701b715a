// SPDX-License-Identifier: Apache-2.0
#include "superpose/sweep/sweep.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <filesystem>

#include "superpose/base/error.h"
#include "superpose/base/limits.h"
#include "superpose/cli/output.h"
#include "superpose/cli/run_text.h"
#include "superpose/cli/sweep_progress.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

constexpr int kMostFailuresShown = 10;

struct Flags {
  study::SweepRequest request;
  std::string store = "runs.sqlite";
  bool serve = false;
  int serve_port = study::kDefaultPort;
  bool dry_run = false;
  bool json = false;
};

// How the command was understood.
Json config_of(const Flags& flags, const study::SweepPlan& plan) {
  return {{"study", flags.request.study},
          {"overrides", flags.request.overrides},
          {"store", flags.store},
          {"jobs", plan.workers},
          {"dry_run", flags.dry_run}};
}

// "2 cores: the machine has 2"
std::string cores_text(const study::SweepPlan& plan) {
  if (plan.request.jobs == 0) return plan.cpu.because;
  std::string text = fmt::format("{} core{}: --jobs", plan.workers, plan.workers == 1 ? "" : "s");
  if (plan.workers > plan.cpu.cores) text += fmt::format(", which take turns on {}", plan.cpu.because);
  return text;
}

int dry_run(const Flags& flags, const study::SweepPlan& plan) {
  const study::SweepPrediction p = study::predict(plan);
  if (flags.json) {
    print_json("sweep", config_of(flags, plan), study::to_json(plan, p, cores_text(plan)));
    return 0;
  }
  fmt::print("{}: {} runs, {} of them finished in {}, {} to compute\n", plan.name, p.runs, p.finished, flags.store,
             p.runs - p.finished);
  fmt::print("predicted: {} on {} ({} of one core)\n", duration(p.seconds), cores_text(plan), duration(p.core_seconds));
  if (p.run_bytes > 0)
    fmt::print("memory: the largest run needs about {:.3g} GB; {}\n", p.run_bytes / 1e9,
               plan.memory.bytes > 0 ? plan.memory.because : "how much there is, is not known");
  return 0;
}

void print_end(const Flags& flags, const study::SweepPlan& plan, const sweep::Progress& end,
               const std::vector<store::Run>& failures) {
  fmt::print("{}: {} of {} runs in {}", plan.name, end.done, end.total, flags.store);
  fmt::print(" ({} were there, {} new, {} failed, {} diverged) after {}\n", end.skipped,
             end.done - end.skipped - end.failed, end.failed, end.diverged, duration(end.seconds));
  if (end.done < end.total) fmt::print("stopped: the same command goes on with the {} left\n", end.total - end.done);
  int shown = 0;
  for (const auto& run : failures) {
    if (shown++ == kMostFailuresShown) {
      fmt::print("  ... and {} more: superpose ls {}\n", failures.size() - kMostFailuresShown, flags.store);
      break;
    }
    fmt::print("  run {} failed: {}\n", run.id, one_line(run.error));
  }
}

// The default port may be taken by another sweep's dashboard: then one of the next, or any. One that was asked for is
// that one or an error, before anything is computed.
std::unique_ptr<serve::Server> serve_beside(const Flags& flags) {
  if (!flags.serve) return nullptr;
  study::ServeFlags wanted;
  wanted.store = flags.store;
  // CLI11 takes a flag's "=0" for a no, and writes it as -1.
  wanted.port = std::max(flags.serve_port, 0);
  constexpr int kTries = 10;
  for (int attempt = 1;; ++attempt) {
    try {
      auto server = study::start_server(wanted);
      fmt::print(stderr, "superpose: sweep: watch it at {}\n", server->url());
      return server;
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io || flags.serve_port != study::kDefaultPort || wanted.port == 0) throw;
      wanted.port = attempt < kTries ? study::kDefaultPort + attempt : 0;
    }
  }
}

int sweep_study(const Flags& flags) {
  for (const std::string& word : flags.request.overrides) {
    if (flags.serve && !word.empty() && word.find_first_not_of("0123456789") == std::string::npos) {
      throw Error(
          ErrorKind::usage,
          fmt::format("sweep: '{}' is no key=value; for the port of the dashboard write --serve={}", word, word));
    }
  }
  study::SweepRequest request = flags.request;
  request.store = flags.store;
  const study::SweepPlan plan = study::plan_sweep(request);
  if (flags.dry_run) return dry_run(flags, plan);
  const StopOnSignal signals;
  store::Store store(flags.store);
  const auto server = serve_beside(flags);
  ProgressLine line("sweep " + plan.name);
  const study::SweepHooks hooks{show_progress(line),
                                [](const std::string& text) { fmt::print(stderr, "superpose: sweep: {}\n", text); },
                                signals.flag()};
  const sweep::Progress end = study::run_sweep(store, plan, hooks);
  if (server) {
    server->stop();
    fmt::print(stderr, "superpose: sweep: the dashboard has ended with it; to look again: superpose serve {}\n",
               flags.store);
  }
  const auto failures = study::failed_runs(store, plan);
  const int code = end.done < end.total ? signals.exit_code() : failures.empty() ? 0 : exit_code(ErrorKind::numeric);
  if (flags.json) {
    print_json("sweep", config_of(flags, plan), study::to_json(plan, end, failures));
  } else {
    print_end(flags, plan, end, failures);
  }
  return code;
}

}  // namespace

Action declare_sweep(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("study", flags->request.study,
                 "a study file (YAML), or a built-in one: quick, paper, toy-models, end-of-law,\nablation")
      ->required();
  app.add_option("key=value", flags->request.overrides,
                 "override a config field in every grid; a value, a list a,b,c, range(k) or linspace(a,b,k)");
  app.add_option("--store", flags->store, "the store file; created when absent, its folder must exist")
      ->capture_default_str();
  app.add_option("--jobs", flags->request.jobs, "cores to use, and so runs at once; 0 = all that are available")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--snapshot-every", flags->request.snapshot_every,
                 "seconds between the snapshots of a run (STORE.snapshots/), from which a killed run goes on; runs\n"
                 "predicted to be shorter save none; 0 = no snapshots")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  auto* const serve = app.add_flag(
      "--serve{8080}", flags->serve_port,
      "show the sweep in the browser while it runs: --serve, or --serve=PORT. Without a port 8080, or the next that\n"
      "is free; it can be reached from this machine only (superpose serve has --bind)");
  serve->check(CLI::Range(-1, 65535));
  app.add_flag("--dry-run", flags->dry_run, "print the number of runs, the predicted time and memory; compute nothing");
  app.add_flag("--json", flags->json, "print one JSON object");
  return [flags, serve] {
    flags->serve = serve->count() > 0;
    return sweep_study(*flags);
  };
}

}  // namespace superpose::cli
