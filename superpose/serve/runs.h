// SPDX-License-Identifier: Apache-2.0
// The table of runs in memory, so that ten thousand of them are answered in milliseconds and sent in some hundred
// kilobytes: by column, and each text once (the fields of ten thousand configurations have few different values).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "superpose/store/store.h"

namespace superpose::serve {

// What a table shows of a result; all stand at the front of a toy run's.
inline constexpr std::array<std::string_view, 3> kNumbers{"loss", "phi_half", "overlap_mean_square"};

// Not thread-safe.
class Runs {
 public:
  // Takes a row, new or changed; returns whether the table changed.
  bool put(const store::RunRow& row);
  void clear();

  size_t size() const { return rows_.size(); }
  int64_t last_id() const { return rows_.empty() ? 0 : rows_.back().id; }
  // Those that may still change: all but ok and diverged. Ascending.
  std::vector<int64_t> unfinished() const;

  // {"id": [..], "status": {"values": [..], "at": [..]}, …, "config": {"dim": {"values": [10, 25], "at": [0, 1, -1]},
  // …}}: `at` holds for each run the place of its value, -1 for none; a single number where all have one value.
  std::string by_column() const;
  // One run as an object with its whole configuration, for an event; "" for an unknown id.
  std::string row(int64_t id) const;

 private:
  struct Cell {
    uint32_t field, value;
    bool operator==(const Cell&) const = default;
  };
  struct Row {
    int64_t id = 0;
    std::string error;
    double seconds = 0;
    int64_t started = 0, finished = 0;  // ms since 1970; 0 = not yet
    std::array<std::optional<double>, kNumbers.size()> numbers{};
    uint32_t status = 0, version = 0, kind = 0;
    std::vector<Cell> config;  // in the order of the configuration
    bool operator==(const Row&) const = default;
  };
  // Texts by number.
  struct Words {
    std::vector<std::string> texts;
    std::unordered_map<std::string, uint32_t> known;
    uint32_t number(const std::string& text);
  };

  const Row* find(int64_t id) const;

  std::vector<Row> rows_;  // by id
  Words statuses_, versions_, kinds_, fields_;
  std::vector<Words> values_;  // by field: JSON texts
};

// Milliseconds since 1970 of "2030-01-31T12:00:00.123Z"; 0 for anything else.
int64_t milliseconds_of(std::string_view utc);

}  // namespace superpose::serve
