// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "superpose/base/file.h"
#include "superpose/hub/repository.h"

namespace superpose::hub {

// A file of the repository: asks for its first bytes, which says how long it is and where. Error{io}: not there, not
// allowed, network; Error{unsupported}: a server that only sends whole files, and this one is longer than 1 MiB.
// scratch: the folder where the bytes that come are kept while the file is open.
std::shared_ptr<const File> open_remote(std::shared_ptr<const Repository> repository, const std::string& name,
                                        const std::filesystem::path& scratch);

}  // namespace superpose::hub
