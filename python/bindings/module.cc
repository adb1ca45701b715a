// SPDX-License-Identifier: Apache-2.0
// superpose._native: the library's front doors for python/superpose, one file per folder.
#include "python/bindings/bind.h"

#include "superpose/base/version.h"

PYBIND11_MODULE(_native, module) {
  module.doc() = "The compiled half of superpose; see the package's own functions.";
  module.attr("__version__") = superpose::kVersion;
}
