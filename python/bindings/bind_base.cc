// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <thread>

#include "python/bindings/bind.h"
#include "superpose/base/limits.h"
#include "superpose/base/threads.h"

namespace superpose::python {
namespace {

constexpr int kDeepest = 64;

Json json_of(py::handle value, const std::string& what, int depth) {
  if (depth > kDeepest) throw Error(ErrorKind::usage, what + ": nested deeper than 64");
  if (value.is_none()) return nullptr;
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<py::int_>(value)) {
    const int64_t number = PyLong_AsLongLong(value.ptr());
    if (number != -1 || !PyErr_Occurred()) return number;
    PyErr_Clear();
    throw Error(ErrorKind::usage, fmt::format("{}: {} does not fit in 64 bits", what, std::string(py::str(value))));
  }
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::dict>(value)) {
    Json out = Json::object();
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value)) {
      const std::string name = py::str(key);
      out[name] = json_of(item, what + "." + name, depth + 1);
    }
    return out;
  }
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value)) {
    Json out = Json::array();
    for (const py::handle item : value) out.push_back(json_of(item, what, depth + 1));
    return out;
  }
  if (py::hasattr(value, "tolist")) return json_of(value.attr("tolist")(), what, depth + 1);  // NumPy's, scalars too
  if (py::hasattr(value, "__fspath__")) return value.attr("__fspath__")().cast<std::string>();
  throw Error(ErrorKind::usage, fmt::format("{}: {} is no number, text, list or dict", what,
                                            std::string(py::str(value.get_type().attr("__name__")))));
}

// "--max-factor 4" of the program is max_factor=4 here. A message that tells a command of the program is left as it is.
std::string in_python_words(std::string text) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; };
  size_t end = 0;
  for (size_t at = text.find("--"); at != std::string::npos; at = text.find("--", end)) {
    end = at + 2;
    while (end < text.size() && is_word(text[end])) ++end;
    const bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '(' || text[at - 1] == '"';
    const bool is_flag = begins && end > at + 2 && std::isalpha(static_cast<unsigned char>(text[at + 2]));
    if (!is_flag || text.rfind("superpose ", at) != std::string::npos) continue;
    std::string name = text.substr(at + 2, end - at - 2);
    std::replace(name.begin(), name.end(), '-', '_');
    const char next = end + 1 < text.size() && text[end] == ' ' ? text[end + 1] : '\0';
    const auto byte = static_cast<unsigned char>(next);
    const bool has_value = std::isupper(byte) || std::isdigit(byte) || next == '\'' || next == '"';
    text.replace(at, end - at + (has_value ? 1 : 0), has_value ? name + "=" : name);
    end = at + name.size();
  }
  return text;
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Error& e) {
    const py::object type = py::module_::import("superpose.error").attr("Error");
    const py::object error = type(std::string(error_kind_name(e.kind())), to_python(in_python_words(e.what())));
    PyErr_SetObject(type.ptr(), error.ptr());
  }
}

// The end of the interpreter, as WithoutGil sees it.
struct End {
  std::atomic<bool> begun = false;
  std::atomic<int> returning = 0;  // threads between the question whether it has begun and the GIL
  std::thread::id of;              // the thread that ends it, and goes on
};
End& the_end() {
  static End end;
  return end;
}

