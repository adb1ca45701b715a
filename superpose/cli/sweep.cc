// SPDX-License-Identifier: Apache-2.0
#include "superpose/sweep/sweep.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <filesystem>

#include "superpose/base/error.h"
#include "superpose/base/limits.h"
#include "superpose/cli/output.h"
#include "superpose/cli/run_text.h"
#include "superpose/cli/serving.h"
#include "superpose/cli/sweep_progress.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

constexpr const char* kKind = "toy";
constexpr int kMostFailuresShown = 10;

struct Flags {
  std::string study;
  std::vector<std::string> overrides;
  std::string store = "runs.sqlite";
  int jobs = 0;
  double snapshot_every = 60;
  bool serve = false;
  int serve_port = kDefaultPort;
  bool dry_run = false;
  bool json = false;
};

struct Plan {
  std::string study;  // its name
  std::vector<sweep::Job> jobs;
  Json config;  // how the command was understood
  CpuLimit cpu;
  MemoryLimit memory;
};

Plan make_plan(const Flags& flags) {
  const auto study = sweep::parse_study(study::read_study_file(flags.study), flags.study, flags.overrides);
  if (study.configs.empty()) throw Error(ErrorKind::usage, flags.study + ": the study has no grids, nothing to sweep");
  Plan plan;
  plan.study = study.name.empty() ? std::filesystem::path(flags.study).stem().string() : study.name;
  plan.cpu = cpu_limit();
  plan.memory = memory_limit();
  plan.jobs = study::resolve_jobs(study.configs, static_cast<double>(plan.memory.bytes));
  plan.config = {{"study", flags.study},
                 {"overrides", flags.overrides},
                 {"store", flags.store},
                 {"jobs", flags.jobs > 0 ? flags.jobs : plan.cpu.cores},
                 {"dry_run", flags.dry_run}};
  return plan;
}

// "2 cores: the machine has 2"
std::string cores_text(const Flags& flags, const Plan& plan) {
  if (flags.jobs == 0) return plan.cpu.because;
  std::string text = fmt::format("{} core{}: --jobs", flags.jobs, flags.jobs == 1 ? "" : "s");
  if (flags.jobs > plan.cpu.cores) text += fmt::format(", which take turns on {}", plan.cpu.because);
  return text;
}

// Opens nothing for writing and creates nothing.
int dry_run(const Flags& flags, const Plan& plan) {
  std::unordered_map<std::string, store::RunStatus> known;
  if (std::filesystem::exists(flags.store)) {
    known = store::Store(flags.store, store::Mode::read_only).statuses(kKind);
  }
  std::unordered_map<std::string, const sweep::Job*> distinct;
  for (const auto& job : plan.jobs) distinct.emplace(store::run_key(kKind, job.config), &job);
  size_t finished = 0;
  double core_seconds = 0, bytes = 0;
  std::vector<sweep::Job> rest;
  for (const auto& [key, job] : distinct) {
    const auto found = known.find(key);
    if (found != known.end() && (found->second.status == "ok" || found->second.status == "diverged")) {
      ++finished;
    } else {
      rest.push_back(*job);
      core_seconds += job->cost;
      bytes = std::max(bytes, job->bytes);
    }
  }
  const int workers = plan.config["jobs"];
  // More workers than cores only take turns.
  const double predicted = sweep::predicted_seconds(rest, std::min(workers, plan.cpu.cores));
  if (flags.json) {
    print_json("sweep", plan.config,
               {{"study", plan.study},
                {"store", flags.store},
                {"runs", distinct.size()},
                {"finished", finished},
                {"remaining", rest.size()},
                {"predicted_seconds", predicted},
                {"predicted_core_seconds", core_seconds},
                {"predicted_run_bytes", bytes},
                {"cores", workers},
                {"cores_because", cores_text(flags, plan)},
                {"memory_bytes", plan.memory.bytes}});
    return 0;
  }
  fmt::print("{}: {} runs, {} of them finished in {}, {} to compute\n", plan.study, distinct.size(), finished,
             flags.store, rest.size());
  fmt::print("predicted: {} on {} ({} of one core)\n", duration(predicted), cores_text(flags, plan),
             duration(core_seconds));
  if (bytes > 0)
    fmt::print("memory: the largest run needs about {:.3g} GB; {}\n", bytes / 1e9,
               plan.memory.bytes > 0 ? plan.memory.because : "how much there is, is not known");
  return 0;
}

