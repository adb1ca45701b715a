// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "python/bindings/bind.h"
#include "superpose/base/limits.h"
#include "superpose/base/threads.h"
#include "superpose/features/features.h"
#include "superpose/study/study.h"
#include "superpose/toy/toy.h"

namespace superpose::python {
namespace {

toy::Resolved resolve(const py::dict& config) {
  study::check_environment();
  return toy::resolve(toy::config_from_json(to_json(config, "toy")), static_cast<double>(memory_limit().bytes));
}

int threads_for(const toy::Resolved& run, int threads) {
  if (threads < 0)
    throw Error(ErrorKind::usage, fmt::format("threads = {}: expected 0 (as many as help) or more", threads));
  return threads > 0 ? threads : std::min(available_cores(), toy::useful_threads(run.config));
}

py::dict profile_of(const toy::Profile& p) {
  py::dict out;
  out["sampling"] = p.sampling, out["gram"] = p.gram, out["forward"] = p.forward, out["backward"] = p.backward;
  out["optimizer"] = p.optimizer;
  return out;
}

// What ToyResult is made from.
py::dict result_of(const toy::Resolved& run, toy::Result&& trained, const Json& measures) {
  py::dict out;
  out["config"] = to_python(run.json);
  out["measures"] = to_python(measures);
  out["profile"] = profile_of(trained.profile);
  out["resumed_at"] = trained.resumed_at;
  out["W"] = py::cast(Array::of(std::move(trained.W)));
  out["b"] = py::cast(Array::of(std::move(trained.b)));
  out["decoder"] = trained.decoder.rows() > 0 ? py::cast(Array::of(std::move(trained.decoder))) : py::none();
  return out;
}

std::string progress_text(int64_t step, int64_t steps, double loss) {
  return fmt::format("step {}/{}, loss {:.4g}", step, steps, loss);
}

struct SnapshotArguments {
  std::optional<std::filesystem::path> path;
  double every_seconds = 60;
  bool keep = false;
};

py::dict train(const py::dict& config, int threads, const SnapshotArguments& wanted, const py::object& progress) {
  if (!(wanted.every_seconds >= 0))
    throw Error(ErrorKind::usage, fmt::format("snapshot_every = {}: expected 0 or more seconds", wanted.every_seconds));
  const toy::Resolved run = resolve(config);
  toy::Result trained;
  Json measures;
  std::vector<std::string> remarks;
  interruptible(progress, [&](Monitor& monitor) {
    toy::TrainOptions options;
    options.threads = threads_for(run, threads);
    options.cancelled = monitor.cancelled();
    options.on_progress = [&](int64_t step, double loss) {
      monitor.report(static_cast<double>(step) / static_cast<double>(run.config.steps),
                     progress_text(step, run.config.steps, loss));
    };
    std::optional<study::SnapshotFile> snapshots;
    if (wanted.path) {
      snapshots.emplace(run, study::SnapshotOptions{*wanted.path, wanted.every_seconds, true,
                                                    [&](const std::string& text) { remarks.push_back(text); }});
      options.snapshots = &*snapshots;
    }
    trained = toy::train(run, options);
    measures = study::toy_result(run, trained);
    if (snapshots && !wanted.keep) snapshots->remove();
  });
  py::dict out = result_of(run, std::move(trained), measures);
  out["notes"] = py::cast(remarks);
  return out;
}

toy::Result with_weights(size_t n, size_t m, const py::buffer& W, const py::buffer& b, const py::object& decoder) {
  const auto copy = [&](const py::buffer& buffer, const char* name) {
    const MatrixArgument argument(buffer, name);
    const auto view = argument.view<float>();
    if (!argument.is_float() || view.rows != n || view.cols != m)
      throw Error(ErrorKind::usage, fmt::format("{}: expected float32 [{}, {}]", name, n, m));
    Matrix<float> out(view.rows, view.cols);
    std::copy_n(view.data, view.rows * view.cols, out.data());
    return out;
  };
  toy::Result out;
  out.W = copy(W, "W");
  const py::buffer_info biases = b.request();
  if (biases.ndim != 1 || !holds<float>(biases) || static_cast<size_t>(biases.size) != n ||
      biases.strides[0] != biases.itemsize) {
    throw Error(ErrorKind::usage, fmt::format("b: expected float32 [{}] in C order", n));
  }
  out.b.assign(static_cast<const float*>(biases.ptr), static_cast<const float*>(biases.ptr) + biases.size);
  if (!decoder.is_none()) out.decoder = copy(decoder.cast<py::buffer>(), "decoder");
  return out;
}

// config: a result's own, so the law's file is not read again; it goes into the file's metadata as it is.
void save(const std::filesystem::path& path, const py::dict& config, const py::buffer& W, const py::buffer& b,
          const py::object& decoder) {
  toy::Resolved run;
  run.json = to_json(config, "toy");
  Json known = run.json;
  known.erase("decay_changes");
  run.config = toy::config_from_json(known);
  const auto n = static_cast<size_t>(run.config.features), m = static_cast<size_t>(run.config.dim);
  const toy::Result trained = with_weights(n, m, W, b, decoder);
  const WithoutGil release;
  study::save_toy(path, run, trained);
}

py::dict feature_losses(const py::dict& config, const py::buffer& W, const py::buffer& b, uint32_t samples) {
  const toy::Resolved run = resolve(config);
  if (!toy::has_feature_losses(run.config)) {
    throw Error(ErrorKind::unsupported, "feature losses: only for tied ReLU models of independent features");
  }
  const toy::Result trained =
      with_weights(run.law.probability.size(), static_cast<size_t>(run.config.dim), W, b, py::none());
  toy::FeatureLosses losses;
  {
    const WithoutGil release;
    losses = toy::feature_losses(run, trained.W.view(), trained.b, samples);
  }
  std::vector<uint8_t> resolved;
  for (size_t i = 0; i < losses.loss.size(); ++i) resolved.push_back(losses.resolved(i));
  py::dict out;
  out["samples"] = losses.samples, out["total"] = losses.total, out["total_se"] = losses.total_se;
  out["loss"] = Array::of(losses.loss), out["se"] = Array::of(losses.se), out["ignored"] = Array::of(losses.ignored);
  out["ratio"] = Array::of(losses.ratio), out["resolved"] = Array::of(std::move(resolved));
  return out;
}

// A run that is looked at while it trains.
class Session {
 public:
  Session(const py::dict& config, int threads) : run_(resolve(config)), session_(run_, options_of(run_, threads)) {}
  Session(const Session&) = delete;

