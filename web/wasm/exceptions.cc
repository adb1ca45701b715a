// SPDX-License-Identifier: Apache-2.0
// Exceptions end in JavaScript: this libc++abi has none. The text goes out by `refuse`, which throws there and never
// comes back; nothing is destroyed here, so the instance must not be used again. No catch clause of the library runs.
#include <cstdlib>
#include <exception>
#include <typeinfo>

#include "superpose/base/error.h"

// kind: the name of an ErrorKind, or "internal".
extern "C" [[clang::import_module("env"), clang::import_name("refuse")]] [[noreturn]] void refuse(const char* kind,
                                                                                                  const char* text);

extern "C" {

void* __cxa_allocate_exception(size_t bytes) noexcept { return std::malloc(bytes); }
void __cxa_free_exception(void* thrown) noexcept { std::free(thrown); }

// Everything that is thrown here derives from std::exception, and from nothing before it.
[[noreturn]] void __cxa_throw(void* thrown, std::type_info* type, void (*)(void*)) {
  if (*type == typeid(superpose::Error)) {
    const auto* error = static_cast<const superpose::Error*>(thrown);
    refuse(superpose::error_kind_name(error->kind()).data(), error->what());
  }
  refuse("internal", static_cast<const std::exception*>(thrown)->what());
}
}
