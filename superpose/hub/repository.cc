// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/repository.h"

#include <fmt/format.h>

#include <algorithm>

#include "superpose/base/json.h"
#include "superpose/base/printable.h"

namespace superpose::hub {
namespace {

constexpr size_t kMaxListingBytes = size_t{16} << 20;
constexpr size_t kMaxNameBytes = 512;

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace

bool is_commit(std::string_view text) {
  return text.size() >= 40 && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_file_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  for (auto rest = text; !rest.empty();) {
    const size_t length = utf8_length(rest);
    const auto first = static_cast<unsigned char>(rest.front());
    const bool control = first < ' ' || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0);
    if (length == 0 || control || first == '\\') return false;
    rest.remove_prefix(length);
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    const auto component = text.substr(begin, end - begin);
    if (component.empty() || component == "." || component == "..") return false;
    begin = end + 1;
  }
  return true;
}

Listing parse_listing(std::string_view text) {
  using Plain = nlohmann::json;  // not Json: with keys in order, many of them take quadratic time
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  // Of the top level only two keys are kept, of each sibling one: a description can be long.
  const auto guard = [&](int depth, Plain::parse_event_t event, Plain& value) {
    too_deep |= depth > kMaxDepth;
    if (too_deep) return false;
    if (event != Plain::parse_event_t::key) return true;
    if (depth == 1) return value == "sha" || value == "siblings";
    return depth != 3 || value == "rfilename";
  };
  Plain tree;
  try {
    tree = Plain::parse(text.begin(), text.end(), guard);
  } catch (const Plain::exception&) {
    throw Error(ErrorKind::bad_file, "not valid JSON");
  }
  if (too_deep) throw Error(ErrorKind::bad_file, fmt::format("JSON nested deeper than {} levels", kMaxDepth));
  if (!tree.is_object() || !tree.contains("siblings") || !tree["siblings"].is_array()) {
    throw Error(ErrorKind::bad_file, "no list of files in it (siblings)");
  }
  Listing out;
  if (tree.contains("sha")) {
    if (!tree["sha"].is_string() || !is_commit(tree["sha"].get_ref<const std::string&>())) {
      throw Error(ErrorKind::bad_file, "its sha is no commit");
    }
    out.commit = tree["sha"].get<std::string>();
  }
  for (const auto& sibling : tree["siblings"]) {
    const auto name = sibling.is_object() ? sibling.find("rfilename") : sibling.end();
    if (!sibling.is_object() || name == sibling.end() || !name->is_string()) {
      throw Error(ErrorKind::bad_file, "a file without a name in its list");
    }
    const auto& given = name->get_ref<const std::string&>();
    if (is_file_name(given)) out.names.insert(given);  // another one could not be asked for
  }
  return out;
}

Repository::Repository(HubId id, const HubOptions& options, std::string commit)
    : id_(std::move(id)),
      endpoint_(without_slash(options.endpoint)),
      has_token_(!options.token.empty()),
      http_(options),
      commit_(std::move(commit)) {}

std::string Repository::commit() const {
  const std::lock_guard lock(mutex_);
  return commit_;
}

std::string Repository::revision() const {
  const std::string known = commit();
  return known.empty() ? id_.revision : known;
}

void Repository::pin(const Reply& reply) const {
  const std::string_view stated = reply.hub_header("x-repo-commit");
  if (!is_commit(stated)) return;
  const std::lock_guard lock(mutex_);
  if (commit_.empty()) commit_ = stated;
}

std::string Repository::address(const std::string& name) const {
  if (!is_file_name(name)) throw error(ErrorKind::io, printable(name) + " cannot be the name of a file");
  return fmt::format("{}/{}/resolve/{}/{}", endpoint_, id_.repository, percent_encoded(revision()),
                     percent_encoded(name, "/"));
}

Error Repository::error(ErrorKind kind, const std::string& text) const { return {kind, to_text(id_) + ": " + text}; }

Error Repository::refusal(const Reply& reply, const std::string& what) const {
  std::string text = shown(reply.url) + ": ";
  if (!reply.broken.empty()) {
    return error(ErrorKind::io,
                 fmt::format("{}the connection was lost, {} times ({}); try again", text, 3, reply.broken));
  }
  text += fmt::format("HTTP status {}", reply.status);
  if (const auto said = reply.header("x-error-message"); !said.empty()) text += fmt::format(" ({})", printable(said));
  const auto code = reply.header("x-error-code");
  const std::string file = what.empty() ? "" : printable(what);
  if (code == "RepoNotFound") {
    text += fmt::format(": there is no model {} that is public{}", id_.repository,
                        has_token_ ? " or that HF_TOKEN may see" : "; for a private one set HF_TOKEN");
  } else if (reply.status == 401) {
    text += has_token_ ? fmt::format(": the token is not accepted for {}; is HF_TOKEN (or the token file) right?",
                                     id_.repository)
                       : fmt::format(": {} is private or gated, or not there; set HF_TOKEN to a token that may read it",
                                     id_.repository);
  } else if (reply.status == 403) {
    text += fmt::format(": {} is gated or not yours to read; accept its licence at {}/{}{}", id_.repository, endpoint_,
                        id_.repository, has_token_ ? "" : " and set HF_TOKEN to a token that may read it");
  } else if (code == "RevisionNotFound") {
    text += fmt::format(": {} has no revision {}", id_.repository, printable(id_.revision));
  } else if (code == "EntryNotFound") {
    text += fmt::format(": revision {} of {} has no file {}", id_.revision, id_.repository, file);
  } else if (reply.status == 404 || reply.status == 410) {
    text += what.empty() ? fmt::format(": there is no model {}, or no revision {} of it", id_.repository, id_.revision)
                         : fmt::format(": there is no model {}, or no revision {}, or no file {} in it", id_.repository,
                                       id_.revision, file);
  } else if (reply.status == 429) {
    const auto wait = parse_number(reply.header("retry-after"));
    text += fmt::format(": too many requests; try again {}{}", wait ? fmt::format("in {} s", *wait) : "later",
                        has_token_ ? "" : ", or set HF_TOKEN: the limit is higher then");
  } else if (reply.status >= 500) {
    text += ": the server failed, three times; try again later";
  } else {
    text += ": expected a file; is HF_ENDPOINT the address of a hub?";
  }
  return error(ErrorKind::io, text);
}

const Listing* Repository::listing() const {
  const std::lock_guard lock(listing_mutex_);
  if (listing_) return listing_->get();
  Request request;
  request.url = fmt::format("{}/api/models/{}/revision/{}", endpoint_, id_.repository, percent_encoded(revision()));
  std::string body;
  Reply reply;
  Patience patience;
  do {
    body.clear();
    reply = http_.send(request, [&](const Reply& head, std::span<const std::byte> bytes) {
      if (bytes.size() > kMaxListingBytes - body.size()) {
        throw error(ErrorKind::io,
                    fmt::format("{}: the list of files is longer than {} bytes", shown(head.url), kMaxListingBytes));
      }
      body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
  } while (patience.again(reply));
  const bool there = reply.broken.empty() && reply.status == 200;
  // A plain 404 may also be a mirror that has the files and no API; a hub says what it does not find.
  const bool no_api = reply.broken.empty() && reply.status == 404 && reply.header("x-error-code").empty();
  if (!there && !no_api) throw refusal(reply, "");
  std::unique_ptr<const Listing> out;
  if (there) {
    try {
      out = std::make_unique<const Listing>(parse_listing(body));
    } catch (const Error& bad) {
      throw error(ErrorKind::io,
                  fmt::format("{}: the reply does not describe a model: {}; is HF_ENDPOINT the address of a hub?",
                              shown(reply.url), bad.what()));
    }
    const std::lock_guard commit_lock(mutex_);
    if (commit_.empty()) commit_ = out->commit;
  }
  listing_ = std::move(out);
  return listing_->get();
}

bool Repository::has(const std::string& name) const {
  if (!is_file_name(name)) return false;
  if (const Listing* files = listing()) return files->names.contains(name);
  Request request;
  request.url = address(name);
  request.head = true;
  Reply reply;
  Patience patience;
  do {
    reply = http_.send(request);
  } while (patience.again(reply));
  if (!reply.broken.empty()) throw refusal(reply, name);
  const auto code = reply.header("x-error-code");
  if (reply.status == 404 && (code.empty() || code == "EntryNotFound")) return false;
  if (reply.status >= 400) throw refusal(reply, name);
  pin(reply);
  return true;
}

}  // namespace superpose::hub
