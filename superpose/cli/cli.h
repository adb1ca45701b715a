// SPDX-License-Identifier: Apache-2.0
// cli: one file per verb; each declares its flags and calls study/. table.cc lists the verbs. No logic lives here:
// parse -> call -> print. stdout is the result, stderr is progress and errors.
//
// Who calls it: main.cc; python/ (the texts of fits and inspections, and the program itself).
#pragma once
#include <functional>
#include <span>

#include "superpose/cli/fit_text.h"
#include "superpose/cli/inspect_text.h"

namespace CLI {
class App;
}

namespace superpose::cli {

using Action = std::function<int()>;  // runs the verb after its flags were parsed; returns the exit code

struct Verb {
  const char* name;
  const char* summary;           // one line, for `superpose --help`
  const char* example;           // pasted commands, shown under the verb's --help
  Action (*declare)(CLI::App&);  // declares the flags on the verb's parser, returns what to run
};
std::span<const Verb> verbs();  // table.cc

// The whole program: parses, runs, prints errors. Returns the exit code.
int run(int argc, char** argv);

}  // namespace superpose::cli
