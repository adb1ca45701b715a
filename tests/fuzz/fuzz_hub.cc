// SPDX-License-Identifier: Apache-2.0
// What a server or a user says about a hub: a listing, names, ranges, addresses, ids. Valid, or an Error.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "superpose/hub/http.h"
#include "superpose/hub/hub.h"
#include "superpose/hub/repository.h"
#include "superpose/hub/url.h"

namespace {

using namespace superpose;

void require(bool condition) {
  if (!condition) std::abort();
}

template <class Action>
void allow(ErrorKind kind, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    require(error.kind() == kind);
  }
}

void check(const std::string& text) {
  allow(ErrorKind::bad_file, [&] {
    const auto listing = hub::parse_listing(text);
    require(listing.commit.empty() || hub::is_commit(listing.commit));
    for (const auto& name : listing.names) require(hub::is_file_name(name));
  });
  allow(ErrorKind::usage, [&] {
    const auto id = hub::parse_hub_id(text);
    require(id.repository.find("..") == std::string::npos && id.revision.find("..") == std::string::npos);
    require(hub::parse_hub_id(hub::to_text(id)).revision == id.revision);
  });
  hub::Reply reply;
  reply.headers["content-range"] = text;
  if (const auto extent = reply.content_range()) require(extent->range.end <= extent->total);
  require(hub::shown(text).find('?') == std::string::npos);
  allow(ErrorKind::io, [&] {
    const auto url = hub::parse_url(text);
    require(url.scheme == "http" || url.scheme == "https");
    require(!url.host.empty() && url.host.find('@') == std::string::npos);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
