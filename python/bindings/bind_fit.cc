// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "python/bindings/bind.h"
#include "superpose/base/number.h"
#include "superpose/cli/cli.h"
#include "superpose/fit/fit.h"
#include "superpose/report/report.h"
#include "superpose/study/study.h"

namespace superpose::python {
namespace {

fit::Request request_of(const py::dict& words) {
  fit::Request out;
  auto& s = out.selection;
  take(words, "law", out.law);
  take(words, "columns", s.columns), take(words, "y", s.y), take(words, "group", s.group);
  take(words, "cluster", s.cluster), take(words, "weight", s.weight), take(words, "se", s.se);
  take(words, "unit", s.units), take(words, "where", s.where);
  take(words, "min_x", s.min_x), take(words, "max_x", s.max_x);
  take(words, "drop_highest", s.drop_highest);
  take(words, "fix", out.fixed), take(words, "objective", out.objective), take(words, "delta", out.delta);
  take(words, "interval", out.interval), take(words, "seed", out.seed);
  take(words, "bootstrap", out.bootstrap);
  return out;
}

// table: the text of a file, or of the JSON that the Python half makes of a table in memory. Returns (contract object
// without schema and version, text for people).
py::tuple fit_table(const std::string& table, const std::string& where, const py::dict& words,
                    const py::object& progress) {
  fit::Request request = request_of(words);
  fit::Answer answer;
  interruptible(progress, [&](Monitor& monitor) {
    request.progress = [&](int done, int total) {
      monitor.report(static_cast<double>(done) / total, fmt::format("{}/{} resamples", done, total));
    };
    answer = fit::fit(fit::read_table(table, where), where, request);
  });
  Json out{{"config", fit::config_json(where, answer)}};
  out.update(fit::to_json(answer));
  return py::make_tuple(to_python(out), to_python(cli::fit_text(answer.law, answer.selected, answer.result)));
}

// (contract object without schema, version and config; text for people; the law; its first input)
py::tuple forecast(const py::dict& of, const std::map<std::string, std::vector<double>>& values, const py::dict& words,
                   const py::object& progress) {
  const fit::StoredFit stored = fit::stored_fit(to_json(of, "fit"));
  fit::ForecastRequest request;
  take(words, "group", request.groups), take(words, "compute", request.compute);
  take(words, "vocab", request.vocabulary), take(words, "threshold", request.threshold);
  take(words, "max_factor", request.max_factor), take(words, "force", request.force),
      take(words, "resamples", request.resamples);
  fit::set_inputs(request, stored.law, values);
  fit::Forecast result;
  interruptible(progress, [&](Monitor& monitor) {
    request.progress = [&](int done, int total) {
      monitor.report(static_cast<double>(done) / total, fmt::format("{}/{} resamples of a law", done, total));
    };
    result = fit::forecast(stored, request);
  });
  return py::make_tuple(to_python(fit::to_json(result, stored.law)), to_python(cli::forecast_text(result, stored.law)),
                        stored.law.name, stored.law.inputs[0]);
}

py::tuple predict(const py::dict& of, const std::map<std::string, std::vector<double>>& inputs,
                  const std::vector<std::string>& group) {
  const fit::StoredFit stored = fit::stored_fit(to_json(of, "fit"));
  fit::Predicted out;
  {
    const WithoutGil release;
    out = fit::predict(stored, inputs, group);
  }
  return py::make_tuple(Array::of(std::move(out.y)), Array::of(std::move(out.low)), Array::of(std::move(out.high)));
}

std::optional<int64_t> read_integer(std::string_view cell) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

// The cells as `read` has them, an empty one as None; nothing where it cannot read one, or all are empty.
template <class Read>
std::optional<py::list> column(const std::vector<std::string>& cells, const Read& read) {
  py::list out;
  bool any = false;
  for (const std::string& cell : cells) {
    const auto value = read(cell);
    if (!value && !cell.empty()) return std::nullopt;
    any |= value.has_value();
    out.append(value ? py::cast(*value) : py::none());
  }
  if (!any) return std::nullopt;
  return out;
}

// Columns by name: integers, other numbers, or texts.
py::dict read_table(const std::string& text, const std::string& where) {
  const fit::Table table = fit::read_table(text, where);
  py::dict out;
  for (size_t c = 0; c < table.names.size(); ++c) {
    const auto& cells = table.text[c];
    auto numbers = column(cells, read_integer);
    if (!numbers) numbers = column(cells, read_number);
    out[py::str(table.names[c])] = numbers ? py::object(*numbers) : py::cast(cells);
  }
  return out;
}

}  // namespace

void bind_fit(py::module_& module) {
  module.def("fit", fit_table, py::arg("table"), py::arg("where"), py::arg("request"), py::arg("progress"));
  module.def("forecast", forecast, py::arg("fit"), py::arg("values"), py::arg("request"), py::arg("progress"));
  module.def("predict", predict, py::arg("fit"), py::arg("inputs"), py::arg("group"));
  module.def(
      "table_text", [](const std::string& path) { return py::bytes(study::read_table_file(path)); }, py::arg("path"));
  module.def("laws", [] {
    py::list out;
    for (const fit::Law& law : fit::laws()) {
      py::dict one;
      one["name"] = law.name, one["formula"] = law.formula, one["inputs"] = law.inputs;
      one["objective"] = std::string(fit::objective_name(law.objective));
      out.append(one);
    }
    return out;
  });
  module.def("read_table", read_table, py::arg("text"), py::arg("where"));
  module.def("published_tables", [] {
    std::vector<std::string> out;
    for (const EmbeddedFile& file : study::published_tables()) out.emplace_back(file.path);
    return out;
  });
}

}  // namespace superpose::python
