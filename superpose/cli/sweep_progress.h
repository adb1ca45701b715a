// SPDX-License-Identifier: Apache-2.0
// What the verbs that sweep (sweep, study) share: ending in order on Ctrl-C, and the progress line.
#pragma once
#include <signal.h>

#include <atomic>
#include <functional>
#include <string>

#include "superpose/cli/output.h"
#include "superpose/sweep/sweep.h"

namespace superpose::cli {

// While it lives, the first Ctrl-C (or SIGTERM) asks the sweep to end in order; the second one kills. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  const std::atomic<bool>* flag() const;
  int exit_code() const;  // 128 + the signal, as a shell reports a program that a signal ended

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

// Keeps `line` up to date while a sweep runs. The fraction counts runs, not seconds: what a person can check against
// the store. `line` must outlive the function returned.
std::function<void(const sweep::Progress&)> show_progress(ProgressLine& line);

}  // namespace superpose::cli
