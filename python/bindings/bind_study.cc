// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/bind.h"
#include "superpose/cli/cli.h"
#include "superpose/study/study.h"

namespace superpose::python {

void bind_study(py::module_& module) {
  module.def("studies", [] {
    std::vector<std::string> out;
    for (const EmbeddedFile& file : study::study_files()) {
      const std::string name(file.path);
      if (name.ends_with(".yaml") && name != "tolerances.yaml") out.push_back(name.substr(0, name.size() - 5));
    }
    return out;
  });
  module.def("check_environment", study::check_environment);
  // The whole program, as `superpose WORD...`: prints, and returns the exit code.
  module.def(
      "main",
      [](std::vector<std::string> words) {
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        const py::gil_scoped_release release;
        return cli::run(static_cast<int>(words.size()), argv.data());
      },
      py::arg("argv"));
}

}  // namespace superpose::python
