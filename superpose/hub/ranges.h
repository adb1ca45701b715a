// SPDX-License-Identifier: Apache-2.0
// Sets of byte ranges: which bytes of a remote file are here, and which are on their way.
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <optional>

namespace superpose::hub {

struct Range {  // [begin, end)
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class RangeSet {
 public:
  void add(Range range) {
    if (range.begin >= range.end) return;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second >= range.begin) --at;
    while (at != ranges_.end() && at->first <= range.end) {
      range = {std::min(range.begin, at->first), std::max(range.end, at->second)};
      at = ranges_.erase(at);
    }
    ranges_.emplace(range.begin, range.end);
  }

  void remove(Range range) {
    if (range.begin >= range.end) return;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second > range.begin) --at;
    while (at != ranges_.end() && at->first < range.end) {
      const Range whole{at->first, at->second};
      at = ranges_.erase(at);
      if (whole.begin < range.begin) ranges_.emplace(whole.begin, range.begin);
      if (whole.end > range.end) ranges_.emplace(range.end, whole.end);
    }
  }

  // The first part of `range` of which no byte is in the set.
  std::optional<Range> first_gap(Range range) const {
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second > range.begin) range.begin = std::prev(at)->second;
    if (range.begin >= range.end) return std::nullopt;
    // Ranges of the set do not touch one another, so the next one begins behind a gap.
    if (at != ranges_.end()) range.end = std::min(range.end, at->first);
    return range;
  }

  // The first byte from `offset` on that is in the set; the largest number when there is none.
  uint64_t next(uint64_t offset) const {
    const auto at = ranges_.upper_bound(offset);
    if (at != ranges_.begin() && std::prev(at)->second > offset) return offset;
    return at == ranges_.end() ? std::numeric_limits<uint64_t>::max() : at->first;
  }

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin -> end; disjoint, and not even adjacent
};

}  // namespace superpose::hub
