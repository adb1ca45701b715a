// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "python/bindings/bind.h"
#include "superpose/study/study.h"
#include "superpose/sweep/sweep.h"

namespace superpose::python {
namespace {

std::string progress_text(const sweep::Progress& p) {
  std::string out = fmt::format("{}/{} runs", p.done, p.total);
  if (p.failed) out += fmt::format(", {} failed", p.failed);
  if (p.diverged) out += fmt::format(", {} diverged", p.diverged);
  if (p.waiting) out += fmt::format(", {} elsewhere", p.waiting);
  return out;
}

void watch(const sweep::Progress& p, Monitor& monitor) {
  if (*monitor.cancelled()) return;  // `stop` says so, and the sweep ends in order
  monitor.report(static_cast<double>(p.done) / static_cast<double>(std::max<size_t>(p.total, 1)), progress_text(p));
}

study::SweepRequest request_of(const std::string& study, const std::string& yaml,
                               const std::vector<std::string>& overrides, const std::filesystem::path& store, int jobs,
                               double snapshot_every) {
  if (jobs < 0) throw Error(ErrorKind::usage, fmt::format("sweep: jobs = {}: expected 0 (all cores) or more", jobs));
  if (!(snapshot_every >= 0)) throw Error(ErrorKind::usage, "sweep: snapshot_every: expected 0 (none) or more seconds");
  return {study, yaml, overrides, store, jobs, snapshot_every};
}

// The contract object without schema and version; with dry_run what it would take.
py::object run(const study::SweepRequest& request, bool dry_run, const py::object& progress) {
  Json out;
  interruptible(progress, [&](Monitor& monitor) {
    const study::SweepPlan plan = study::plan_sweep(request);
    out["config"] = {{"study", request.study},
                     {"overrides", request.overrides},
                     {"store", request.store.string()},
                     {"jobs", plan.workers},
                     {"dry_run", dry_run}};
    if (dry_run) {
      out.update(study::to_json(plan, study::predict(plan), plan.cpu.because));
      return;
    }
    store::Store store(request.store);
    study::SweepHooks hooks;
    hooks.on_progress = [&](const sweep::Progress& now) { watch(now, monitor); };
    hooks.stop = monitor.cancelled();
    const sweep::Progress end = study::run_sweep(store, plan, hooks);
    out.update(study::to_json(plan, end, study::failed_runs(store, plan)));
    Json ids = Json::array();
    const auto known = store.statuses("toy");
    for (const auto& job : plan.jobs) {
      const auto found = known.find(store::run_key("toy", job.config));
      if (found != known.end()) ids.push_back(found->second.id);
    }
    out["ids"] = std::move(ids);
  });
  return to_python(out);
}

py::object study_whole(const std::string& study, const std::vector<std::string>& overrides,
                       const std::filesystem::path& out, const std::filesystem::path& store,
                       const std::vector<std::filesystem::path>& checkpoints, const std::string& results, int jobs,
                       const py::object& progress) {
  study::StudyResult result;
  interruptible(progress, [&](Monitor& monitor) {
    study::StudyOptions options;
    options.study = study, options.overrides = overrides, options.out = out, options.store = store;
    options.checkpoints = checkpoints, options.results = results, options.jobs = jobs;
    options.on_progress = [&](const sweep::Progress& now) { watch(now, monitor); };
    options.on_stage = [&](const std::string& text) {
      if (!*monitor.cancelled()) monitor.report(1, text);
    };
    options.stop = monitor.cancelled();
    result = study::run_study(options);
  });
  return to_python(study::to_json(result));
}

}  // namespace

void bind_sweep(py::module_& module) {
  module.def(
      "sweep",
      [](const std::string& study, const std::string& yaml, const std::vector<std::string>& overrides,
         const std::filesystem::path& store, int jobs, double snapshot_every, bool dry_run,
         const py::object& progress) {
        return run(request_of(study, yaml, overrides, store, jobs, snapshot_every), dry_run, progress);
      },
      py::arg("study"), py::arg("yaml"), py::arg("overrides"), py::arg("store"), py::arg("jobs"),
      py::arg("snapshot_every"), py::arg("dry_run"), py::arg("progress"));
  module.def("study", study_whole, py::arg("study"), py::arg("overrides"), py::arg("out"), py::arg("store"),
             py::arg("checkpoints"), py::arg("results"), py::arg("jobs"), py::arg("progress"));
}

}  // namespace superpose::python
