// SPDX-License-Identifier: Apache-2.0
// What of the machine this process may use: cores and memory, by affinity and control groups (cgroup v2 and v1, every
// ancestor counts).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace superpose {

struct CpuLimit {
  int cores = 1;        // at least 1; a quota of 2.5 cores counts as 3
  std::string because;  // "2 cores: the machine has 8, the affinity mask allows 4, the control group /a/b 2"
};
struct MemoryLimit {
  uint64_t bytes = 0;  // 0: not known
  std::string because;
};

// root: where /proc and /sys/fs/cgroup are looked for; "/" but in tests. Files that are absent or unreadable limit
// nothing. affinity and the number of cores always come from the kernel, unless `machine` and `affinity` say otherwise.
struct CpuSource {
  std::filesystem::path root = "/";
  int machine = 0, affinity = 0;  // 0: ask the kernel
};
CpuLimit cpu_limit(const CpuSource& source = {});
// The least of the machine's memory and the memory.max of the control group and its ancestors.
MemoryLimit memory_limit(const std::filesystem::path& root = "/");

}  // namespace superpose
