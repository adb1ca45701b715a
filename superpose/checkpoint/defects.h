// SPDX-License-Identifier: Apache-2.0
// What the readers of formats say of a file.
#pragma once
#include <string>

#include "superpose/base/error.h"

namespace superpose::checkpoint {

[[noreturn]] inline void bad(const std::string& text) { throw Error(ErrorKind::bad_file, text); }
[[noreturn]] inline void unsupported(const std::string& text) { throw Error(ErrorKind::unsupported, text); }

}  // namespace superpose::checkpoint
