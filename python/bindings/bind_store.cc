// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/bind.h"
#include "superpose/store/store.h"
#include "superpose/study/study.h"

namespace superpose::python {
namespace {

Json run_json(const store::Run& run) {
  Json out = study::run_summary(run);
  out["result"] = run.result;
  return out;
}

py::list runs(const store::Store& store, const std::string& kind, const std::vector<std::string>& without) {
  std::vector<store::Run> found;
  {
    const WithoutGil release;
    const std::vector<std::string_view> names(without.begin(), without.end());
    found = store.runs(kind, names);
  }
  py::list out;
  for (const auto& run : found) out.append(to_python(run_json(run)));
  return out;
}

py::object find(const store::Store& store, const py::object& run) {
  if (py::isinstance<py::int_>(run)) {
    const auto found = store.find(run.cast<int64_t>());
    return found ? to_python(run_json(*found)) : py::none();
  }
  // Few digits may fit some run by chance, as in `superpose show`.
  constexpr size_t kLeastPrefix = 4;
  const auto prefix = run.cast<std::string>();
  const auto found = prefix.size() < kLeastPrefix ? std::vector<store::Run>{} : store.find_key(prefix);
  return found.size() == 1 ? to_python(run_json(found[0])) : py::none();
}

py::list artifacts(const store::Store& store, const std::string& kind) {
  py::list out;
  for (const auto& one : store.artifacts(kind)) {
    py::dict item;
    item["kind"] = one.kind, item["name"] = one.name, item["value"] = to_python(one.value),
    item["created_at"] = one.created_at;
    out.append(item);
  }
  return out;
}

}  // namespace

void bind_store(py::module_& module) {
  py::class_<store::Store>(module, "Store")
      .def(py::init([](const std::filesystem::path& path) {
             const WithoutGil release;
             return std::make_unique<store::Store>(path, store::Mode::read_only);
           }),
           py::arg("path"))
      .def("runs", runs, py::arg("kind"), py::arg("without"))
      .def("find", find, py::arg("run"))
      .def(
          "count", [](const store::Store& store, const std::string& kind) { return store.statuses(kind).size(); },
          py::arg("kind"))
      .def("artifacts", artifacts, py::arg("kind"))
      .def(
          "results_table",
          [](const store::Store& store, const std::string& command) {
            return study::results_table(store.runs(), command);
          },
          py::arg("command"))
      .def_property_readonly("path", [](const store::Store& store) { return store.path().string(); });
  module.def(
      "results_runs",
      [](const std::string& path) {
        py::list out;
        for (const auto& run : study::load_results(path)) out.append(to_python(run_json(run)));
        return out;
      },
      py::arg("path"));
}

}  // namespace superpose::python
