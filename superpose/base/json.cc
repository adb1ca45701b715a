// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/json.h"

#include <cstdint>
#include <cstdio>

#include "superpose/base/error.h"

namespace superpose {

Json parse_json(std::string_view text, std::string_view where) {
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  const auto guard = [&](int depth, Json::parse_event_t, Json&) {
    too_deep |= depth > kMaxDepth;
    return !too_deep;
  };
  try {
    Json out = Json::parse(text.begin(), text.end(), guard);
    if (!too_deep) return out;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::bad_file, std::string(where) + ": not valid JSON: " + e.what());
  }
  throw Error(ErrorKind::bad_file, std::string(where) + ": JSON nested deeper than 64 levels");
}

std::string fingerprint(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(hash));
  return out;
}

std::string fingerprint(const Json& value) {
  return fingerprint(std::string_view(nlohmann::json(value).dump()));  // nlohmann::json sorts its keys
}

}  // namespace superpose
