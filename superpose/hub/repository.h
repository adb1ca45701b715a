// SPDX-License-Identifier: Apache-2.0
// A repository at the other end of the network: which files it has, and what the server says when it refuses one.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "superpose/base/error.h"
#include "superpose/hub/http.h"
#include "superpose/hub/hub.h"

namespace superpose::hub {

struct Listing {
  std::string commit;           // 40 to 64 hex digits, or empty
  std::set<std::string> names;  // of files, with folders: "onnx/model.onnx"
};
// The API's description of a revision. Only "sha" and the names are kept of it. Error{bad_file}, without a place.
Listing parse_listing(std::string_view json);

bool is_commit(std::string_view text);     // 40 to 64 hex digits
bool is_file_name(std::string_view text);  // a path that cannot lead out of a folder, without control characters

class Repository {
 public:
  // commit: what the revision is known to stand for, or empty.
  Repository(HubId id, const HubOptions& options, std::string commit);

  const HubId& id() const { return id_; }
  const Http& http() const { return http_; }
  std::string commit() const;  // "" as long as it is not known

  // nullptr: the server has no API. Error{io}.
  const Listing* listing() const;
  bool has(const std::string& name) const;

  // Where a file is asked for, of the commit if it is known. The server redirects to where it is.
  std::string address(const std::string& name) const;
  // The first reply says which commit its files belong to.
  void pin(const Reply& reply) const;
  // What a status other than 2xx means for `what` ("config.json", or "" for the repository), and what to do.
  Error refusal(const Reply& reply, const std::string& what) const;
  // "hf:gpt2: " + text
  Error error(ErrorKind kind, const std::string& text) const;

 private:
  std::string revision() const;

  HubId id_;
  std::string endpoint_;  // without a slash at the end
  bool has_token_;
  Http http_;
  mutable std::mutex mutex_;  // of commit_
  mutable std::string commit_;
  mutable std::mutex listing_mutex_;  // held while the server is asked
  mutable std::optional<std::unique_ptr<const Listing>> listing_;
};

}  // namespace superpose::hub
