// SPDX-License-Identifier: Apache-2.0
// One request and its reply, through libcurl. Redirects are followed here and not by libcurl, since who may see the
// token is decided at each of them.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/hub/hub.h"
#include "superpose/hub/ranges.h"
#include "superpose/hub/url.h"

namespace superpose::hub {

struct Request {
  std::string url;
  bool head = false;           // stops at a redirect to another host: signed links of a CDN are for GET only
  std::optional<Range> range;  // not empty
  std::string if_range;        // an ETag, or empty
};

using Headers = std::map<std::string, std::string>;  // names in lower case; the first of equal names counts

struct Reply {
  long status = 0;
  std::string url;     // the last of the redirects
  Headers headers;     // of the reply from there
  Headers hub;         // of the endpoint's own replies on the way, the first of equal names
  std::string broken;  // the connection was lost after `status`, or before (0): why

  std::string_view header(const std::string& name) const { return find(headers, name); }
  std::string_view hub_header(const std::string& name) const { return find(hub, name); }
  std::optional<uint64_t> content_length() const;
  // The range and the size of the whole file that Content-Range states; nullopt when there is none or it is no sense.
  struct Extent {
    Range range;
    uint64_t total = 0;
  };
  std::optional<Extent> content_range() const;

 private:
  static std::string_view find(const Headers& headers, const std::string& name) {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string_view() : std::string_view(at->second);
  }
};

// Decimal digits only.
std::optional<uint64_t> parse_number(std::string_view text);

class Http {
 public:
  // Sees the head of a 2xx reply beside each piece of its body. What it throws comes out of send().
  using Sink = std::function<void(const Reply&, std::span<const std::byte>)>;

  explicit Http(const HubOptions& options);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Error{io}: no such host, nobody there, too slow, an untrusted certificate, a redirect that is not followed.
  // Statuses and lost connections are the caller's matter.
  Reply send(const Request& request, const Sink& sink = {}) const;

  Traffic traffic() const { return {bytes_, requests_}; }
  bool token_is_withheld() const { return !token_.empty() && !sends_token_; }

 private:
  struct Transfer;
  class Handle;
  Reply exchange(const Request& request, Headers hub, const Sink& sink) const;
  void set_up(void* handle, const Request& request, bool authorized) const;
  [[noreturn]] void fail(int code, const std::string& detail, const std::string& url) const;

  std::string agent_, token_, certificates_;
  Url endpoint_;
  bool sends_token_;  // is the endpoint one that may see it?
  int timeout_seconds_;
  mutable std::atomic<uint64_t> bytes_ = 0, requests_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<void*> idle_;  // libcurl handles; each keeps its connections
};

// Tries again after a lost connection, 429 or 5xx, three times in all and after the time that the server names.
class Patience {
 public:
  // True: send again (it has waited). False: the reply is final, whatever it is.
  bool again(const Reply& reply);

 private:
  int tries_ = 0;
};

}  // namespace superpose::hub
