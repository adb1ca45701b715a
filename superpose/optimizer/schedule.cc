// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/optimizer/optimizer.h"

namespace superpose::optimizer {
namespace {

double constant_shape(double, double) { return 1; }
double linear_shape(double done, double floor) { return floor + (1 - floor) * (1 - done); }
double wsd_shape(double done, double floor) {
  return done <= 1 - kDecayShare ? 1 : floor + (1 - floor) * (1 - done) / kDecayShare;
}

struct Named {
  const char* name;
  ScheduleShape shape;
};
// One line per schedule.
const Named kSchedules[] = {
    {"cosine", cosine_shape},
    {"constant", constant_shape},
    {"linear", linear_shape},
    {"wsd", wsd_shape},
};

}  // namespace

double cosine_shape(double done, double floor) {
  const double cosine = 0.5 * (1 + std::cos(3.14159265358979323846 * done));
  return floor + (1 - floor) * cosine;
}

ScheduleShape schedule_shape(std::string_view name) {
  for (const Named& schedule : kSchedules) {
    if (name == schedule.name) return schedule.shape;
  }
  SUPERPOSE_ASSERT(!"no such schedule");
  return cosine_shape;
}

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Named& schedule : kSchedules) out.emplace_back(schedule.name);
    return out;
  }();
  return names;
}

double learning_rate(const Schedule& schedule, int64_t step) {
  const double t = static_cast<double>(step + 1);
  const double total = static_cast<double>(schedule.steps);
  const double warm = std::floor(schedule.warmup * total);
  if (t < warm) return schedule.peak * t / warm;
  const double done = total > warm ? (t - warm) / (total - warm) : 0.0;
  return schedule.peak * schedule.shape(done, schedule.floor);
}

}  // namespace superpose::optimizer
