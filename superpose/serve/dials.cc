// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/dials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "superpose/base/error.h"
#include "superpose/serve/gate.h"

namespace superpose::serve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kMakesRoomAfter = std::chrono::seconds(60);
constexpr auto kEndsAfter = std::chrono::minutes(30);
constexpr double kMostMilliseconds = 500, kUsualMilliseconds = 100;
constexpr double kMostSteps = 1e6;
constexpr int kMostTraining = 2;

Dials::Answer error(int status, std::string_view kind, std::string_view text) {
  return {status, error_json(kind, text)};
}

// A number of the body within [lo, hi]; fallback when it is absent. Error{usage}.
double number(const Json& body, const char* name, double fallback, double lo, double hi) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return fallback;
  if (!found->is_number() || !(found->get<double>() >= lo) || !(found->get<double>() <= hi)) {
    throw Error(ErrorKind::usage, fmt::format("\"{}\": expected a number from {} to {}", name, lo, hi));
  }
  return found->get<double>();
}

}  // namespace

Json error_json(std::string_view kind, std::string_view text) { return {{"error", {{"kind", kind}, {"text", text}}}}; }

Dials::Dials(std::function<std::unique_ptr<DialSession>(const Json&)> make, int most)
    : make_(std::move(make)), most_(static_cast<size_t>(std::max(most, 0))) {}

std::shared_ptr<Dials::Session> Dials::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  found->second->used = Clock::now();
  return found->second;
}

// Called with the lock held.
bool Dials::make_room() {
  const auto now = Clock::now();
  std::erase_if(sessions_, [&](const auto& one) { return now - one.second->used > kEndsAfter; });
  while (sessions_.size() >= most_) {
    const auto oldest = std::min_element(sessions_.begin(), sessions_.end(),
                                         [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
    if (oldest == sessions_.end() || now - oldest->second->used < kMakesRoomAfter) return false;
    sessions_.erase(oldest);
  }
  return true;
}

Dials::Answer Dials::with(const std::string& id, const std::function<Answer(DialSession&)>& act) {
  const auto session = find(id);
  if (!session)
    return error(404, "usage", "no such session; it may have ended to make room for another one: start it again");
  const std::unique_lock one(session->mutex, std::try_to_lock);
  if (!one) return error(409, "usage", "this session is busy with another call");
  {
    const std::lock_guard lock(mutex_);
    if (training_ >= kMostTraining) return error(503, "io", "other sessions are training; try again in a moment");
    ++training_;
  }
  struct Done {
    Dials& dials;
    ~Done() {
      const std::lock_guard lock(dials.mutex_);
      --dials.training_;
    }
  } const done{*this};
  try {
    return act(*session->dial);
  } catch (const Error& e) {
    return error(e.kind() == ErrorKind::usage ? 400 : 500, error_kind_name(e.kind()), e.what());
  } catch (const std::bad_alloc&) {
    return error(503, "io", "out of memory");
  }
}

Dials::Answer Dials::create(const Json& body) {
  if (!make_) return error(404, "unsupported", "this server has no dial");
  if (!body.is_object()) return error(400, "usage", "expected a configuration: {\"features\": 200, …}");
  const auto session = std::make_shared<Session>();
  const std::string id = random_token().substr(0, 32);
  {
    const std::lock_guard lock(mutex_);
    if (!make_room())
      return error(429, "usage", fmt::format("{} sessions are open; close one or wait a minute", most_));
    sessions_[id] = session;  // its place; the model is made outside of the lock
  }
  const std::lock_guard one(session->mutex);
  try {
    session->dial = make_(body);
    return {200, {{"id", id}, {"frame", session->dial->frame()}}};
  } catch (const std::exception& e) {
    remove(id);
    const auto* known = dynamic_cast<const Error*>(&e);
    if (!known) return error(503, "io", "out of memory");
    return error(400, error_kind_name(known->kind()), known->what());
  }
}

Dials::Answer Dials::advance(const std::string& id, const Json& body) {
  return with(id, [&](DialSession& dial) -> Answer {
    const double steps = number(body, "steps", kMostSteps, 1, kMostSteps);
    const double ms = number(body, "milliseconds", body.contains("steps") ? kMostMilliseconds : kUsualMilliseconds, 1,
                             kMostMilliseconds);
    const auto end = Clock::now() + milliseconds(static_cast<int64_t>(ms));
    // In pieces of about 20 ms: each takes as long as the one before it let expect.
    constexpr double kPiece = 0.02, kMostGrowth = 4;
    double piece = 1;
    for (double left = std::floor(steps); left >= 1 && !dial.done() && Clock::now() < end && !stopping_;) {
      piece = std::clamp(std::floor(piece), 1.0, left);
      const auto before = Clock::now();
      dial.advance(static_cast<int64_t>(piece));
      left -= piece;
      const double took = std::chrono::duration<double>(Clock::now() - before).count();
      piece *= std::clamp(kPiece / std::max(took, 1e-9), 1 / kMostGrowth, kMostGrowth);
    }
    return {200, {{"frame", dial.frame()}}};
  });
}

Dials::Answer Dials::set_decay(const std::string& id, const Json& body) {
  return with(id, [&](DialSession& dial) -> Answer {
    if (!body.contains("decay")) return error(400, "usage", "expected {\"decay\": number}");
    dial.set_decay(number(body, "decay", 0, -10, 10));
    return {200, {{"frame", dial.frame()}}};
  });
}

Dials::Answer Dials::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return sessions_.erase(id) ? Answer{200, Json::object()} : error(404, "usage", "no such session");
}

}  // namespace superpose::serve