  void advance(int64_t steps, const py::object& progress) {
    if (steps < 0) throw Error(ErrorKind::usage, fmt::format("steps = {}: expected 0 or more", steps));
    const Turn turn(*this);
    interruptible(progress, [&](Monitor& monitor) {
      using Clock = std::chrono::steady_clock;
      constexpr auto kLook = std::chrono::milliseconds(50);  // Ctrl-C is seen between two parts
      const int64_t first = session_.step(), last = first + std::min(steps, run_.config.steps - first);
      for (int64_t part = 1; session_.step() < last && !session_.done();) {
        const auto began = Clock::now();
        session_.advance(std::min(part, last - session_.step()));
        step_ = session_.step(), done_ = session_.done();
        part = Clock::now() - began < kLook ? 2 * part : std::max<int64_t>(part / 2, 1);
        const double fraction =
            static_cast<double>(session_.step() - first) / static_cast<double>(std::max<int64_t>(last - first, 1));
        monitor.report(fraction, fmt::format("step {}/{}", session_.step(), run_.config.steps));
      }
    });
  }
  void set_decay(double decay) {
    constexpr double kLargest = 10;
    if (!(std::abs(decay) <= kLargest))
      throw Error(ErrorKind::usage, fmt::format("decay = {}: expected -10 to 10", decay));
    const Turn turn(*this);
    if (decay == this->decay()) return;
    session_.set_decay(decay);
    decay_ = decay;
    changes_.emplace_back(session_.step(), decay);
  }
  double decay() const { return decay_.value_or(run_.config.decay); }
  int64_t step() const { return step_; }
  bool done() const { return done_; }
  py::dict result() {
    const Turn turn(*this);
    toy::Result now;
    Json measures;
    {
      const WithoutGil release;
      if (session_.done() && !finished_) finished_ = session_.finish();
      now = finished_ ? *finished_ : session_.now();
      measures = study::toy_result(run_, now);
    }
    py::dict out = result_of(run_, std::move(now), measures);
    out["decay_changes"] = py::cast(changes_);
    return out;
  }

 private:
  // One call at a time: a second thread is told so instead of racing with the first.
  struct Turn {
    explicit Turn(Session& session) : session_(session) {
      if (session_.busy_.exchange(true)) throw Error(ErrorKind::usage, "ToySession: another thread is using it");
    }
    ~Turn() { session_.busy_ = false; }
    Turn(const Turn&) = delete;
    Session& session_;
  };
  static toy::TrainOptions options_of(const toy::Resolved& run, int threads) {
    toy::TrainOptions out;
    out.threads = threads_for(run, threads);
    return out;
  }

  toy::Resolved run_;
  toy::Session session_;
  std::optional<double> decay_;
  std::vector<std::pair<int64_t, double>> changes_;  // (step, γ from then on)
  std::optional<toy::Result> finished_;
  std::atomic<int64_t> step_ = 0;  // of session_, for threads that only look
  std::atomic<bool> done_ = false;
  std::atomic<bool> busy_ = false;
};

}  // namespace

void bind_toy(py::module_& module) {
  module.def("toy_fields", [] {
    toy::Config config;
    py::list out;
    toy::fields(config, [&](const std::string& name, auto& field, const char* help) {
      out.append(py::make_tuple(name, field, help));
    });
    return out;
  });
  module.def(
      "toy_probability", [](const py::dict& config) { return Array::of(resolve(config).law.probability); },
      py::arg("config"));
  module.def(
      "toy",
      [](const py::dict& config, int threads, std::optional<std::filesystem::path> snapshot, double snapshot_every,
         bool keep_snapshot, const py::object& progress) {
        return train(config, threads, {std::move(snapshot), snapshot_every, keep_snapshot}, progress);
      },
      py::arg("config"), py::arg("threads"), py::arg("snapshot"), py::arg("snapshot_every"), py::arg("keep_snapshot"),
      py::arg("progress"));
  module.def("toy_save", save, py::arg("path"), py::arg("config"), py::arg("W"), py::arg("b"), py::arg("decoder"));
  module.def("toy_feature_losses", feature_losses, py::arg("config"), py::arg("W"), py::arg("b"), py::arg("samples"));
  py::class_<Session>(module, "ToySession")
      .def(py::init<const py::dict&, int>(), py::arg("config"), py::arg("threads"))
      .def("advance", &Session::advance, py::arg("steps"), py::arg("progress"))
      .def("set_decay", &Session::set_decay, py::arg("decay"))
      .def("decay", &Session::decay)
      .def("step", &Session::step)
      .def("done", &Session::done)
      .def("result", &Session::result);
}

}  // namespace superpose::python
