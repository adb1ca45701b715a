// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/owner.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace superpose::store {
namespace {

constexpr const char* kUnknown = "?";

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

struct ProcessState {
  char state = '?';        // R, S, D, T ... or Z (zombie), X (dead)
  std::string start_time;  // clock ticks since boot
};

// From /proc/PID/stat: "pid (name) state ppid ...", start time is field 22. The name may hold spaces and brackets.
std::optional<ProcessState> process_state(const std::string& pid) {
  const std::string line = first_line("/proc/" + pid + "/stat");
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessState out;
  std::string word;
  for (int field = 3; field <= 22 && fields >> word; ++field) {
    if (field == 3) out.state = word[0];
    if (field == 22) out.start_time = word;
  }
  if (out.start_time.empty()) return std::nullopt;
  return out;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return kUnknown;
  std::string out = name.data();
  std::replace(out.begin(), out.end(), '|', '_');
  return out;
}

std::string boot_id() {
  const std::string id = first_line("/proc/sys/kernel/random/boot_id");
  return id.empty() ? kUnknown : id;
}

std::string pid_namespace() {
  std::error_code error;
  const auto link = std::filesystem::read_symlink("/proc/self/ns/pid", error);
  return error ? kUnknown : link.string();
}

}  // namespace

std::string this_process() {
  const std::string pid = std::to_string(::getpid());
  const auto state = process_state(pid);
  return host_name() + "|" + boot_id() + "|" + pid_namespace() + "|" + pid + "|" +
         (state ? state->start_time : kUnknown);
}

Liveness liveness(std::string_view owner) {
  std::array<std::string, 5> part;  // host, boot id, pid namespace, pid, start time
  for (size_t i = 0; i < part.size(); ++i) {
    const size_t bar = std::min(owner.find('|'), owner.size());
    part[i] = owner.substr(0, bar);
    owner.remove_prefix(std::min(bar + 1, owner.size()));
    if (part[i].empty() || part[i] == kUnknown) return Liveness::unknown;
  }
  // The host name does not matter: the same boot id is the same kernel, whatever its containers are called.
  if (part[1] != boot_id() || part[2] != pid_namespace()) return Liveness::unknown;
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(part[3].data(), part[3].data() + part[3].size(), pid);
  if (error != std::errc() || end != part[3].data() + part[3].size() || pid <= 0) return Liveness::unknown;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return Liveness::dead;
  // Not readable although the process exists: /proc may hide other users' processes. Then only the lease can tell.
  const auto state = process_state(part[3]);
  if (!state) return Liveness::unknown;
  if (state->start_time != part[4]) return Liveness::dead;
  return state->state == 'Z' || state->state == 'X' ? Liveness::dead : Liveness::alive;
}

}  // namespace superpose::store