std::vector<store::Run> failures_of(const store::Store& store, const Plan& plan) {
  const auto statuses = store.statuses(kKind);
  std::vector<store::Run> out;
  for (const auto& job : plan.jobs) {
    const auto found = statuses.find(store::run_key(kKind, job.config));
    if (found == statuses.end() || found->second.status != "failed") continue;
    if (auto run = store.find(found->second.id)) out.push_back(std::move(*run));
  }
  return out;
}

void print_end(const Flags& flags, const Plan& plan, const sweep::Progress& end,
               const std::vector<store::Run>& failures) {
  fmt::print("{}: {} of {} runs in {}", plan.study, end.done, end.total, flags.store);
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
  ServeFlags wanted;
  wanted.store = flags.store;
  // CLI11 takes a flag's "=0" for a no, and writes it as -1.
  wanted.port = std::max(flags.serve_port, 0);
  constexpr int kTries = 10;
  for (int attempt = 1;; ++attempt) {
    try {
      auto server = start_server(wanted);
      fmt::print(stderr, "superpose: sweep: watch it at {}\n", server->url());
      return server;
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::io || flags.serve_port != kDefaultPort || wanted.port == 0) throw;
      wanted.port = attempt < kTries ? kDefaultPort + attempt : 0;
    }
  }
}

int sweep_study(const Flags& flags) {
  for (const std::string& word : flags.overrides) {
    if (flags.serve && !word.empty() && word.find_first_not_of("0123456789") == std::string::npos) {
      throw Error(
          ErrorKind::usage,
          fmt::format("sweep: '{}' is no key=value; for the port of the dashboard write --serve={}", word, word));
    }
  }
  const Plan plan = make_plan(flags);
  if (flags.dry_run) return dry_run(flags, plan);
  const StopOnSignal signals;
  store::Store store(flags.store);
  const auto server = serve_beside(flags);
  ProgressLine line("sweep " + plan.study);
  sweep::Options options;
  options.kind = kKind;
  options.workers = plan.config["jobs"];
  options.memory_bytes = study::memory_for_runs(plan.memory);
  options.stop = signals.flag();
  std::optional<study::Live> live(std::in_place, store, plan.study, plan.config["jobs"].get<int>());
  options.on_progress = [&live, show = show_progress(line)](const sweep::Progress& now) {
    live->progress(now);
    show(now);
  };
  study::WorkOptions work;
  if (flags.snapshot_every > 0) work.snapshots = study::snapshot_folder(flags.store);
  work.snapshot_every_seconds = flags.snapshot_every;
  work.note = [](const std::string& text) { fmt::print(stderr, "superpose: sweep: {}\n", text); };
  work.live = &*live;
  const sweep::Progress end = sweep::run(store, plan.jobs, study::toy_work(work), options);
  live.reset();
  study::remove_old_snapshots(store);
  if (server) {
    server->stop();
    fmt::print(stderr, "superpose: sweep: the dashboard has ended with it; to look again: superpose serve {}\n",
               flags.store);
  }
  const auto failures = failures_of(store, plan);
  const int code = end.done < end.total ? signals.exit_code() : failures.empty() ? 0 : exit_code(ErrorKind::numeric);
  if (!flags.json) {
    print_end(flags, plan, end, failures);
    return code;
  }
  Json list = Json::array();
  for (const auto& run : failures)
    list.push_back({{"id", run.id}, {"config", shown_config(run)}, {"error", run.error}});
  print_json("sweep", plan.config,
             {{"study", plan.study},
              {"store", flags.store},
              {"total", end.total},
              {"done", end.done},
              {"skipped", end.skipped},
              {"failed", end.failed},
              {"diverged", end.diverged},
              {"seconds", end.seconds},
              {"stopped", end.done < end.total},
              {"failures", std::move(list)}});
  return code;
}

}  // namespace

Action declare_sweep(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("study", flags->study,
                 "a study file (YAML), or a built-in one: quick, paper, toy-models, end-of-law,\nablation")
      ->required();
  app.add_option("key=value", flags->overrides,
                 "override a config field in every grid; a value, a list a,b,c, range(k) or linspace(a,b,k)");
  app.add_option("--store", flags->store, "the store file; created when absent, its folder must exist")
      ->capture_default_str();
  app.add_option("--jobs", flags->jobs, "cores to use, and so runs at once; 0 = all that are available")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--snapshot-every", flags->snapshot_every,
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
