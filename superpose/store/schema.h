// SPDX-License-Identifier: Apache-2.0
// Opening a store file: is it ours, is it of a version we know, and what must be created.
#pragma once
#include <chrono>
#include <filesystem>

#include "superpose/store/sqlite.h"

namespace superpose::store {

// Opens, creates when absent or empty, migrates. Any number of processes may do so at once. patience: as Database.
Database open_to_write(const std::filesystem::path& path, std::chrono::milliseconds patience);

// Opens for reading, also when neither the file nor its folder can be written. A write is refused with Error{io}.
Database open_to_read(const std::filesystem::path& path, std::chrono::milliseconds patience);

}  // namespace superpose::store
