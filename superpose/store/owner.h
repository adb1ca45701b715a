// SPDX-License-Identifier: Apache-2.0
// Who holds a claim, and is he still alive? An owner is "host|boot id|pid namespace|pid|start time". The boot id names
// one running kernel; within it a pid namespace, a pid and the start time of the process name one process, and nothing
// will ever have the same five again. So a claim left by kill -9 is recognised at once, a reused pid is not mistaken
// for its predecessor, and what cannot be looked at from here (another machine, another container) is told apart.
#pragma once
#include <string>
#include <string_view>

namespace superpose::store {

enum class Liveness { alive, dead, unknown };  // unknown: on another machine, kernel or pid namespace

std::string this_process();                 // the owner text of the calling process
Liveness liveness(std::string_view owner);  // never throws on malformed text: unknown

}  // namespace superpose::store
