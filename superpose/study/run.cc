// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/run.h"

#include <fmt/format.h>
#include <array>

#include "superpose/base/base.h"
#include "superpose/base/threads.h"
#include "superpose/study/files.h"
#include "superpose/study/inspect.h"
#include "superpose/study/live.h"
#include "superpose/study/measure.h"
#include "superpose/study/results.h"
#include "superpose/study/toy_run.h"

namespace superpose::study {
namespace {

void stage(const StudyOptions& options, const std::string& text) {
  if (options.on_stage) options.on_stage(text);
}

// The page is for sharing: it names a checkpoint by its file and folder, not by where it lies on this machine.
std::string shown_name(const std::filesystem::path& path) {
  const auto whole = std::filesystem::absolute(path).lexically_normal();
  const auto file = whole.has_filename() ? whole : whole.parent_path();
  const auto folder = file.parent_path().filename();
  return (folder / file.filename()).string();
}

void inspect_all(const StudyOptions& options, store::Store& store, StudyResult& result) {
  for (const auto& path : options.checkpoints) {
    stage(options, "inspecting " + path.string());
    try {
      Json report = to_json(inspect(path));
      report["path"] = shown_name(path);
      store.put_artifact("inspect", shown_name(path), report);
    } catch (const Error& e) {
      result.failures.emplace_back(e.what());
    }
  }
}

std::vector<store::Run> recorded_beside(const std::vector<store::Run>& runs, const std::string& results) {
  return results.empty() ? std::vector<store::Run>{} : beside(runs, load_results(results));
}

Findings gather(const store::Store& store, const fit::Result& llm_fit, const std::string& results) {
  Findings findings{store.runs("toy"), llm_fit, {}, {}};
  findings.recorded = recorded_beside(findings.toys, results);
  for (store::Artifact& artifact : store.artifacts("inspect"))
    findings.inspections.push_back(std::move(artifact.value));
  return findings;
}

}  // namespace

StudyResult run_study(const StudyOptions& options) {
  const sweep::Study study = sweep::parse_study(read_study_file(options.study), options.study, options.overrides);
  const auto claims_asked = claim_ids(study.extra);
  const MemoryLimit memory = memory_limit();
  const auto jobs = resolve_jobs(study.configs, static_cast<double>(memory.bytes));
  for (const auto& path : options.checkpoints) {  // a slip of the keyboard should not cost a study
    if (!std::filesystem::exists(path))
      throw Error(ErrorKind::io, path.string() + ": no such checkpoint file or folder");
  }
  if (!options.results.empty()) load_results(options.results);  // nor one in a table's name
  std::error_code failed;
  std::filesystem::create_directories(options.out, failed);
  if (failed) throw Error(ErrorKind::io, options.out.string() + ": cannot make this folder: " + failed.message());

  StudyResult result;
  result.name = study.name.empty() ? options.study : study.name;
  result.store = options.store.empty() ? options.out / "runs.sqlite" : options.store;
  result.report = options.out / "report.html";
  store::Store store(result.store);

  sweep::Options sweeping;
  sweeping.workers = options.jobs;
  sweeping.memory_bytes = memory_for_runs(memory);
  std::optional<Live> live(std::in_place, store, result.name, options.jobs > 0 ? options.jobs : available_cores());
  sweeping.on_progress = [&](const sweep::Progress& now) {
    live->progress(now);
    if (options.on_progress) options.on_progress(now);
  };
  sweeping.stop = options.stop;
  result.progress = sweep::run(
      store, jobs, toy_work({.snapshots = snapshot_folder(result.store), .note = options.on_stage, .live = &*live}),
      sweeping);
  live.reset();  // the sweep has ended
  remove_old_snapshots(store);
  result.stopped = options.stop && *options.stop;
  for (const sweep::Job& job : jobs) {
    const auto run = store.find("toy", job.config);
    if (run && run->status == "failed") result.failures.push_back(fmt::format("run {}: {}", run->id, run->error));
  }

  if (!result.stopped) inspect_all(options, store, result);
  stage(options, "fitting the losses of 27 language models");
  const fit::Result llm_fit = fit_language_models();
  store.put_artifact("fit", "llm", fit::to_json(llm_fit));

  stage(options, "judging the claims");
  const Findings findings = gather(store, llm_fit, options.results);
  result.recorded = findings.recorded.size();
  result.claims = judge_claims(findings, claims_asked);
  Json claims = Json::array();
  for (const Claim& claim : result.claims) claims.push_back(to_json(claim));
  store.put_artifact("claims", result.name, {{"study", result.name}, {"about", study.about}, {"claims", claims}});

  stage(options, "writing the page");
  write_file(result.report, report::render(report_inputs(store, "", options.results)));
  return result;
}

report::Inputs report_inputs(const store::Store& store, const std::string& title, const std::string& results,
                             bool whole) {
  constexpr std::array<std::string_view, 4> kOfSingleRuns{"curve", "picture", "weights", "biases"};
  report::Inputs inputs;
  inputs.title = title;
  report::merge_stores(
      {{store.path().filename().string(),
        store.runs("toy", whole ? std::span<const std::string_view>() : kOfSingleRuns), store.artifacts()}},
      inputs);
  inputs.recorded = recorded_beside(inputs.runs, results);
  inputs.published = published_tables();
  return inputs;
}

Json to_json(const StudyResult& r) {
  Json claims = Json::array();
  for (const auto& c : r.claims) claims.push_back(to_json(c));
  return {{"study", r.name},
          {"store", r.store.string()},
          {"report", r.report.string()},
          {"runs",
           {{"total", r.progress.total},
            {"done", r.progress.done},
            {"skipped", r.progress.skipped},
            {"failed", r.progress.failed},
            {"diverged", r.progress.diverged},
            {"seconds", r.progress.seconds}}},
          {"recorded", r.recorded},
          {"stopped", r.stopped},
          {"failures", r.failures},
          {"claims", claims}};
}

}  // namespace superpose::study
