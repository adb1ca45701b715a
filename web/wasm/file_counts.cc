// SPDX-License-Identifier: Apache-2.0
// features/file_counts.h where there are no files.
#include "superpose/features/file_counts.h"

#include <string>

#include "superpose/base/error.h"

namespace superpose::features {

Counts file_counts(std::string_view path) {
  throw Error(ErrorKind::unsupported, "law = file:" + std::string(path) + ": the engine in the browser reads no files");
}

}  // namespace superpose::features
