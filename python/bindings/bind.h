// SPDX-License-Identifier: Apache-2.0
// superpose._native: the library's front doors for python/superpose. One file per folder of the library; what they
// share is here. The Python half owns the names, the defaults and the classes; this half converts, calls and lets go of
// the GIL.
//
//   in    dict, list, str, numbers  -> Json        arrays -> their memory, never copied (buffer protocol)
//   out   Json -> dict, list, ...                  matrices -> Array, which NumPy views without a copy
//   Error -> superpose.Error(kind, text)
#pragma once
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/base/matrix.h"

namespace superpose::python {

namespace py = pybind11;

// A double that is not finite becomes None, as in the JSON that the program prints.
py::object to_python(const Json& value);
// A text that may hold bytes of a stranger's: what is not UTF-8 becomes U+FFFD.
py::str to_python(const std::string& text);
// Error{usage} for what JSON cannot hold: `what` names the argument.
Json to_json(py::handle value, const std::string& what = "value");

// An option by its name into `field`, which keeps its value where the option is absent or None. Error{usage} for
// another type.
template <class T>
void take(const py::dict& options, const char* name, T& field) {
  if (!options.contains(name) || options[name].is_none()) return;
  try {
    field = options[name].cast<T>();
  } catch (const py::cast_error&) {
    const std::string value = py::repr(options[name]);
    throw Error(ErrorKind::usage, std::string(name) + " = " + value + ": not of the type expected");
  }
}

// The GIL, let go for as long as this lives. A thread that wants it back when the interpreter ends (a daemon thread,
// the only kind that Python does not wait for) sleeps from then on, as from Python 3.14 all do: before, Python unwinds
// such a thread, and through C++ that aborts the process.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// Numbers that Python sees through the buffer protocol: numpy.asarray(array) is a view of them.
class Array {
 public:
  template <class T>
  static Array of(std::vector<T> values, std::vector<py::ssize_t> shape) {
    auto owner = std::make_shared<std::vector<T>>(std::move(values));
    return Array(owner, owner->data(), sizeof(T), py::format_descriptor<T>::format(), std::move(shape));
  }
  template <class T>
  static Array of(std::vector<T> values) {
    const auto n = static_cast<py::ssize_t>(values.size());
    return of(std::move(values), {n});
  }
  template <class T>
  static Array of(Matrix<T> matrix) {
    auto owner = std::make_shared<Matrix<T>>(std::move(matrix));
    return Array(owner, owner->data(), sizeof(T), py::format_descriptor<T>::format(),
                 {static_cast<py::ssize_t>(owner->rows()), static_cast<py::ssize_t>(owner->cols())});
  }
  py::buffer_info buffer();

 private:
  Array(std::shared_ptr<void> owner, void* data, size_t item, std::string format, std::vector<py::ssize_t> shape)
      : owner_(std::move(owner)), data_(data), item_(item), format_(std::move(format)), shape_(std::move(shape)) {}
  std::shared_ptr<void> owner_;
  void* data_;
  size_t item_;
  std::string format_;
  std::vector<py::ssize_t> shape_;
};

// Does it hold T? Also where the byte order is said and is the machine's own ('<f'), as ctypes does.
template <class T>
bool holds(const py::buffer_info& info) {
  const std::string plain = py::format_descriptor<T>::format();
  return info.format == plain || info.format == "<" + plain || info.format == "=" + plain || info.format == "@" + plain;
}

// A matrix of the caller's, in C order, float or double; held while this lives. Error{usage} for anything else.
class MatrixArgument {
 public:
  MatrixArgument(const py::buffer& buffer, const std::string& name);
  // Calls f with a MatrixView<const float> or a MatrixView<const double>.
  template <class F>
  auto visit(F&& f) const {
    if (is_float_) return f(view<float>());
    return f(view<double>());
  }
  template <class T>
  MatrixView<const T> view() const {
    return {static_cast<const T*>(info_.ptr), static_cast<size_t>(info_.shape[0]), static_cast<size_t>(info_.shape[1])};
  }
  bool is_float() const { return is_float_; }

 private:
  py::buffer_info info_;
  bool is_float_ = false;
};

// Numbers of the caller's, one-dimensional, copied as doubles. Error{usage}.
std::vector<double> numbers_argument(const py::buffer& buffer, const std::string& name);

// Long work, seen from itself.
class Monitor {
 public:
  // From any thread, at any time. Throws Interrupted once the caller has been interrupted.
  void report(double fraction, std::string text);
  const std::atomic<bool>* cancelled() const { return &cancelled_; }
  struct Interrupted {};

 private:
  friend void interruptible(const py::object&, const std::function<void(Monitor&)>&);
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false, news_ = false;
  double fraction_ = 0;
  std::string text_;
};

// Does the work in a thread of its own, without the GIL, while the calling thread passes progress(fraction, text) on
// (None: to nobody) and looks for Ctrl-C: then the work is cancelled and KeyboardInterrupt raised. What `progress`
// raises ends the work too. Rethrows what the work throws.
void interruptible(const py::object& progress, const std::function<void(Monitor&)>& work);

// One for each file here.
void bind_base(py::module_& module);
void bind_toy(py::module_& module);
void bind_geometry(py::module_& module);
void bind_fit(py::module_& module);
void bind_store(py::module_& module);
void bind_report(py::module_& module);
void bind_study(py::module_& module);
void bind_sweep(py::module_& module);
void bind_inspect(py::module_& module);

}  // namespace superpose::python
