// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/plan.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/study/files.h"
#include "superpose/study/live.h"
#include "superpose/study/results.h"
#include "superpose/study/toy_run.h"

namespace superpose::study {
namespace {

constexpr const char* kKind = "toy";

}  // namespace

SweepPlan plan_sweep(const SweepRequest& request) {
  const std::string text = request.yaml.empty() ? read_study_file(request.study) : request.yaml;
  const sweep::Study study = sweep::parse_study(text, request.study, request.overrides);
  if (study.configs.empty())
    throw Error(ErrorKind::usage, request.study + ": the study has no grids, nothing to sweep");
  SweepPlan plan;
  plan.request = request;
  plan.name = study.name.empty() ? std::filesystem::path(request.study).stem().string() : study.name;
  plan.cpu = cpu_limit();
  plan.memory = memory_limit();
  plan.workers = request.jobs > 0 ? request.jobs : plan.cpu.cores;
  plan.jobs = resolve_jobs(study.configs, static_cast<double>(plan.memory.bytes));
  return plan;
}

SweepPrediction predict(const SweepPlan& plan) {
  std::unordered_map<std::string, store::RunStatus> known;
  if (std::filesystem::exists(plan.request.store)) {
    known = store::Store(plan.request.store, store::Mode::read_only).statuses(kKind);
  }
  std::unordered_map<std::string, const sweep::Job*> distinct;
  for (const auto& job : plan.jobs) distinct.emplace(store::run_key(kKind, job.config), &job);
  SweepPrediction out;
  out.runs = distinct.size();
  std::vector<sweep::Job> rest;
  for (const auto& [key, job] : distinct) {
    const auto found = known.find(key);
    if (found != known.end() && (found->second.status == "ok" || found->second.status == "diverged")) {
      ++out.finished;
      continue;
    }
    rest.push_back(*job);
    out.core_seconds += job->cost;
    out.run_bytes = std::max(out.run_bytes, job->bytes);
  }
  // More workers than cores only take turns.
  out.seconds = sweep::predicted_seconds(rest, std::min(plan.workers, plan.cpu.cores));
  return out;
}

sweep::Progress run_sweep(store::Store& store, const SweepPlan& plan, const SweepHooks& hooks) {
  std::optional<Live> live(std::in_place, store, plan.name, plan.workers);
  sweep::Options options;
  options.kind = kKind;
  options.workers = plan.workers;
  options.memory_bytes = memory_for_runs(plan.memory);
  options.stop = hooks.stop;
  options.on_progress = [&](const sweep::Progress& now) {
    live->progress(now);
    if (hooks.on_progress) hooks.on_progress(now);
  };
  WorkOptions work;
  if (plan.request.snapshot_every > 0) work.snapshots = snapshot_folder(plan.request.store);
  work.snapshot_every_seconds = plan.request.snapshot_every;
  work.note = hooks.note;
  work.live = &*live;
  const sweep::Progress end = sweep::run(store, plan.jobs, toy_work(work), options);
  live.reset();
  remove_old_snapshots(store);
  return end;
}

std::vector<store::Run> failed_runs(const store::Store& store, const SweepPlan& plan) {
  const auto statuses = store.statuses(kKind);
  std::vector<store::Run> out;
  for (const auto& job : plan.jobs) {
    const auto found = statuses.find(store::run_key(kKind, job.config));
    if (found == statuses.end() || found->second.status != "failed") continue;
    if (auto run = store.find(found->second.id)) out.push_back(std::move(*run));
  }
  return out;
}

Json to_json(const SweepPlan& plan, const SweepPrediction& p, const std::string& cores_because) {
  return {{"study", plan.name},
          {"store", plan.request.store.string()},
          {"runs", p.runs},
          {"finished", p.finished},
          {"remaining", p.runs - p.finished},
          {"predicted_seconds", p.seconds},
          {"predicted_core_seconds", p.core_seconds},
          {"predicted_run_bytes", p.run_bytes},
          {"cores", plan.workers},
          {"cores_because", cores_because},
          {"memory_bytes", plan.memory.bytes}};
}

Json to_json(const SweepPlan& plan, const sweep::Progress& end, const std::vector<store::Run>& failures) {
  Json list = Json::array();
  for (const auto& run : failures)
    list.push_back({{"id", run.id}, {"config", shown_config(run)}, {"error", run.error}});
  return {{"study", plan.name},
          {"store", plan.request.store.string()},
          {"total", end.total},
          {"done", end.done},
          {"skipped", end.skipped},
          {"failed", end.failed},
          {"diverged", end.diverged},
          {"seconds", end.seconds},
          {"stopped", end.done < end.total},
          {"failures", std::move(list)}};
}

}  // namespace superpose::study
