// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/hub/hub.h"
#include "superpose/hub/repository.h"

namespace superpose::hub {
namespace {

constexpr std::string_view kScheme = "hf:";

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The hub's own rule for an owner or a name. The cache writes '/' as "--", so neither holds that.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 96 && text.find("--") == text.npos && text.find("..") == text.npos &&
         text.front() != '.' && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
         });
}

// It becomes a path below refs/ of the cache, and one component of an address.
bool is_revision(std::string_view text) {
  constexpr std::string_view kRefused = "\\~^:?*[";  // git refuses them too
  return !text.empty() && text.size() <= 256 && text.find("..") == text.npos && text.find("//") == text.npos &&
         text.find("/.") == text.npos && text.front() != '/' && text.front() != '-' && text.front() != '.' &&
         text.back() != '/' && std::all_of(text.begin(), text.end(), [&](char c) {
           return c > ' ' && c < 0x7f && kRefused.find(c) == kRefused.npos;
         });
}

}  // namespace

bool is_hub_id(std::string_view text) { return text.starts_with(kScheme); }

HubId parse_hub_id(std::string_view text) {
  const auto fail = [&](std::string_view what) {
    return Error(ErrorKind::usage, printable(text) + ": " + std::string(what) +
                                       "; expected hf:OWNER/NAME, for example hf:openai-community/gpt2, "
                                       "or with @REVISION and :FILE behind it");
  };
  if (!is_hub_id(text)) throw fail("not the id of a model on a hub");
  std::string_view id = text.substr(kScheme.size());
  const size_t colon = id.find(':');
  const std::string_view file = colon == id.npos ? "" : id.substr(colon + 1);
  id = id.substr(0, colon);
  const size_t at = id.find('@');
  const std::string_view repository = id.substr(0, at);
  HubId out{std::string(repository)};
  if (at != id.npos) out.revision = id.substr(at + 1);
  const size_t slash = repository.find('/');
  const bool known = slash == repository.npos
                         ? is_name(repository)
                         : is_name(repository.substr(0, slash)) && is_name(repository.substr(slash + 1));
  if (!known) throw fail("owner and name are made of letters, digits and . - _");
  if (!is_revision(out.revision)) throw fail("the revision is no branch, tag or commit");
  if (colon != text.npos && !is_file_name(file)) throw fail("no file of the model is called so");
  out.file = file;
  return out;
}

std::string to_text(const HubId& id) {
  return std::string(kScheme) + id.repository + (id.revision == "main" ? "" : "@" + id.revision);
}

}  // namespace superpose::hub
