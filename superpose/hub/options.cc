// SPDX-License-Identifier: Apache-2.0
// The environment variables of Python's huggingface_hub, and a few of curl and our own.
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/printable.h"
#include "superpose/base/text.h"
#include "superpose/hub/hub.h"

namespace superpose::hub {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = variable(name); !value.empty()) return value;
  }
  return "";
}

std::filesystem::path hub_home() {
  if (const auto home = variable("HF_HOME"); !home.empty()) return home;
  if (const auto caches = variable("XDG_CACHE_HOME"); !caches.empty()) return caches + "/huggingface";
  if (const auto home = variable("HOME"); !home.empty()) return home + "/.cache/huggingface";
  return {};
}

std::string find_token(const std::filesystem::path& home) {
  if (const std::string token(trimmed(first_of({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}))); !token.empty()) return token;
  const auto named = variable("HF_TOKEN_PATH");
  if (named.empty() && home.empty()) return "";
  const std::filesystem::path path = named.empty() ? home / "token" : std::filesystem::path(named);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  return std::string(trimmed(read_text(path, size_t{1} << 16)));
}

bool is_on(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

int seconds(const std::string& text, int otherwise) {
  if (text.empty()) return otherwise;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 3600) {
    throw Error(ErrorKind::usage, "SUPERPOSE_HTTP_TIMEOUT is " + printable(text) + "; expected seconds, 1 to 3600");
  }
  return value;
}

}  // namespace

HubOptions options_from_environment() {
  HubOptions out;
  const auto home = hub_home();
  if (const std::string endpoint(trimmed(variable("HF_ENDPOINT"))); !endpoint.empty()) out.endpoint = endpoint;
  out.token = find_token(home);
  out.cache = first_of({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  if (out.cache.empty() && !home.empty()) out.cache = home / "hub";
  out.certificates = first_of({"SSL_CERT_FILE", "CURL_CA_BUNDLE"});
  if (const auto scratch = variable("TMPDIR"); !scratch.empty()) out.scratch = scratch;
  out.offline = is_on(variable("HF_HUB_OFFLINE"));
  out.timeout_seconds = seconds(variable("SUPERPOSE_HTTP_TIMEOUT"), out.timeout_seconds);
  return out;
}

}  // namespace superpose::hub
