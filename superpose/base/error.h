// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace superpose {

// What the caller can do about a failure, not where it came from. The command line maps each to an exit code (2..6 in
// this order); a mathematical outcome (diverged, not identified) is never an Error but a field of a result.
//   usage        the caller asked for something that cannot be: flag, config value, missing argument
//   bad_file     bytes of a file are not what their format promises
//   io           the system said no: no such file, disk full, permission, locked
//   unsupported  well-formed, but not something this version reads
//   numeric      no answer at all can be computed
enum class ErrorKind { usage, bad_file, io, unsupported, numeric };

std::string_view error_kind_name(ErrorKind kind);  // "usage", "bad_file", ...
int exit_code(ErrorKind kind);                     // 2, 3, 4, 5, 6

// The one exception of the project. The text says place, found, expected, and what to do when that is known.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }

  // Adds the outer frame of the story: "w.safetensors: header at byte 8 needs ...".
  Error in(std::string_view where) const { return {kind_, std::string(where) + ": " + what()}; }

 private:
  ErrorKind kind_;
};

}  // namespace superpose

// A broken contract between two pieces of our own code: prints the place and aborts, in every build type.
// Never used on file data or user input, which throw Error.
#define SUPERPOSE_ASSERT(condition) \
  ((condition) ? void(0) : ::superpose::assertion_failed(#condition, __FILE__, __LINE__))

namespace superpose {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}
