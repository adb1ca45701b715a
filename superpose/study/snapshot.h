// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "superpose/toy/toy.h"

namespace superpose::study {

// A snapshot of one run in a file: safetensors with the arrays as raw bytes, the run's identity in __metadata__, and a
// checksum of the whole as the last tensor. The identity is the configuration, the program's version, the version of
// its numerics and the instruction set: what another one continued would not end with the same bits.
//
// Nothing in the file is believed: the header must be, byte for byte, the one that this run would write, and the
// checksum must hold. Size: 12 bytes per element of W for the fast engine, 24 for the reference engine.
struct SnapshotOptions {
  std::filesystem::path path;
  double every_seconds = 60;  // and never so often that saving takes more than a fiftieth of the time
  // What to do with a file that is there but not ours: throw Error (a person named it), or note and begin anew.
  bool strict = false;
  std::function<void(const std::string&)> note;  // called from the run's thread; may be empty
};

class SnapshotFile : public toy::Snapshots {
 public:
  SnapshotFile(const toy::Resolved& run, SnapshotOptions options);
  bool load(std::span<const toy::StateArray> arrays) override;
  bool due() override;
  void save(std::span<const toy::StateArray> arrays, bool last) override;
  void remove();  // the run is finished; no file is no error

 private:
  std::string header(std::span<const toy::StateArray> arrays) const;
  std::string why_foreign(std::string_view text) const;
  void note(const std::string& text) const;

  SnapshotOptions options_;
  Json identity_;
  std::chrono::steady_clock::time_point next_;
  bool failed_ = false;
};

}  // namespace superpose::study
