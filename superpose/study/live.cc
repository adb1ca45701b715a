// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/live.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "superpose/base/error.h"
#include "superpose/base/version.h"

namespace superpose::study {
namespace {

constexpr const char* kKind = "live";
constexpr size_t kMostPoints = 100;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

}  // namespace

Live::Live(store::Store& store, std::string study, int workers)
    : store_(store),
      study_(std::move(study)),
      workers_(workers),
      host_(host_name()),
      pid_(getpid()),
      name_(fmt::format("{}:{}", host_, pid_)),
      started_at_(store::utc_now()) {
  // Those of other sweeps that still go on are written again within a second.
  for (const store::Artifact& old : store_.artifacts(kKind)) store_.remove_artifact(kKind, old.name);
}

Live::~Live() {
  try {
    write(true);
  } catch (const std::exception&) {
    return;  // the last words were not heard; a reader sees a record that grows old
  }
}

void Live::progress(const sweep::Progress& now) {
  {
    const std::lock_guard lock(mutex_);
    last_ = now;
  }
  try {
    write(false);
  } catch (const Error&) {
    return;  // again in a second; a store that stays broken ends the sweep by itself
  }
}

void Live::write(bool ended) {
  Json value;
  {
    const std::lock_guard lock(mutex_);
    const sweep::Progress& p = last_;
    Json running = Json::array();
    for (const Run* run : running_) running.push_back(run->json());
    value = {{"schema", "superpose.live/1"},
             {"version", kVersion},
             {"study", study_},
             {"host", host_},
             {"pid", pid_},
             {"started_at", started_at_},
             {"updated_at", store::utc_now()},
             {"ended", ended},
             {"workers", workers_},
             {"progress",
              {{"total", p.total},
               {"done", p.done},
               {"skipped", p.skipped},
               {"failed", p.failed},
               {"diverged", p.diverged},
               {"running", p.running},
               {"waiting", p.waiting},
               {"seconds", p.seconds},
               {"eta_seconds", p.eta_seconds < 0 ? Json(nullptr) : Json(p.eta_seconds)}}},
             {"running", std::move(running)}};
  }
  store_.put_artifact(kKind, name_, value);
}

Live::Run::Run(Live& live, const Json& config, int64_t steps, const sweep::JobContext& context)
    : live_(live), config_(config), steps_(steps), cores_(context.cores) {
  try {
    if (const auto run = live.store_.find("toy", config)) id_ = run->id;
  } catch (const Error&) {
    id_ = 0;  // shown without its number
  }
  const std::lock_guard lock(live_.mutex_);
  const auto taken = [&](int core) {
    return std::any_of(live_.running_.begin(), live_.running_.end(), [&](const Run* r) { return r->core_ == core; });
  };
  while (taken(core_)) ++core_;
  live_.running_.push_back(this);
}

Live::Run::~Run() {
  const std::lock_guard lock(live_.mutex_);
  std::erase(live_.running_, this);
}

void Live::Run::at(int64_t step, double loss) {
  const std::lock_guard lock(live_.mutex_);
  if (first_ < 0) first_ = step;
  step_ = step, loss_ = loss;
  if (!curve_.empty() && step < curve_.back().first + every_) return;
  curve_.emplace_back(step, loss);
  if (curve_.size() <= kMostPoints) return;
  size_t kept = 0;
  for (size_t k = 0; k < curve_.size(); k += 2) curve_[kept++] = curve_[k];
  curve_.resize(kept);
  every_ = curve_[1].first - curve_[0].first;
}

Json Live::Run::json() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  const int64_t here = first_ < 0 ? 0 : step_ - first_;
  return {{"run", id_},
          {"config", config_},
          {"core", core_},
          {"threads", cores_ ? cores_->load() : 1},
          {"step", step_},
          {"steps", steps_},
          {"loss", first_ < 0 ? Json(nullptr) : Json(loss_)},
          {"fraction", static_cast<double>(step_) / static_cast<double>(steps_)},
          {"seconds", seconds},
          {"steps_per_second", here > 0 && seconds > 0 ? Json(static_cast<double>(here) / seconds) : Json(nullptr)},
          {"curve", curve_}};
}

}  // namespace superpose::study
