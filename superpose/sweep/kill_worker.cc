// SPDX-License-Identifier: Apache-2.0
// The process that kill_test kills: sweeps made-up jobs over a store and writes a diary.
// kill_worker STORE DIARY JOBS WORKERS; the diary gets one line per event: "start K PID", "done K PID".
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "superpose/sweep/kill_jobs.h"

int main(int argc, char** argv) try {
  using namespace superpose;
  if (argc != 5) return 2;
  const int diary = ::open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (diary < 0) return 3;
  const auto note = [diary](const char* event, int k) {
    char line[64];
    const int bytes = std::snprintf(line, sizeof line, "%s %d %d\n", event, k, static_cast<int>(::getpid()));
    // One write of a short line with O_APPEND: lines of several processes do not mix, and kill -9 leaves no half line.
    if (::write(diary, line, static_cast<size_t>(bytes)) != bytes) std::abort();
  };
  const sweep::Work work = [&](const Json& config, const sweep::JobContext& context) {
    const int k = config["k"].get<int>();
    note("start", k);
    struct Done {  // a failing job is a finished computation, too
      decltype(note)& write;
      int k;
      ~Done() { write("done", k); }
    } const done{note, k};
    return sweep::made_up_work(config, context);
  };
  store::Store store(argv[1]);
  sweep::run(store, sweep::made_up_jobs(std::atoi(argv[3])), work, {.workers = std::atoi(argv[4])});
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "kill_worker: %s\n", e.what());
  return 1;
}
