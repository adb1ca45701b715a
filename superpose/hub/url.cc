// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"

namespace superpose::hub {
namespace {

// nullptr when there is no such part.
std::unique_ptr<char, void (*)(void*)> part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* out = nullptr;
  if (curl_url_get(url, which, &out, flags) != CURLUE_OK) out = nullptr;
  return {out, curl_free};
}

}  // namespace

Url parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const auto fail = [&] { return Error(ErrorKind::io, shown(text) + " is no http or https address"); };
  // A zero byte would end the text for curl, not for us.
  if (!url || text.find('\0') != text.npos || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    throw fail();
  }
  const auto scheme = part(url.get(), CURLUPART_SCHEME), host = part(url.get(), CURLUPART_HOST);
  const auto port = part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT), path = part(url.get(), CURLUPART_PATH);
  if (!scheme || !host || !port || !path) throw fail();
  Url out{scheme.get(), host.get(), port.get(), path.get()};
  for (char& c : out.host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  out.has_user = part(url.get(), CURLUPART_USER) || part(url.get(), CURLUPART_PASSWORD);
  out.has_query = part(url.get(), CURLUPART_QUERY) || part(url.get(), CURLUPART_FRAGMENT);
  if (out.scheme != "http" && out.scheme != "https") throw fail();
  return out;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  if (host.starts_with('[') && host.ends_with(']')) {
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address) == 1 &&
           IN6_IS_ADDR_LOOPBACK(&address);
  }
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

std::string shown(const std::string& url) {
  constexpr size_t kShown = 400;
  std::string_view text = std::string_view(url).substr(0, url.find_first_of("?#"));
  std::string out;
  if (const size_t scheme = text.find("://"); scheme != text.npos) {
    out = printable(text.substr(0, scheme)).substr(1);
    out.back() = ':';
    out += "//";
    text.remove_prefix(scheme + 3);
  }
  if (const size_t at = text.substr(0, text.find('/')).rfind('@'); at != text.npos) text.remove_prefix(at + 1);
  for (const char c : text.substr(0, kShown)) {
    out += c > ' ' && c < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text.size() > kShown ? out + "..." : out;
}

std::string percent_encoded(std::string_view text, std::string_view also_kept) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || also_kept.find(c) != also_kept.npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

}  // namespace superpose::hub
