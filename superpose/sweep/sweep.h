// SPDX-License-Identifier: Apache-2.0
// sweep: a study file -> grids over configuration fields -> jobs -> runs in the store. It knows nothing of what a job
// computes: a config is a JSON object and the work is a function from config to result.
//
// A study file is YAML:
//     name: quick
//     about: one line that says what it shows
//     defaults: {steps: 20000, seed: 0}          # for every grid
//     grids:
//       - {law: power:1, decay: [-0.5556, 0.3333], dim: [10, 15, 25]}       # the product of all lists
//       - {law: "power:{0,0.125,1}", decay: "linspace(-1,1,10)", seed: range(5)}
// A value is a scalar, a YAML list, or a string: "a,b,c", "range(k)" = 0..k-1, "linspace(a,b,k)" (ends included, as
// numpy has it), and a list in braces inside a string expands like a shell's; the braces may hold range and linspace.
// What looks like a number is one; whole results of linspace are integers. The same syntax is used by key=value words
// on the command line, which override the file's values for that key in every grid.
//
// Each run is claimed, computed and recorded by one thread: a process that is killed loses what its threads were
// computing and nothing else, and processes that share a store share the jobs. While jobs are left to start, each gets
// one core; when fewer jobs run than there are cores, the spare ones are lent to the jobs that can use several.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/store/store.h"

namespace superpose::sweep {

struct Study {
  std::string name;
  std::string about;
  Json extra;                 // an object: the file's other top-level keys (a study may carry more than grids)
  std::vector<Json> configs;  // expanded, duplicates removed, in file order; fields as given (not yet resolved)
};

// Parses and expands. `where` names the text in errors. overrides: "key=value" words. Error{usage} for unknown shapes
// (a grid that is not a map, an override without '=', range or linspace that cannot be read, more than 10^6 configs);
// Error{bad_file} for text that is not YAML, longer than 1 MB, or nested deeper than 64. Both name `where` and the
// line.
Study parse_study(std::string_view yaml, std::string_view where, std::span<const std::string> overrides = {});

// The values one word of the grid syntax stands for ("1,2", "linspace(-1,1,3)", ...), numbers as numbers.
std::vector<Json> expand_values(std::string_view word);

struct Job {
  Json config;        // resolved: the identity of the run in the store
  double cost = 1.0;  // predicted seconds on one core; longest are started first
  int threads = 1;    // the most cores that it can use
  double bytes = 0;   // predicted memory while it runs
};

// What a job's function returns. status: "ok" or "diverged". An exception makes the run "failed" with its text.
struct Outcome {
  std::string status;
  Json result;
  std::function<void()> recorded = {};  // called once the store has it: the moment to throw a snapshot away
};

struct Progress {
  size_t total = 0;        // jobs asked for, duplicates counted once
  size_t done = 0;         // finished before or now, any status, by whatever process
  size_t skipped = 0;      // of those, already ok or diverged in the store when the sweep began
  size_t failed = 0;       // of those, failed since the sweep began (what failed earlier is tried again)
  size_t diverged = 0;     // of those, diverged, the skipped ones included
  size_t running = 0;      // in this process
  size_t waiting = 0;      // held by other processes
  double seconds = 0;      // since the sweep began
  double eta_seconds = 0;  // predicted rest; negative = not known yet
};

struct Options {
  std::string kind = "toy";
  int workers = 0;          // cores, and so jobs at once; 0 = available_cores()
  double memory_bytes = 0;  // jobs at once stay within it; a job that needs more runs alone. 0 = no limit
  std::function<void(const Progress&)> on_progress = {};  // called from one thread at a time, at least every second
  const std::atomic<bool>* stop = nullptr;                // becomes true: start nothing new, cancel what runs, return
};

// Context of one running job. fraction_done may be called from the job's thread at any time.
struct JobContext {
  const std::atomic<bool>* cancelled = nullptr;        // poll it; when true, throw Cancelled
  std::function<void(double fraction)> fraction_done;  // 0..1, for the progress and its ETA; also where it begins
  const std::atomic<int>* cores = nullptr;             // how many of Job::threads it may use now, >= 1; may change
};
struct Cancelled {};

using Work = std::function<Outcome(const Json& config, const JobContext&)>;

// Runs every job that the store does not hold finished, each on one thread, `workers` at once, and waits for jobs that
// another live process is running. Returns the final progress: done < total only after a stop. A failing job is
// recorded and the others go on; a failing store (disk full) ends the sweep with the store's Error.
Progress run(store::Store& store, std::vector<Job> jobs, const Work& work, const Options& options);

// Of predicted_seconds: what a second core of a job adds, as a share of what the first does.
inline constexpr double kSpareCoreYield = 0.8;
// Seconds that jobs take on `workers` cores when the longest are started first and spare cores are lent as run() does.
// Memory is not looked at.
double predicted_seconds(std::span<const Job> jobs, int workers);

}  // namespace superpose::sweep
