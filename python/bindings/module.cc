// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/bind.h"
#include "superpose/base/version.h"

PYBIND11_MODULE(_native, module) {
  using namespace superpose::python;
  module.doc() = "The compiled half of superpose. The package's own functions are the ones to call.";
  module.attr("__version__") = superpose::kVersion;
  bind_base(module);
  bind_toy(module);
  bind_geometry(module);
  bind_inspect(module);
  bind_fit(module);
  bind_store(module);
  bind_sweep(module);
  bind_report(module);
  bind_study(module);
}
