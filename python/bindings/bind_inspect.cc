// SPDX-License-Identifier: Apache-2.0
// study::inspect for files, and for arrays as if they were files: each array's memory is presented as the tensor of a
// safetensors (or .npy) file whose bytes are read where they lie, so one way through the readers serves both.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "python/bindings/bind.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/cli/cli.h"
#include "superpose/study/study.h"

namespace superpose::python {
namespace {

// Bytes that lie in pieces, one after the other; the pieces belong to the caller.
class PiecesFile : public File {
 public:
  PiecesFile(std::string label, std::string head, std::vector<std::span<const std::byte>> pieces)
      : File(std::move(label), size_of(head, pieces)), head_(std::move(head)) {
    uint64_t at = 0;
    const auto add = [&](std::span<const std::byte> piece) {
      pieces_.emplace_back(at, piece);
      at += piece.size();
    };
    add(std::as_bytes(std::span(head_)));
    for (const auto& piece : pieces) add(piece);
  }

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                                  [](uint64_t at, const auto& one) { return at < one.first; }) -
                 1;
    for (; !out.empty(); ++piece) {
      const auto bytes = piece->second.subspan(std::min<size_t>(offset - piece->first, piece->second.size()));
      const size_t count = std::min(bytes.size(), out.size());
      std::memcpy(out.data(), bytes.data(), count);
      out = out.subspan(count);
      offset += count;
    }
  }

 private:
  static uint64_t size_of(const std::string& head, const std::vector<std::span<const std::byte>>& pieces) {
    uint64_t size = head.size();
    for (const auto& piece : pieces) size += piece.size();
    return size;
  }
  std::string head_;
  std::vector<std::pair<uint64_t, std::span<const std::byte>>> pieces_;  // where each begins
};

struct NamedArray {
  std::string name, dtype;  // of safetensors: "F32", "BF16", ...
  std::vector<uint64_t> shape;
  py::buffer_info memory;  // C order
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(memory.ptr), static_cast<size_t>(memory.size * memory.itemsize)};
  }
};

std::vector<NamedArray> named_arrays(const py::list& arrays) {
  std::vector<NamedArray> out;
  for (const py::handle item : arrays) {
    const auto tuple = item.cast<py::tuple>();
    out.push_back({tuple[0].cast<std::string>(), tuple[1].cast<std::string>(), tuple[2].cast<std::vector<uint64_t>>(),
                   tuple[3].cast<py::buffer>().request()});
    py::ssize_t stride = out.back().memory.itemsize;
    for (py::ssize_t k = out.back().memory.ndim; k-- > 0;) {
      const bool contiguous =
          out.back().memory.strides[static_cast<size_t>(k)] == stride || out.back().memory.size == 0;
      if (!contiguous) throw Error(ErrorKind::usage, out.back().name + ": not in C order");
      stride *= out.back().memory.shape[static_cast<size_t>(k)];
    }
  }
  return out;
}

std::string little_endian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::shared_ptr<const File> as_safetensors(const std::vector<NamedArray>& arrays) {
  Json header = Json::object();
  std::vector<std::span<const std::byte>> pieces;
  uint64_t at = 0;
  for (const auto& array : arrays) {
    const uint64_t size = array.bytes().size();
    header[array.name] = {{"dtype", array.dtype}, {"shape", array.shape}, {"data_offsets", {at, at + size}}};
    at += size;
    pieces.push_back(array.bytes());
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  return std::make_shared<PiecesFile>("state dict", little_endian(text.size(), 8) + text, pieces);
}

std::shared_ptr<const File> as_npy(const NamedArray& array) {
  const std::string descr = array.dtype == "F16" ? "<f2" : array.dtype == "F32" ? "<f4" : "<f8";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}", descr,
                                   array.shape[0], array.shape[1]);
  constexpr size_t kBefore = 10, kAlign = 64;  // magic, version, length
  header.append(kAlign - (kBefore + header.size() + 1) % kAlign, ' ');
  header += '\n';
  return std::make_shared<PiecesFile>("array",
                                      std::string("\x93NUMPY\x01\x00", 8) + little_endian(header.size(), 2) + header,
                                      std::vector{array.bytes()});
}

