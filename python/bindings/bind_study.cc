// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/bind.h"
#include "superpose/cli/cli.h"

namespace superpose::python {

void bind_study(py::module_& module) {
  // The whole program, as `superpose WORD...`: prints, and returns the exit code.
  module.def(
      "main",
      [](std::vector<std::string> words) {
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        const WithoutGil release;
        return cli::run(static_cast<int>(words.size()), argv.data());
      },
      py::arg("argv"));
}

}  // namespace superpose::python
