// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/base/text.h"
#include "superpose/base/version.h"

namespace superpose::hub {
namespace {

constexpr int kMaxRedirects = 5;
constexpr uint64_t kMaxHeadBytes = 64 << 10;     // of one reply
constexpr uint64_t kMaxIgnoredBytes = 64 << 10;  // of the body of a redirect or an error; then the connection is cut
constexpr long kLeastSpeed = 1024;               // bytes per second
constexpr int kTries = 3;
constexpr int kMaxWaitSeconds = 60;  // a server that wants us to come back later than this is not waited for

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> Reply::content_length() const { return parse_number(header("content-length")); }

std::optional<Reply::Extent> Reply::content_range() const {  // "bytes 0-99/1234"; of status 416 "bytes */1234"
  std::string_view text = header("content-range");
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto total = parse_number(text.substr(slash + 1));
  if (!total) return std::nullopt;
  text = text.substr(0, slash);
  if (text == "*") return Extent{{0, 0}, *total};
  const size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = parse_number(text.substr(0, dash)), last = parse_number(text.substr(dash + 1));
  if (!first || !last || *first > *last || *last >= *total) return std::nullopt;
  return Extent{{*first, *last + 1}, *total};
}

struct Http::Transfer {
  const Http& http;
  const Sink& sink;
  CURL* curl;
  bool from_hub;
  Reply reply;
  uint64_t head_bytes = 0, ignored_bytes = 0;
  bool head_too_long = false, cut = false;
  std::exception_ptr thrown;  // by the sink; an exception must not pass through libcurl

  static size_t header(char* data, size_t size, size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    t.head_bytes += line.size();
    if (t.head_bytes > kMaxHeadBytes) {
      t.head_too_long = true;
      return 0;
    }
    if (line.starts_with("HTTP/")) t.reply.headers.clear();  // what came before belonged to a 1xx
    if (t.from_hub && line == "\r\n") t.reply.hub.insert(t.reply.headers.begin(), t.reply.headers.end());
    const size_t colon = line.find(':');
    if (colon != line.npos) t.reply.headers.try_emplace(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return line.size();
  }

  static size_t body(char* data, size_t size, size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size * count);
    t.http.bytes_ += bytes.size();
    curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &t.reply.status);
    if (!t.sink || t.reply.status < 200 || t.reply.status > 299) {
      t.ignored_bytes += bytes.size();
      t.cut = t.ignored_bytes > kMaxIgnoredBytes;
      return t.cut ? 0 : bytes.size();
    }
    try {
      t.sink(t.reply, bytes);
    } catch (...) {
      t.thrown = std::current_exception();
      return 0;
    }
    return bytes.size();
  }
};

// A libcurl handle for one request; handles are used again, since they keep connections open.
class Http::Handle {
 public:
  explicit Handle(const Http& http) : http_(http) {
    {
      const std::lock_guard lock(http_.mutex_);
      if (!http_.idle_.empty()) {
        curl_ = http_.idle_.back();
        http_.idle_.pop_back();
      }
    }
    if (!curl_) curl_ = curl_easy_init();
    if (!curl_) throw Error(ErrorKind::io, "libcurl cannot be used: curl_easy_init failed");
  }
  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_reset(curl_);
    const std::lock_guard lock(http_.mutex_);
    http_.idle_.push_back(curl_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  CURL* get() const { return curl_; }

  curl_slist* headers = nullptr;

 private:
  const Http& http_;
  CURL* curl_ = nullptr;
};

Http::Http(const HubOptions& options)
    : agent_(std::string("superpose/") + kVersion),
      token_(options.token),
      certificates_(options.certificates.string()),
      timeout_seconds_(options.timeout_seconds) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw Error(ErrorKind::io, "libcurl cannot be used: curl_global_init failed");
  try {
    endpoint_ = parse_url(options.endpoint);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, std::string("HF_ENDPOINT: ") + error.what() + "; expected https://HOST");
  }
  if (endpoint_.has_user || endpoint_.has_query) {
    throw Error(ErrorKind::usage, "HF_ENDPOINT: " + shown(options.endpoint) +
                                      " has a user, a query or a fragment; expected https://HOST, and the token in "
                                      "HF_TOKEN");
  }
  // It becomes a header line.
  if (std::any_of(token_.begin(), token_.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) {
    throw Error(ErrorKind::usage, "HF_TOKEN (or the token file) holds a character that no token has");
  }
  sends_token_ = endpoint_.scheme == "https" || is_loopback(endpoint_.host);
}

Http::~Http() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

void Http::set_up(void* handle, const Request& request, bool authorized) const {
  const auto set = [&](CURLoption option, auto value) {
    if (curl_easy_setopt(handle, option, value) != CURLE_OK) {
      throw Error(ErrorKind::io,
                  fmt::format("libcurl refuses its option {} for {}", static_cast<int>(option), shown(request.url)));
    }
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_USERAGENT, agent_.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
#endif
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOBODY, request.head ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!certificates_.empty()) set(CURLOPT_CAINFO, certificates_.c_str());
  set(CURLOPT_CONNECTTIMEOUT, long{timeout_seconds_});
  set(CURLOPT_LOW_SPEED_LIMIT, kLeastSpeed);
  set(CURLOPT_LOW_SPEED_TIME, long{timeout_seconds_});
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // A proxy would read a token that goes over plain http, so this machine is reached without.
  if (authorized && request.url.starts_with("http://")) set(CURLOPT_PROXY, "");
}

Reply Http::exchange(const Request& request, Headers hub, const Sink& sink) const {
  const bool to_hub = parse_url(request.url).origin() == endpoint_.origin();
  const bool authorized = !token_.empty() && sends_token_ && to_hub;
  Handle handle(*this);
  CURL* const curl = handle.get();
  set_up(curl, request, authorized);

  // identity: a range of compressed bytes would be a range of something else.
  std::vector<std::string> lines{"Accept-Encoding: identity"};
  if (authorized) lines.push_back("Authorization: Bearer " + token_);
  if (request.range) lines.push_back(fmt::format("Range: bytes={}-{}", request.range->begin, request.range->end - 1));
  if (!request.if_range.empty()) lines.push_back("If-Range: " + request.if_range);
  for (const auto& line : lines) {
    curl_slist* const longer = curl_slist_append(handle.headers, line.c_str());
    if (!longer) throw std::bad_alloc();
    handle.headers = longer;
  }
  char detail[CURL_ERROR_SIZE] = "";
  Transfer transfer{*this, sink, curl, to_hub, {}};
  transfer.reply.url = request.url;
  transfer.reply.hub = std::move(hub);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, handle.headers);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);

  ++requests_;
  const CURLcode code = curl_easy_perform(curl);
  Reply& reply = transfer.reply;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (transfer.head_too_long) {
    throw Error(ErrorKind::io,
                fmt::format("{}: the head of the reply is longer than {} bytes", shown(request.url), kMaxHeadBytes));
  }
  const char* redirect = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
  if (is_redirect(reply.status)) reply.headers["location"] = redirect ? redirect : "";
  switch (code) {
    case CURLE_OK:
      break;
    case CURLE_WRITE_ERROR:
      if (!transfer.cut) fail(code, detail, request.url);
      break;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      reply.broken = printable(*detail ? detail : curl_easy_strerror(code));
      break;
    default:
      fail(code, detail, request.url);
  }
  return std::move(reply);
}

