// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "superpose/store/store.h"
#include "superpose/sweep/sweep.h"

namespace superpose::study {

// What a sweep does right now, for who looks on: an artifact of kind "live" in its store, named "HOST:PID", written
// about once a second and for the last time when the sweep ends. docs/schema/live.json has its fields.
//
// It is a courtesy: a store that cannot be written for a moment costs the record a second, never the sweep a run.
// A reader takes a record that has not ended and is older than 10 s for that of a process that was killed.
class Live {
 public:
  // Removes the records of sweeps that ended or were lost. store must outlive it. workers: cores at most.
  Live(store::Store& store, std::string study, int workers);
  ~Live();  // writes "ended": true
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  void progress(const sweep::Progress& now);  // to be called about once a second; writes

  // One run that is computed now; gone when it is destroyed. Called from the run's thread.
  class Run {
   public:
    Run(Live& live, const Json& config, int64_t steps, const sweep::JobContext& context);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    void at(int64_t step, double loss);  // the loss of that step's batch

   private:
    friend class Live;
    Json json() const;  // with the lock held

    Live& live_;
    const Json config_;
    const int64_t steps_;
    const std::atomic<int>* cores_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    int64_t id_ = 0;  // in the store
    int core_ = 0;    // the lowest number that no other run has: which line of a display it is on
    int64_t first_ = -1, step_ = 0;
    double loss_ = 0;
    std::vector<std::pair<int64_t, double>> curve_;
    int64_t every_ = 1;  // steps between points of the curve: doubled whenever there are too many
  };

 private:
  void write(bool ended);

  store::Store& store_;
  const std::string study_;
  const int workers_;
  const std::string host_;
  const int pid_;
  const std::string name_;
  const std::string started_at_;
  mutable std::mutex mutex_;  // guards all below, and what changes in each Run
  std::vector<Run*> running_;
  sweep::Progress last_;
};

}  // namespace superpose::study
