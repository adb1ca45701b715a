// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/gate.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "superpose/base/error.h"

namespace superpose::serve {
namespace {

bool is_read(const httplib::Request& request) { return request.method == "GET" || request.method == "HEAD"; }

bool is_this_machine(std::string_view name) {
  if (name == "localhost" || name == "::1") return true;
  // 127.0.0.0/8, and not a name that begins so ("127.0.0.1.example.org").
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

// The value of `name` in a Cookie header.
std::string_view cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t end = std::min(header.find(';'), header.size());
    std::string_view part = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=') {
      return part.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace

std::string random_token() {
  std::array<unsigned char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorKind::io, "no random numbers from the system: " + std::generic_category().message(errno));
  }
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string host_name(std::string_view host) {
  std::string name;
  std::string_view rest;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return "";
    name = host.substr(1, end - 1), rest = host.substr(end + 1);
  } else {
    const size_t end = std::min(host.find(':'), host.size());
    name = host.substr(0, end), rest = host.substr(end);
  }
  if (!rest.empty() && (rest[0] != ':' || rest.size() < 2 || rest.size() > 6 ||
                        rest.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
    return "";
  }
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name;
}

Gate::Gate(std::string token, bool loopback, int port)
    : token_(std::move(token)), cookie_name_(fmt::format("superpose-{}", port)), loopback_(loopback) {}

bool Gate::is_login(const httplib::Request& request) const {
  return needs_token() && request.has_param("token") && same_secret(request.get_param_value("token"), token_);
}

// Strict: no other site's link or form carries it. No Secure: the server speaks plain HTTP.
std::string Gate::cookie() const {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name_, token_);
}

bool Gate::knows_token(const httplib::Request& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string authorization = request.get_header_value("Authorization");
  if (authorization.starts_with(kBearer)) {
    return same_secret(std::string_view(authorization).substr(kBearer.size()), token_);
  }
  const std::string cookies = request.get_header_value("Cookie");
  return same_secret(cookie_value(cookies, cookie_name_), token_);
}

std::optional<Refusal> Gate::refuse(const httplib::Request& request) const {
  if (request.get_header_value_count("Host") != 1) return Refusal{400, "expected one Host header"};
  const std::string host = request.get_header_value("Host");
  if (loopback_ && !is_this_machine(host_name(host))) {
    return Refusal{403,
                   "this server answers to localhost and 127.0.0.1 only; to reach it under another name, start it with "
                   "--bind, which asks for a token"};
  }
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  const bool navigates = request.get_header_value("Sec-Fetch-Mode") == "navigate" && is_read(request);
  if (!site.empty() && site != "same-origin" && site != "none" && !navigates) {
    return Refusal{403, "asked by a page of another site"};
  }
  if (!is_read(request) && request.has_header("Origin") && request.get_header_value("Origin") != "http://" + host) {
    return Refusal{403, "asked by a page of another site (the Origin is not this server)"};
  }
  if (needs_token() && !is_login(request) && !knows_token(request)) {
    return Refusal{401, "a token is needed: open the address that superpose printed when it started (with ?token=)"};
  }
  return std::nullopt;
}

}  // namespace superpose::serve