void Http::fail(int code, const std::string& detail, const std::string& url) const {
  const std::string said = printable(detail.empty() ? curl_easy_strerror(static_cast<CURLcode>(code)) : detail);
  std::string what;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      what = fmt::format(
          "the host is not found ({}): is there a network, is HF_ENDPOINT right? With HF_HUB_OFFLINE=1 only "
          "the local hub cache is used",
          said);
      break;
    case CURLE_COULDNT_CONNECT:
      what = fmt::format("nobody answers there ({}): is there a network, is HF_ENDPOINT right?", said);
      break;
    case CURLE_OPERATION_TIMEDOUT:
      what = fmt::format(
          "the server is too slow ({}): no connection, or less than {} bytes a second, for {} s; "
          "SUPERPOSE_HTTP_TIMEOUT=SECONDS waits longer",
          said, kLeastSpeed, timeout_seconds_);
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
      what = fmt::format(
          "the server's certificate is not trusted ({}), and is not passed over: SSL_CERT_FILE names a file "
          "with the authorities of your own network",
          said);
      break;
    case CURLE_SSL_CACERT_BADFILE:
      what = fmt::format(
          "the file of trusted authorities cannot be read ({}): install ca-certificates, or let "
          "SSL_CERT_FILE name such a file",
          said);
      break;
    case CURLE_SSL_CONNECT_ERROR:
      what = fmt::format("no secure connection ({})", said);
      break;
    default:
      what = fmt::format("the transfer failed ({})", said);
  }
  throw Error(ErrorKind::io, shown(url) + ": " + what);
}

Reply Http::send(const Request& request, const Sink& sink) const {
  Request next = request;
  Headers hub;
  for (int redirects = 0;; ++redirects) {
    Reply reply = exchange(next, std::move(hub), sink);
    if (!reply.broken.empty() || !is_redirect(reply.status)) return reply;
    const std::string target(reply.header("location"));
    const auto refuse = [&](std::string_view why) {
      return Error(ErrorKind::io, fmt::format("{}: redirected to {}, which is not followed: {}", shown(reply.url),
                                              target.empty() ? "nowhere" : shown(target), why));
    };
    if (redirects == kMaxRedirects) throw refuse(fmt::format("that is redirect {}", redirects + 1));
    if (target.empty()) throw refuse("there is no Location");
    Url from = parse_url(next.url), to;
    try {
      to = parse_url(target);
    } catch (const Error& error) {
      throw refuse(error.what());
    }
    if (from.scheme == "https" && to.scheme != "https") throw refuse("it leads from https to http");
    if (to.has_user) throw refuse("it names a user");
    if (request.head && to.origin() != from.origin()) return reply;
    next.url = target;
    hub = std::move(reply.hub);
  }
}

bool Patience::again(const Reply& reply) {
  const bool transient = !reply.broken.empty() || reply.status == 429 || reply.status >= 500;
  if (!transient || ++tries_ >= kTries) return false;
  // Retry-After may also be a date; then, and without one, the wait is ours: 1 s, 2 s.
  const uint64_t named = parse_number(reply.header("retry-after")).value_or(static_cast<uint64_t>(tries_));
  if (reply.broken.empty() && named > kMaxWaitSeconds) return false;
  std::this_thread::sleep_for(reply.broken.empty() ? std::chrono::milliseconds(1000 * named)
                                                   : std::chrono::milliseconds(200 * tries_));
  return true;
}

}  // namespace superpose::hub
