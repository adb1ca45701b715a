// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/snapshot.h"

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/hub/repository.h"

namespace superpose::hub {

std::filesystem::path cache_folder(const HubId& id, const std::filesystem::path& cache) {
  std::string name = "models--" + id.repository;
  if (const size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return cache / name;
}

std::optional<Snapshot> find_snapshot(const HubId& id, const std::filesystem::path& cache) {
  if (cache.empty()) return std::nullopt;
  const auto folder = cache_folder(id, cache);
  std::string commit = id.revision;
  std::error_code error;
  if (const auto ref = folder / "refs" / id.revision; std::filesystem::is_regular_file(ref, error)) {
    commit = read_text(ref, 4096);
    while (commit.ends_with('\n')) commit.pop_back();
  }
  if (!is_commit(commit)) return std::nullopt;  // it is a path below: nothing else may lead there
  Snapshot out{commit, folder / "snapshots" / commit, folder / ".no_exist" / commit};
  if (!std::filesystem::is_directory(out.folder, error)) return std::nullopt;
  return out;
}

}  // namespace superpose::hub