// At exit: from here on no thread of ours is given the GIL, so none can be waiting for it when Python stops giving it.
void begin_end() {
  the_end().of = std::this_thread::get_id();
  the_end().begun = true;
  const py::gil_scoped_release release;
  constexpr int kPatience = 1000;  // after a fork such a thread may have stayed behind with the parent
  for (int i = 0; i < kPatience && the_end().returning > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

WithoutGil::~WithoutGil() {
  End& end = the_end();
  ++end.returning;
  if (end.begun && std::this_thread::get_id() != end.of) {
    --end.returning;
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  PyEval_RestoreThread(state_);
  --end.returning;
}

py::str to_python(const std::string& text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace"));
}

py::object to_python(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      py::dict out;
      for (const auto& [name, item] : value.items()) out[py::str(name)] = to_python(item);
      return out;
    }
    case Json::value_t::array: {
      py::list out(value.size());
      for (size_t i = 0; i < value.size(); ++i) out[i] = to_python(value[i]);
      return out;
    }
    case Json::value_t::string:
      return to_python(value.get_ref<const std::string&>());
    case Json::value_t::boolean:
      return py::bool_(value.get<bool>());
    case Json::value_t::number_integer:
      return py::int_(value.get<int64_t>());
    case Json::value_t::number_unsigned:
      return py::int_(value.get<uint64_t>());
    case Json::value_t::number_float: {
      const double number = value.get<double>();
      return std::isfinite(number) ? py::object(py::float_(number)) : py::none();
    }
    default:
      return py::none();
  }
}

Json to_json(py::handle value, const std::string& what) { return json_of(value, what, 0); }

py::buffer_info Array::buffer() {
  std::vector<py::ssize_t> strides(shape_.size(), static_cast<py::ssize_t>(item_));
  for (size_t k = shape_.size(); k-- > 1;) strides[k - 1] = strides[k] * shape_[k];
  return py::buffer_info(data_, static_cast<py::ssize_t>(item_), format_, static_cast<py::ssize_t>(shape_.size()),
                         shape_, strides);
}

MatrixArgument::MatrixArgument(const py::buffer& buffer, const std::string& name) : info_(buffer.request()) {
  is_float_ = holds<float>(info_);
  if (!is_float_ && !holds<double>(info_)) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: elements of type '{}', expected float32 or float64", name, info_.format));
  }
  if (info_.ndim != 2) {
    throw Error(ErrorKind::usage, fmt::format("{}: {} dimensions, expected 2: one row per feature", name, info_.ndim));
  }
  if (info_.size > 0 && (info_.strides[1] != info_.itemsize || info_.strides[0] != info_.itemsize * info_.shape[1])) {
    throw Error(ErrorKind::usage, name + ": not in C order; numpy.ascontiguousarray makes a copy that is");
  }
}

std::vector<double> numbers_argument(const py::buffer& buffer, const std::string& name) {
  const py::buffer_info info = buffer.request();
  if (info.ndim != 1 || !holds<double>(info)) {
    throw Error(ErrorKind::usage, name + ": expected a one-dimensional array of float64");
  }
  std::vector<double> out;
  const auto* const data = static_cast<const std::byte*>(info.ptr);
  for (py::ssize_t i = 0; i < info.shape[0]; ++i)
    out.push_back(*reinterpret_cast<const double*>(data + i * info.strides[0]));
  return out;
}

void Monitor::report(double fraction, std::string text) {
  if (cancelled_) throw Interrupted{};
  const std::scoped_lock guard(mutex_);
  fraction_ = fraction, text_ = std::move(text), news_ = true;
}

void interruptible(const py::object& progress, const std::function<void(Monitor&)>& work) {
  constexpr auto kLook = std::chrono::milliseconds(50);
  Monitor monitor;
  std::exception_ptr failure, interrupt;
  std::thread thread([&] {
    try {
      work(monitor);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::scoped_lock guard(monitor.mutex_);
    monitor.finished_ = true;
    monitor.changed_.notify_one();
  });
  for (bool finished = false; !finished;) {
    bool news = false;
    double fraction = 0;
    std::string text;
    {
      const WithoutGil release;
      std::unique_lock lock(monitor.mutex_);
      finished = monitor.changed_.wait_for(lock, kLook, [&] { return monitor.finished_; });
      news = std::exchange(monitor.news_, false);
      fraction = monitor.fraction_, text = monitor.text_;
    }
    if (interrupt) continue;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (news && !progress.is_none()) progress(fraction, text);
    } catch (...) {
      interrupt = std::current_exception();
      monitor.cancelled_ = true;
    }
  }
  {
    const WithoutGil release;
    thread.join();
  }
  if (interrupt) std::rethrow_exception(interrupt);
  if (failure) std::rethrow_exception(failure);
}

void bind_base(py::module_& module) {
  py::register_exception_translator(translate);
  py::class_<Array>(module, "Array", py::buffer_protocol(), "Numbers; numpy.asarray() views them without a copy.")
      .def_buffer(&Array::buffer);
  py::module_::import("atexit").attr("register")(py::cpp_function(begin_end));
  module.def(
      "available_cores", [] { return available_cores(); },
      "Cores this process may use: affinity and control groups count.");
}

}  // namespace superpose::python
