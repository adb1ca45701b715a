// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace superpose {

std::string_view error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::bad_file:
      return "bad_file";
    case ErrorKind::io:
      return "io";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::numeric:
      return "numeric";
  }
  return "unknown";
}

int exit_code(ErrorKind kind) { return 2 + static_cast<int>(kind); }

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: internal error: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace superpose
