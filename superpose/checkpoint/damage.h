// SPDX-License-Identifier: Apache-2.0
// What every reader has to survive: a file cut anywhere, and any byte changed.
#pragma once
#include <initializer_list>

#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {

// Opens a file and reads every matrix and every head, as a fuzz target would: a valid index or an Error about the file.
// Says which it was.
inline bool opens_or_is_refused(const std::string& name, const Bytes& bytes) {
  bool opened = false;
  try {
    const Checkpoint file = open_one(name, bytes);
    opened = true;
    for (const auto& tensor : file.tensors()) {
      try {
        file.load<double>(tensor);
      } catch (const Error& error) {
        EXPECT_TRUE(error.kind() == ErrorKind::bad_file || error.kind() == ErrorKind::unsupported) << error.what();
      }
    }
    resolve_heads(file);
  } catch (const Error& error) {
    EXPECT_NE(error_kind_name(error.kind()), "io") << error.what();
    EXPECT_NE(error_kind_name(error.kind()), "numeric") << error.what();
  }
  return opened;
}

// Cuts a file at every byte, and changes every byte in several ways. Says how many of the cut files still opened.
inline size_t expect_survives_damage(const std::string& name, const Bytes& intact) {
  size_t opened = 0;
  for (size_t length = 1; length < intact.size(); ++length) {
    SCOPED_TRACE("cut at byte " + std::to_string(length));
    opened += opens_or_is_refused(name, Bytes(intact.begin(), intact.begin() + static_cast<long>(length)));
  }
  for (size_t k = 0; k < intact.size(); ++k) {
    for (const uint8_t value : std::initializer_list<uint8_t>{0x00, 0x01, 0x7f, 0x80, 0xff}) {
      SCOPED_TRACE("byte " + std::to_string(k) + " is " + std::to_string(value));
      Bytes changed = intact;
      changed[k] = static_cast<std::byte>(value);
      opens_or_is_refused(name, changed);
    }
  }
  return opened;
}

}  // namespace superpose::checkpoint
