// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/sweep_progress.h"

#include <fmt/format.h>

namespace superpose::cli {
namespace {

// A signal handler can reach nothing but globals: these two live and die with StopOnSignal.
std::atomic<bool> stop_requested{false};
std::atomic<int> stop_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

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

}  // namespace

StopOnSignal::StopOnSignal() {
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

StopOnSignal::~StopOnSignal() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
}

const std::atomic<bool>* StopOnSignal::flag() const { return &stop_requested; }

int StopOnSignal::exit_code() const {
  constexpr int kSignalBase = 128;
  return kSignalBase + stop_signal;
}

std::function<void(const sweep::Progress&)> show_progress(ProgressLine& line) {
  return [&line](const sweep::Progress& p) {
    const double total = static_cast<double>(std::max<size_t>(p.total, 1));
    line.update(static_cast<double>(p.done) / total, progress_text(p), p.eta_seconds);
  };
}

}  // namespace superpose::cli
