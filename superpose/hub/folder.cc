// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/hub/hub.h"
#include "superpose/hub/remote_file.h"
#include "superpose/hub/repository.h"
#include "superpose/hub/snapshot.h"

namespace superpose::hub {
namespace {

class CachedThenRemote : public HubFolder {
 public:
  CachedThenRemote(const HubId& id, const HubOptions& options)
      : id_(id),
        scratch_(options.scratch),
        offline_(options.offline),
        snapshot_(find_snapshot(id, options.cache)),
        repository_(std::make_shared<Repository>(id, options, snapshot_ ? snapshot_->commit : "")) {
    if (snapshot_) cached_ = disk_folder(snapshot_->folder);
    if (offline_ && !snapshot_) {
      throw repository_->error(ErrorKind::io,
                               fmt::format("HF_HUB_OFFLINE is set, and the hub cache has no revision {} of it in {}",
                                           id.revision, cache_folder(id, options.cache).string()));
    }
    if (options.endpoint.starts_with("http://") && !is_loopback(parse_url(options.endpoint).host)) {
      notes_.push_back(fmt::format("HF_ENDPOINT is plain http: what comes from it may have been changed on the way{}",
                                   repository_->http().token_is_withheld() ? ", and the token was not sent" : ""));
    }
  }

  std::vector<std::string> names() const override {
    std::set<std::string> out;
    if (cached_) {
      for (auto& name : cached_->names()) out.insert(std::move(name));
    }
    const auto add_remote = [&] {
      const Listing* files = repository_->listing();
      if (!files && !cached_) throw no_listing();
      if (!files) return;
      for (const auto& name : files->names) {
        if (name.find('/') == name.npos) out.insert(name);
      }
    };
    ask(add_remote);
    return {out.begin(), out.end()};
  }

  bool has(const std::string& name) const override {
    if (!is_file_name(name)) return false;
    if (cached_ && cached_->has(name)) return true;
    std::error_code error;
    if (snapshot_ && std::filesystem::exists(snapshot_->absent / name, error)) return false;
    bool out = false;
    ask([&] { out = repository_->has(name); });
    return out;
  }

  std::shared_ptr<const File> open(const std::string& name) const override {
    if (!is_file_name(name)) throw repository_->error(ErrorKind::io, printable(name) + " cannot be the name of a file");
    if (cached_ && cached_->has(name)) return cached_->open(name);
    if (offline_) {
      throw repository_->error(ErrorKind::io, fmt::format("HF_HUB_OFFLINE is set, and {} is not in the hub cache ({})",
                                                          printable(name), snapshot_->folder.string()));
    }
    return open_remote(repository_, name, scratch_);
  }

  std::string label(const std::string& name) const override {
    if (cached_ && !name.empty() && is_file_name(name) && cached_->has(name)) return cached_->label(name);
    return to_text(id_) + (name.empty() ? "" : "/" + name);
  }

  Traffic traffic() const override { return repository_->http().traffic(); }
  std::vector<std::string> notes() const override {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  // Asks the server. When it does not answer, what the cache holds must do, and a note says so; the server is not asked
  // again then, since that may take half a minute each time.
  template <class Question>
  void ask(const Question& question) const {
    if (offline_) return;
    if (cached_) {
      const std::lock_guard lock(mutex_);
      if (out_of_reach_) return;
    }
    try {
      question();
    } catch (const Error& error) {
      if (!cached_ || error.kind() != ErrorKind::io) throw;
      const std::lock_guard lock(mutex_);
      if (std::exchange(out_of_reach_, true)) return;
      notes_.push_back(fmt::format("only the hub cache was used ({}): {}", snapshot_->folder.string(), error.what()));
    }
  }

  Error no_listing() const {
    return repository_->error(ErrorKind::io,
                              fmt::format("not found: the server lists no files of a model {}, revision {}, and has no "
                                          "model file of a usual name there; is the id right?",
                                          id_.repository, printable(id_.revision)));
  }

  HubId id_;
  std::filesystem::path scratch_;
  bool offline_;
  std::optional<Snapshot> snapshot_;
  std::shared_ptr<const Repository> repository_;
  std::unique_ptr<Folder> cached_;  // over the snapshot, if there is one
  mutable std::mutex mutex_;        // of what follows
  mutable bool out_of_reach_ = false;
  mutable std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<HubFolder> open_hub(const HubId& id, const HubOptions& options) {
  return std::make_unique<CachedThenRemote>(id, options);
}

}  // namespace superpose::hub
