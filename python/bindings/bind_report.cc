// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/bind.h"
#include "superpose/base/files.h"
#include "superpose/report/report.h"
#include "superpose/serve/serve.h"
#include "superpose/study/study.h"

namespace superpose::python {
namespace {

using Path = std::filesystem::path;

// The page's data, with the files that were written under "files". only: of these files the runs with these keys.
py::object report_files(const std::vector<std::string>& files, const std::optional<Path>& out, const std::string& title,
                        const std::string& results, const std::optional<Path>& data, const std::optional<Path>& figures,
                        const std::vector<std::string>& formats, const study::KeysOfFiles& only,
                        const py::object& progress) {
  Json body;
  interruptible(progress, [&](Monitor& monitor) {
    if (out) file_to_write(*out);  // before seconds of work
    const report::Inputs inputs = study::report_inputs(files, title, results, only);
    monitor.report(0.2, "figures");
    auto [page, content] = report::render_with_data(inputs);
    body = std::move(content);
    body["bytes"] = page.size();
    if (out) write_file(*out, page);
    if (data) report::write_data(inputs, *data);
    Json written = Json::array();
    if (figures) {
      monitor.report(0.5, "figure files");
      for (const auto& figure : report::write_figures(inputs, *figures, formats)) {
        for (const auto& file : figure.files)
          written.push_back(
              {{"figure", figure.id}, {"format", file.format}, {"path", file.path}, {"bytes", file.bytes}});
      }
    }
    body["files"] = std::move(written);
  });
  return to_python(body);
}

std::unique_ptr<serve::Server> serve_store(const Path& store, const std::string& bind, int port,
                                           const std::string& token_file, const std::string& results) {
  const WithoutGil release;
  study::ServeFlags flags;
  flags.store = store, flags.bind = bind, flags.port = port, flags.token_file = token_file, flags.results = results;
  return study::start_server(flags);
}

}  // namespace

void bind_report(py::module_& module) {
  module.def("report", report_files, py::arg("files"), py::arg("out"), py::arg("title"), py::arg("results"),
             py::arg("data"), py::arg("figures"), py::arg("formats"), py::arg("only"), py::arg("progress"));
  module.def(
      "fit_page", [](const py::dict& fit) { return report::render_fit(to_json(fit, "fit")); }, py::arg("fit"));
  module.def(
      "fit_figures", [](const py::dict& fit) { return to_python(report::fit_data(to_json(fit, "fit"))["figures"]); },
      py::arg("fit"));
  module.def(
      "inspection_page",
      [](const py::dict& inspection) { return report::render_inspection(to_json(inspection, "inspection")); },
      py::arg("inspection"));
  module.def(
      "inspection_figures",
      [](const py::dict& inspection) {
        return to_python(report::inspection_data(to_json(inspection, "inspection"))["figures"]);
      },
      py::arg("inspection"));
  py::class_<serve::Server>(module, "Server")
      .def(py::init(&serve_store), py::arg("store"), py::arg("bind"), py::arg("port"), py::arg("token_file"),
           py::arg("results"))
      .def("stop", &serve::Server::stop, py::call_guard<WithoutGil>())
      .def_property_readonly("url", &serve::Server::url)
      .def_property_readonly("port", &serve::Server::port);
}

}  // namespace superpose::python
