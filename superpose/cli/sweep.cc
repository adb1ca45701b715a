// SPDX-License-Identifier: Apache-2.0
#include "superpose/sweep/sweep.h"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>

#include "superpose/base/error.h"
#include "superpose/base/threads.h"
#include "superpose/cli/output.h"
#include "superpose/cli/run_text.h"
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
  bool dry_run = false;
  bool json = false;
};

// A signal handler can reach nothing but globals: these two live and die with StopOnSignal.
std::atomic<bool> stop_requested{false};
std::atomic<int> stop_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// While it lives, the first Ctrl-C (or SIGTERM) asks the sweep to end in order; the second one kills.
class StopOnSignal {
 public:
  StopOnSignal() {
    stop_requested = false;
    stop_signal = 0;
    struct sigaction action {};
    action.sa_handler = [](int signal) {
      stop_signal = signal;
      stop_requested = true;
    };
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
  }
  ~StopOnSignal() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

struct Plan {
  std::string study;  // its name
  std::vector<sweep::Job> jobs;
  Json config;  // how the command was understood
};

Plan make_plan(const Flags& flags) {
  const auto study = sweep::parse_study(study::read_study_file(flags.study), flags.study, flags.overrides);
  if (study.configs.empty()) throw Error(ErrorKind::usage, flags.study + ": the study has no grids, nothing to sweep");
  Plan plan;
  plan.study = study.name.empty() ? std::filesystem::path(flags.study).stem().string() : study.name;
  plan.jobs = study::resolve_jobs(study.configs);
  plan.config = {{"study", flags.study},
                 {"overrides", flags.overrides},
                 {"store", flags.store},
                 {"jobs", flags.jobs > 0 ? flags.jobs : available_cores()},
                 {"dry_run", flags.dry_run}};
  return plan;
}

// Opens nothing for writing and creates nothing.
int dry_run(const Flags& flags, const Plan& plan) {
  std::unordered_map<std::string, store::RunStatus> known;
  if (std::filesystem::exists(flags.store)) {
    known = store::Store(flags.store, store::Mode::read_only).statuses(kKind);
  }
  std::unordered_map<std::string, double> distinct;
  for (const auto& job : plan.jobs) distinct.emplace(store::run_key(kKind, job.config), job.cost);
  size_t finished = 0;
  double core_seconds = 0;
  std::vector<double> costs;
  for (const auto& [key, cost] : distinct) {
    const auto found = known.find(key);
    if (found != known.end() && (found->second.status == "ok" || found->second.status == "diverged")) {
      ++finished;
    } else {
      costs.push_back(cost);
      core_seconds += cost;
    }
  }
  const int workers = plan.config["jobs"];
  const double predicted = sweep::predicted_seconds(costs, workers);
  if (flags.json) {
    print_json("sweep", plan.config,
               {{"study", plan.study},
                {"store", flags.store},
                {"runs", distinct.size()},
                {"finished", finished},
                {"remaining", costs.size()},
                {"predicted_seconds", predicted},
                {"predicted_core_seconds", core_seconds}});
    return 0;
  }
  fmt::print("{}: {} runs, {} of them finished in {}, {} to compute\n", plan.study, distinct.size(), finished,
             flags.store, costs.size());
  fmt::print("predicted: {} with {} at once ({} of one core)\n", duration(predicted), workers, duration(core_seconds));
  return 0;
}

std::string progress_text(const sweep::Progress& p) {
  std::string out = fmt::format("{}/{} runs", p.done, p.total);
  const size_t here = p.done - p.skipped;
  if (here > 0 && p.seconds > 0) {
    const double rate = static_cast<double>(here) / p.seconds;
    out += rate >= 1 ? fmt::format(", {:.3g}/s", rate) : fmt::format(", {:.3g}/min", rate * 60);
  }
  if (p.failed) out += fmt::format(", {} failed", p.failed);
  if (p.diverged) out += fmt::format(", {} diverged", p.diverged);
  if (p.waiting) out += fmt::format(", {} elsewhere", p.waiting);
  if (stop_requested) out += ", stopping (again to kill)";
  return out;
}

// The fraction counts runs, not seconds: what a person can check against the store.
sweep::Progress sweep_with_progress(store::Store& store, const Plan& plan) {
  ProgressLine line("sweep " + plan.study);
  sweep::Options options;
  options.kind = kKind;
  options.workers = plan.config["jobs"];
  options.stop = &stop_requested;
  options.on_progress = [&](const sweep::Progress& p) {
    line.update(static_cast<double>(p.done) / static_cast<double>(p.total), progress_text(p), p.eta_seconds);
  };
  return sweep::run(store, plan.jobs, study::toy_work(), options);
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

int exit_code_of(const sweep::Progress& end, const std::vector<store::Run>& failures) {
  constexpr int kSignalBase = 128;  // as a shell reports a program that a signal ended
  if (end.done < end.total) return kSignalBase + stop_signal;
  return failures.empty() ? 0 : exit_code(ErrorKind::numeric);
}

int sweep_study(const Flags& flags) {
  const Plan plan = make_plan(flags);
  if (flags.dry_run) return dry_run(flags, plan);
  const StopOnSignal signals;
  store::Store store(flags.store);
  const sweep::Progress end = sweep_with_progress(store, plan);
  const auto failures = failures_of(store, plan);
  if (!flags.json) {
    print_end(flags, plan, end, failures);
    return exit_code_of(end, failures);
  }
  Json list = Json::array();
  for (const auto& run : failures) list.push_back({{"id", run.id}, {"config", run.config}, {"error", run.error}});
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
  return exit_code_of(end, failures);
}

}  // namespace

Action declare_sweep(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("study", flags->study, "a study file (YAML), or the name of a built-in one: quick, paper")->required();
  app.add_option("key=value", flags->overrides,
                 "override a config field in every grid; a value, a list a,b,c, range(k) or linspace(a,b,k)");
  app.add_option("--store", flags->store, "the store file; created when absent, its folder must exist")
      ->capture_default_str();
  app.add_option("--jobs", flags->jobs, "runs at once; 0 = all available cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_flag("--dry-run", flags->dry_run, "print the number of runs and the predicted time, compute nothing");
  app.add_flag("--json", flags->json, "print one JSON object");
  return [flags] { return sweep_study(*flags); };
}

}  // namespace superpose::cli
