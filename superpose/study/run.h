// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "superpose/report/report.h"
#include "superpose/study/claims.h"
#include "superpose/sweep/sweep.h"

namespace superpose::study {

struct StudyOptions {
  std::string study = "quick";                     // a built-in name or a path to a study file
  std::vector<std::string> overrides;              // key=value words for its grids
  std::filesystem::path out = "superpose-out";     // folder of the page; made if absent
  std::filesystem::path store;                     // empty: runs.sqlite in `out`
  std::vector<std::filesystem::path> checkpoints;  // files or folders to inspect
  std::string results;                             // recorded runs: a table, "builtin", or empty for none
  int jobs = 0;                                    // runs at once; 0 = all cores
  std::function<void(const sweep::Progress&)> on_progress;
  std::function<void(const std::string&)> on_stage;  // "fitting the losses of 27 language models", ...
  const std::atomic<bool>* stop = nullptr;           // becomes true: finish what is cheap, judge what there is
};

struct StudyResult {
  std::string name;
  std::filesystem::path store;
  std::filesystem::path report;  // the page
  sweep::Progress progress;
  std::vector<Claim> claims;
  std::vector<std::string> failures;  // checkpoints that could not be read, runs that failed
  bool stopped = false;
  size_t recorded = 0;  // recorded runs that stand beside the store's
};

// The whole chain: sweep into the store (finished runs are not repeated), the joint fit of the published losses, the
// checkpoints, the ledger over every run in the store, and the page. Error{usage | io | bad_file} before anything ran;
// a checkpoint that cannot be read is a failure in the result, not an Error.
StudyResult run_study(const StudyOptions& options);
// The object of the command-line contract, docs/schema/study.json, without schema, version and config.
Json to_json(const StudyResult& result);

// What the page of a store is made from. title: empty = named after the last study that was judged in it. results: as
// in StudyOptions. whole = false: without what only the explorer of single runs shows, which is most of the bytes.
report::Inputs report_inputs(const store::Store& store, const std::string& title = "", const std::string& results = "",
                             bool whole = true);
// The same of several files: run stores (merged), and what inspect, fit or forecast --json printed (artifacts of the
// page). only: of these files (stores; or `results`) the runs with these keys alone. Error{bad_file} for any other
// file, saying what was expected; Error{io}.
using KeysOfFiles = std::map<std::string, std::unordered_set<std::string>>;
report::Inputs report_inputs(const std::vector<std::string>& files, const std::string& title,
                             const std::string& results, const KeysOfFiles& only = {});

}  // namespace superpose::study
