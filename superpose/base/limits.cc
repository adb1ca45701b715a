// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/limits.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

namespace superpose {
namespace {

namespace fs = std::filesystem;

// A control group that may limit us: where its files are, and its name for messages.
struct Group {
  fs::path folder;
  std::string name;
};

// The groups of this process that govern `controller`, own group first, then each ancestor up to the mount. A line of
// /proc/self/cgroup is "id:controllers:path"; no controllers means version 2. Inside a container the path may be the
// host's and absent here; its ancestors, the mount itself included, are still looked at.
std::vector<Group> groups(const fs::path& root, std::string_view controller) {
  std::vector<Group> out;
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path mount = root / "sys/fs/cgroup";
    std::vector<fs::path> bases;
    if (controllers.empty()) {
      bases = {mount, mount / "unified"};
    } else {
      std::istringstream names(controllers);
      bool governs = false;
      for (std::string name; std::getline(names, name, ',');) governs |= name == controller;
      if (governs) bases = {mount / controllers, mount / controller};
    }
    for (fs::path path = fs::path(line.substr(second + 1)).lexically_normal();; path = path.parent_path()) {
      for (const fs::path& base : bases) out.push_back({base / path.relative_path(), path.string()});
      if (!path.has_relative_path()) break;
    }
  }
  if (out.empty()) {  // no /proc/self/cgroup: the mount alone
    const fs::path mount = root / "sys/fs/cgroup";
    out = {{mount, "/"}, {mount / controller, "/"}};
  }
  return out;
}

template <class T>
std::optional<T> first_word(const fs::path& path) {
  std::ifstream file(path);
  T value{};
  if (file >> value) return value;
  return std::nullopt;
}

// Cores by cpu.max ("quota period" in µs, or "max period") or cpu.cfs_quota_us (-1 = none); 0 = no limit here.
double quota_cores(const fs::path& folder) {
  double quota = 0, period = 0;
  if (std::ifstream file(folder / "cpu.max"); file >> quota >> period) return period > 0 ? quota / period : 0;
  quota = first_word<double>(folder / "cpu.cfs_quota_us").value_or(0);
  period = first_word<double>(folder / "cpu.cfs_period_us").value_or(0);
  return quota > 0 && period > 0 ? quota / period : 0;
}

int affinity_cores() {
  // A machine may have more cores than cpu_set_t has bits; the kernel then wants a larger mask.
  for (int bits = 1024; bits <= (1 << 20); bits *= 4) {
    cpu_set_t* const mask = CPU_ALLOC(bits);
    const size_t bytes = CPU_ALLOC_SIZE(bits);
    const int count = mask && ::sched_getaffinity(0, bytes, mask) == 0 ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (count > 0) return count;
  }
  return 0;
}

std::string gigabytes(uint64_t bytes) { return fmt::format("{:.3g} GB", static_cast<double>(bytes) / 1e9); }

}  // namespace

CpuLimit cpu_limit(const CpuSource& source) {
  const int machine = source.machine > 0 ? source.machine : static_cast<int>(std::thread::hardware_concurrency());
  const int affinity = source.affinity > 0 ? source.affinity : affinity_cores();
  CpuLimit out{std::max(1, machine), fmt::format("the machine has {}", std::max(1, machine))};
  if (affinity > 0) out.cores = affinity;
  if (affinity > 0 && affinity != machine) out.because += fmt::format(", the affinity mask allows {}", affinity);
  double least = 0;
  std::string name;
  for (const Group& group : groups(source.root, "cpu")) {
    const double cores = quota_cores(group.folder);
    if (cores > 0 && (least == 0 || cores < least)) least = cores, name = group.name;
  }
  if (least > 0) {
    out.cores = std::min(out.cores, std::max(1, static_cast<int>(std::ceil(std::min(least, 1e6)))));
    out.because += fmt::format(", control group {} allows {:.3g}", name, least);
  }
  out.because = fmt::format("{} core{}: {}", out.cores, out.cores == 1 ? "" : "s", out.because);
  return out;
}

MemoryLimit memory_limit(const fs::path& root) {
  MemoryLimit out;
  std::ifstream file(root / "proc/meminfo");
  for (std::string key, rest; file >> key && std::getline(file, rest);) {
    if (key != "MemTotal:") continue;
    out.bytes = std::strtoull(rest.c_str(), nullptr, 10) * 1024;
    out.because = fmt::format("the machine has {}", gigabytes(out.bytes));
  }
  for (const Group& group : groups(root, "memory")) {
    for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {  // v1 writes a huge number for "none"
      const auto bytes = first_word<uint64_t>(group.folder / name);
      if (!bytes || (out.bytes > 0 && *bytes >= out.bytes)) continue;
      out.bytes = *bytes;
      out.because = fmt::format("control group {} allows {}", group.name, gigabytes(*bytes));
    }
  }
  return out;
}

}  // namespace superpose
