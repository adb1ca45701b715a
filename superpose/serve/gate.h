// SPDX-License-Identifier: Apache-2.0
// Who may ask what. Three strangers are kept out: a page of another site that makes the reader's browser ask (its
// name stands in Host after DNS rebinding, in Origin and in Sec-Fetch-Site), another machine (the token), and another
// program's form.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "superpose/serve/connections.h"

namespace superpose::serve {

struct Refusal {
  int status = 403;
  std::string text;
};

class Gate {
 public:
  // token: empty = none is asked for.
  Gate(std::string token, bool loopback, int port);

  bool needs_token() const { return !token_.empty(); }
  const std::string& token() const { return token_; }

  // Nothing when the request may pass.
  std::optional<Refusal> refuse(const httplib::Request& request) const;
  // Does the query hold the token? Then the answer sets the cookie and leads to the address without it.
  bool is_login(const httplib::Request& request) const;
  std::string cookie() const;  // a Set-Cookie value

 private:
  bool knows_token(const httplib::Request& request) const;

  const std::string token_, cookie_name_;
  const bool loopback_;
};

// 64 hex digits from the system. Error{io}.
std::string random_token();
// Takes the same time wherever two texts of one length differ.
bool same_secret(std::string_view a, std::string_view b);
// The name in a Host header, without port and brackets, in small letters: "localhost", "127.0.0.1", "::1"; "" for one
// that cannot be read.
std::string host_name(std::string_view host);

}  // namespace superpose::serve