study::InspectOptions options_of(const py::dict& o) {
  study::InspectOptions out;
  take(o, "tensor", out.tensor), take(o, "counts", out.counts), take(o, "tokenizer", out.tokenizer);
  take(o, "all", out.all), take(o, "transpose", out.transpose), take(o, "quick", out.quick),
      take(o, "exact", out.exact);
  take(o, "max_exact_pairs", out.max_exact_pairs);
  take(o, "sample_pairs", out.sampled_pairs), take(o, "seed", out.seed), take(o, "threads", out.threads);
  take(o, "centered", out.centered_crowding), take(o, "crowded", out.crowded), take(o, "neighbors", out.neighbors);
  take(o, "tokens", out.tokens), take(o, "top", out.top);
  constexpr size_t kMostNeighbors = 1000, kMostCrowded = 100'000;
  if (out.neighbors > kMostNeighbors || out.crowded > kMostCrowded)
    throw Error(ErrorKind::usage, "inspect: expected neighbors up to 1000 and crowded up to 100000");
  constexpr int kMostThreads = 1024;
  if (out.threads < 0 || out.threads > kMostThreads)
    throw Error(ErrorKind::usage, fmt::format("inspect: threads = {}: expected 0 (all cores) to 1024", out.threads));
  if (out.sampled_pairs < 2 || out.sampled_pairs > 4'000'000'000)
    throw Error(ErrorKind::usage, fmt::format("inspect: sample_pairs = {}: expected 2 to 4e9", out.sampled_pairs));
  if (o.contains("count_values") && !o["count_values"].is_none())
    out.count_values = numbers_argument(o["count_values"].cast<py::buffer>(), "counts");
  return out;
}

void watch(study::InspectOptions& options, Monitor& monitor) {
  options.progress = [&monitor](std::string_view what, double fraction) {
    monitor.report(fraction, std::string(what));
  };
  options.cancelled = monitor.cancelled();
}

// (contract object without schema and version, text for people)
py::tuple whole(const Json& config, Json body, const std::string& text) {
  Json out{{"config", config}};
  out.update(body);
  return py::make_tuple(to_python(out), to_python(text));
}

std::string texts_of(const study::Inspections& found) {
  std::string out;
  for (const auto& one : found.inspections) out += (out.empty() ? "" : "\n") + cli::inspection_text(one);
  if (found.comparison) out += (out.empty() ? "" : "\n") + cli::comparison_text(*found.comparison);
  return out;
}

py::tuple inspect_paths(const std::vector<std::string>& paths, const py::dict& o, std::optional<bool> compare,
                        const py::object& progress) {
  study::InspectOptions options = options_of(o);
  study::Inspections found;
  interruptible(progress, [&](Monitor& monitor) {
    watch(options, monitor);
    found = study::inspect_paths(paths, options, compare);
  });
  return whole(study::config_json(paths, options, found.comparison.has_value()), found.body, texts_of(found));
}

py::tuple inspect_arrays(const std::string& label, const py::list& arrays, const py::object& config, const py::dict& o,
                         const py::object& progress) {
  study::InspectOptions options = options_of(o);
  const std::vector<NamedArray> named = named_arrays(arrays);
  std::map<std::string, std::shared_ptr<const File>> files;
  const bool single =
      named.size() == 1 && named[0].name == "array" && named[0].shape.size() == 2 && named[0].dtype != "BF16";
  if (single) {
    files["array.npy"] = as_npy(named[0]);
  } else {
    files["model.safetensors"] = as_safetensors(named);
  }
  if (!config.is_none()) {
    const std::string text = to_json(config, "config").dump();
    files["config.json"] = memory_file("config.json", {reinterpret_cast<const std::byte*>(text.data()),
                                                       reinterpret_cast<const std::byte*>(text.data()) + text.size()});
  }
  const std::unique_ptr<Folder> folder = folder_of(std::move(files));
  study::Inspection found;
  interruptible(progress, [&](Monitor& monitor) {
    watch(options, monitor);
    found = study::inspect(checkpoint::Checkpoint::open_folder(*folder), label, options);
  });
  return whole(study::config_json({label}, options, false), study::to_json(found), cli::inspection_text(found));
}

py::tuple compare_table(const std::string& text, const std::string& where) {
  const study::Comparison found = [&] {
    try {
      return study::compare_table(fit::read_table(text, where));
    } catch (const Error& error) {
      throw std::string_view(error.what()).starts_with(where) ? error : error.in(where);
    }
  }();
  return whole(study::config_json({where}, {}, true), {{"compare", study::to_json(found)}},
               cli::comparison_text(found));
}

}  // namespace

void bind_inspect(py::module_& module) {
  module.def("inspect_paths", inspect_paths, py::arg("paths"), py::arg("options"), py::arg("compare"),
             py::arg("progress"));
  module.def("inspect_arrays", inspect_arrays, py::arg("label"), py::arg("arrays"), py::arg("config"),
             py::arg("options"), py::arg("progress"));
  module.def("compare_table", compare_table, py::arg("text"), py::arg("where"));
}

}  // namespace superpose::python
