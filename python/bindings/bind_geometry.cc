// SPDX-License-Identifier: Apache-2.0
// superpose.measure: geometry/ on matrices in memory.
#include <fmt/format.h>

#include <type_traits>

#include "python/bindings/bind.h"
#include "superpose/base/threads.h"
#include "superpose/geometry/geometry.h"

namespace superpose::python {
namespace {

py::object or_none(const std::optional<double>& value) { return value ? py::object(py::float_(*value)) : py::none(); }

std::vector<double> with_nan(const std::vector<std::optional<double>>& values) {
  std::vector<double> out;
  for (const auto& v : values) out.push_back(v.value_or(std::numeric_limits<double>::quiet_NaN()));
  return out;
}

// f(RowSource, ThreadPool) on all cores and without the GIL; for matrices that may be large, so Ctrl-C ends it.
template <class F>
auto on_rows(const py::buffer& W, F&& f) {
  constexpr size_t kQuick = 100'000;  // elements: over before anybody wants it to end
  const MatrixArgument matrix(W, "W");
  return matrix.visit([&](auto view) {
    using T = std::remove_const_t<std::remove_reference_t<decltype(*view.data)>>;
    const MatrixRows<T> rows(view);
    if (view.rows * view.cols < kQuick) {
      const WithoutGil release;
      ThreadPool pool(available_cores());
      return f(rows, pool);
    }
    std::optional<std::invoke_result_t<F, const RowSource&, ThreadPool&>> out;
    interruptible(py::none(), [&](Monitor& monitor) {
      ThreadPool pool(available_cores(), nullptr, monitor.cancelled());
      out = f(rows, pool);
    });
    return std::move(*out);
  });
}

// f(MatrixView) without the GIL.
template <class F>
auto on_view(const py::buffer& W, F&& f) {
  const MatrixArgument matrix(W, "W");
  const WithoutGil release;
  return matrix.visit(f);
}

py::dict overlap(const py::buffer& W, bool centered, double min_norm, size_t max_exact_pairs, size_t sampled_pairs,
                 uint64_t seed, size_t bins, bool nearest) {
  constexpr size_t kMostPairs = size_t{1} << 32, kMostBins = 1'000'000;
  if (sampled_pairs == 1 || sampled_pairs >= kMostPairs)
    throw Error(ErrorKind::usage, fmt::format("sampled_pairs = {}: expected 0 or 2 to 2^32 - 1", sampled_pairs));
  if (bins > kMostBins) throw Error(ErrorKind::usage, fmt::format("bins = {}: expected at most 10^6", bins));
  geometry::OverlapOptions options;
  options.centered = centered, options.min_norm = min_norm, options.max_exact_pairs = max_exact_pairs;
  options.sampled_pairs = sampled_pairs, options.seed = seed, options.bins = bins, options.nearest = nearest;
  geometry::Overlap result =
      on_rows(W, [&](const RowSource& rows, ThreadPool& pool) { return geometry::overlap(rows, options, pool); });
  py::dict out;
  out["rows"] = result.rows;
  out["mean_square"] = or_none(result.mean_square), out["mean_cosine"] = or_none(result.mean_cosine);
  out["sampled"] = result.sampled;
  out["mean_abs"] = or_none(result.mean_abs), out["mean_abs_se"] = result.mean_abs_se;
  out["std_abs"] = or_none(result.std_abs), out["max_abs"] = or_none(result.max_abs);
  out["max_pair"] =
      result.max_pair ? py::object(py::make_tuple((*result.max_pair)[0], (*result.max_pair)[1])) : py::none();
  out["histogram"] = Array::of(std::move(result.histogram));
  if (nearest && !result.nearest.empty()) {
    std::vector<int64_t> row;
    std::vector<double> cosine;
    for (const auto& one : result.nearest) {
      row.push_back(one ? static_cast<int64_t>(one->row) : -1);
      cosine.push_back(one ? one->cosine : std::numeric_limits<double>::quiet_NaN());
    }
    out["nearest_row"] = Array::of(std::move(row)), out["nearest_abs"] = Array::of(std::move(cosine));
  }
  return out;
}

py::dict spectrum(const py::buffer& W) {
  auto result = on_rows(W, [](const RowSource& rows, ThreadPool& pool) { return geometry::spectrum(rows, pool); });
  py::dict out;
  out["singular_values"] = Array::of(std::move(result.singular_values));
  out["effective_rank"] = or_none(result.effective_rank);
  out["participation_ratio"] = or_none(result.participation_ratio);
  out["stable_rank"] = or_none(result.stable_rank);
  out["eigenvalue_effective_rank"] = or_none(result.eigenvalue_effective_rank);
  return out;
}

py::list nearest(const py::buffer& W, const std::vector<size_t>& rows, size_t k, bool centered) {
  const auto found = on_rows(W, [&](const RowSource& source, ThreadPool& pool) {
    for (const size_t row : rows) {
      if (row >= source.rows())
        throw Error(ErrorKind::usage, fmt::format("nearest: row {}, but W has {} rows", row, source.rows()));
    }
    return geometry::nearest(source, rows, k, centered, pool);
  });
  py::list out;
  for (const auto& neighbors : found) {
    py::list one;
    for (const auto& n : neighbors) one.append(py::make_tuple(n.row, n.cosine));
    out.append(one);
  }
  return out;
}

py::dict baselines(const py::buffer& W, size_t max_elements, uint64_t seed) {
  const auto result = on_rows(W, [&](const RowSource& rows, ThreadPool& pool) {
    return geometry::baselines(rows, {max_elements, seed}, pool);
  });
  py::dict out;
  out["rows"] = result.rows;
  const auto add = [&](const std::string& name, const geometry::Baseline& b) {
    out[py::str(name)] = py::make_tuple(or_none(b.mean_square), b.se);
  };
  add("plain", result.plain), add("centered", result.centered), add("shuffled", result.shuffled);
  add("shuffled_centered", result.shuffled_centered);
  for (size_t i = 0; i < result.removed.size(); ++i)
    add(fmt::format("removed_{}", geometry::kRemovedDirections[i]), result.removed[i]);
  return out;
}

py::dict norm_modes(const py::buffer& norms) {
  const auto modes = geometry::norm_modes(numbers_argument(norms, "norms"));
  py::dict out;
  out["bimodality_coefficient"] = or_none(modes.bimodality_coefficient);
  out["delta_bic"] = or_none(modes.delta_bic), out["separation"] = or_none(modes.separation);
  out["low_share"] = modes.low_share, out["low_center"] = modes.low_center, out["high_center"] = modes.high_center;
  out["two_modes"] = modes.two_modes;
  return out;
}

}  // namespace

void bind_geometry(py::module_& module) {
  module.def(
      "row_norms",
      [](const py::buffer& W) { return Array::of(on_view(W, [](auto view) { return geometry::row_norms(view); })); },
      py::arg("W"));
  module.def("overlap", overlap, py::arg("W"), py::arg("centered"), py::arg("min_norm"), py::arg("max_exact_pairs"),
             py::arg("sampled_pairs"), py::arg("seed"), py::arg("bins"), py::arg("nearest"));
  module.def("spectrum", spectrum, py::arg("W"));
  module.def(
      "feature_dimensionality",
      [](const py::buffer& W) {
        return Array::of(on_view(W, [](auto view) { return geometry::feature_dimensionality(view); }));
      },
      py::arg("W"));
  module.def(
      "crowding",
      [](const py::buffer& W, bool centered) {
        return Array::of(with_nan(on_rows(
            W, [&](const RowSource& rows, ThreadPool& pool) { return geometry::crowding(rows, centered, pool); })));
      },
      py::arg("W"), py::arg("centered"));
  module.def("nearest", nearest, py::arg("W"), py::arg("rows"), py::arg("k"), py::arg("centered"));
  module.def(
      "duplicate_rows",
      [](const py::buffer& W) {
        return on_rows(W, [](const RowSource& rows, ThreadPool& pool) { return geometry::duplicate_rows(rows, pool); });
      },
      py::arg("W"));
  module.def("baselines", baselines, py::arg("W"), py::arg("max_elements"), py::arg("seed"));
  module.def("norm_modes", norm_modes, py::arg("norms"));
  module.def("welch_bound_mean_square", geometry::welch_bound_mean_square, py::arg("n"), py::arg("m"));
  module.def("kappa_square", geometry::kappa_square, py::arg("n"), py::arg("m"));
  module.def(
      "represented_fraction",
      [](const py::buffer& norms, double threshold) {
        return geometry::represented_fraction(numbers_argument(norms, "norms"), threshold);
      },
      py::arg("norms"), py::arg("threshold"));
}

}  // namespace superpose::python
