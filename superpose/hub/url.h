// SPDX-License-Identifier: Apache-2.0
// Addresses: whose they are, and how they may be shown.
#pragma once
#include <string>
#include <string_view>

namespace superpose::hub {

struct Url {
  std::string scheme, host, port, path;
  bool has_user = false, has_query = false;
  std::string origin() const { return scheme + "://" + host + ":" + port; }
};
// Error{io} when it is not an absolute http or https address.
Url parse_url(const std::string& text);

bool is_loopback(
    std::string_view host);  // "localhost", 127.0.0.0/8 or ::1, by their form and not by asking the network

// For messages: without user, password, query (signed links carry a secret there) and fragment.
std::string shown(const std::string& url);

std::string percent_encoded(std::string_view text, std::string_view also_kept = "");

}  // namespace superpose::hub
