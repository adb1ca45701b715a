// SPDX-License-Identifier: Apache-2.0
// The local hub cache, as Python's huggingface_hub lays it out:
//   models--OWNER--NAME/refs/REVISION            the commit that a branch or tag stood for when it was last looked up
//   models--OWNER--NAME/snapshots/COMMIT/FILE    links to the files that were downloaded of it; the others are missing
//   models--OWNER--NAME/.no_exist/COMMIT/FILE    files that the server was asked for and did not have
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "superpose/hub/hub.h"

namespace superpose::hub {

struct Snapshot {
  std::string commit;
  std::filesystem::path folder, absent;
};
std::filesystem::path cache_folder(const HubId& id, const std::filesystem::path& cache);
std::optional<Snapshot> find_snapshot(const HubId& id, const std::filesystem::path& cache);

}  // namespace superpose::hub
