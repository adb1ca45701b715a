// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/optimizer/optimizer.h"
#include "superpose/toy/toy.h"

namespace superpose::toy {
namespace {

constexpr const char* kLawData = "law_data";

// Collects complaints so that a user sees all of them at once.
class Problems {
 public:
  void add(const std::string& text) { text_ += (text_.empty() ? "" : "; ") + text; }
  template <class T>
  void expect(bool ok, const char* name, T value, const char* what) {
    if (!ok) add(fmt::format("{} = {}: expected {}", name, value, what));
  }
  bool any() const { return !text_.empty(); }
  void expect_one_of(const char* name, const std::string& value, const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    std::string list;
    for (const auto& choice : known) {
      list += (list.empty() ? "" : &choice == &known.back() ? " or " : ", ") + choice;
    }
    std::string near = suggestion(value, known);
    if (near.find("did you mean") == std::string::npos) near.clear();
    add(fmt::format("{} = {}: expected {}{}", name, value, list, near));
  }
  template <class Check>
  void expect_no_error(const Check& check) {
    try {
      check();
    } catch (const Error& e) {
      add(e.what());
    }
  }
  void raise(const char* where) const {
    if (!text_.empty()) throw Error(ErrorKind::usage, std::string(where) + text_);
  }

 private:
  std::string text_;
};

// Takes an integer, also when it was written 2e4 or 20000.0.
bool read(const Json& json, int64_t& out) {
  if (json.is_number_integer()) {
    if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) return false;
    out = json.get<int64_t>();
    return true;
  }
  if (!json.is_number_float()) return false;
  const double value = json.get<double>();
  if (!(std::fabs(value) <= 9e15) || value != std::floor(value)) return false;
  out = static_cast<int64_t>(value);
  return true;
}
bool read(const Json& json, double& out) {
  if (!json.is_number()) return false;
  out = json.get<double>();
  return true;
}
bool read(const Json& json, std::string& out) {
  if (!json.is_string()) return false;
  out = json.get<std::string>();
  return true;
}

bool read(const Json& json, bool& out) {
  if (!json.is_boolean()) return false;
  out = json.get<bool>();
  return true;
}

void validate_extensions(const Config& c, Problems& problems) {
  problems.expect_no_error([&] { features::make_values(c.values); });
  problems.expect_no_error([&] { features::make_correlation(c.correlation); });
  problems.expect_no_error([&] { make_importance(c.importance, 0); });
  problems.expect_one_of("decoder", c.decoder, {"tied", "untied"});
  problems.expect_one_of("activation", c.activation, {"relu", "linear"});
  problems.expect_one_of("bias_init", c.bias_init, {"normal", "zero"});
  problems.expect(c.init_scale >= 0 && c.init_scale <= 1000, "init_scale", c.init_scale, "0 <= init_scale <= 1000");
  problems.expect_one_of("optimizer", c.optimizer, optimizer::rule_names());
  problems.expect_one_of("schedule", c.schedule, optimizer::schedule_names());
  problems.expect(c.momentum >= 0 && c.momentum < 1, "momentum", c.momentum, "0 <= momentum < 1");
  problems.expect(c.optimizer == "sgd" || c.momentum == Config{}.momentum, "momentum", c.momentum,
                  "0.9 unless optimizer = sgd: no other optimiser has it");
  problems.expect(c.activation != "linear" || c.engine != "fast", "activation", c.activation,
                  "relu with the fast engine; add engine = reference (--engine reference)");
}

void check(const Config& c, Problems& problems) {
  const auto finite = [](double x) { return std::isfinite(x); };
  problems.expect(c.features >= 0 && c.features <= 100'000'000, "features", c.features, "1 <= features <= 10^8, or 0");
  problems.expect(c.dim >= 1 && c.dim <= 65536, "dim", c.dim, "1 <= dim <= 65536");
  problems.expect_no_error([&] { features::check_law_spec(c.law); });
  problems.expect(finite(c.density) && c.density > 0, "density", c.density, "0 < density <= features");
  if (c.features > 0) {
    problems.expect(!(c.density > static_cast<double>(c.features)), "density", c.density,
                    "at most features: more cannot be active");
  }
  problems.expect(finite(c.decay) && std::fabs(c.decay) <= 1e6, "decay", c.decay, "-10^6 <= decay <= 10^6");
  problems.expect(c.steps >= 1 && c.steps <= 1'000'000'000, "steps", c.steps, "1 <= steps <= 10^9");
  problems.expect(c.batch >= 1 && c.batch <= (int64_t{1} << 30), "batch", c.batch, "1 <= batch <= 2^30");
  problems.expect(finite(c.lr) && c.lr > 0, "lr", c.lr, "lr > 0");
  problems.expect(finite(c.lr_bias) && c.lr_bias >= 0, "lr_bias", c.lr_bias, "lr_bias > 0, or 0 for lr");
  problems.expect(c.warmup >= 0 && c.warmup <= 1, "warmup", c.warmup, "0 <= warmup <= 1");
  problems.expect(c.lr_floor >= 0 && c.lr_floor <= 1, "lr_floor", c.lr_floor, "0 <= lr_floor <= 1");
  problems.expect(finite(c.loss_scale) && c.loss_scale > 0, "loss_scale", c.loss_scale, "loss_scale > 0");
  problems.expect_one_of("engine", c.engine, {"fast", "reference"});
  problems.expect(c.seed >= 0, "seed", c.seed, "seed >= 0");
  validate_extensions(c, problems);
}

void check_memory(const Config& config, double available_bytes, Problems& problems) {
  const double need = least_bytes(config) + kProgramBytes;
  if (available_bytes <= 0 || need <= available_bytes) return;
  problems.add(
      fmt::format("features = {}, dim = {}, batch = {}, engine = {}: needs at least {:.3g} GB of memory, {:.3g} GB are "
                  "there; make one of them smaller",
                  config.features, config.dim, config.batch, config.engine, need / 1e9, available_bytes / 1e9));
}

}  // namespace

std::vector<std::string> field_names() {
  std::vector<std::string> names;
  Config config;
  fields(config, [&](const char* name, auto&, const char*) { names.emplace_back(name); });
  return names;
}

void validate(const Config& config) {
  Problems problems;
  check(config, problems);
  problems.raise("toy: ");
}

Json to_json(const Config& config) {
  Json out = Json::object();
  fields(config, [&](const char* name, const auto& value, const char*) { out[name] = value; });
  return out;
}

Json whole_config(const Json& stored) {
  if (!stored.is_object() || !stored.contains("features")) return stored;
  Json out = stored;
  const Config paper;
  extension_fields(paper, [&](const char* name, const auto& value, const char*) {
    if (!out.contains(name)) out[name] = value;
  });
  return out;
}

Config config_from_json(const Json& json) {
  if (!json.is_object()) throw Error(ErrorKind::usage, "toy: a configuration is a map from field to value");
  Problems problems;
  const auto names = field_names();
  for (const auto& [key, value] : json.items()) {
    if (key != kLawData && std::find(names.begin(), names.end(), key) == names.end()) {
      problems.add("unknown field " + key + suggestion(key, names));
    }
  }
  Config config;
  fields(config, [&](const char* name, auto& field, const char*) {
    if (!json.contains(name) || read(json[name], field)) return;
    using Field = std::remove_reference_t<decltype(field)>;
    problems.add(fmt::format("{} = {}: expected {}", name, json[name].dump(),
                             std::is_same_v<Field, int64_t>  ? "an integer"
                             : std::is_same_v<Field, double> ? "a number"
                             : std::is_same_v<Field, bool>   ? "true or false"
                                                             : "a text"));
  });
  check(config, problems);
  problems.raise("toy: ");
  return config;
}

Resolved resolve(const Config& config, double available_bytes) {
  Problems problems;
  check(config, problems);
  if (config.dim > 0 && config.batch > 0) check_memory(config, available_bytes, problems);  // before a law is made
  if (problems.any() && config.law.starts_with("file:")) {  // all that is wrong, the file included
    problems.expect_no_error([&] { features::make_law(config.law, 0, 1); });
  }
  problems.raise("toy: ");
  Resolved out{config, features::make_law(config.law, static_cast<uint64_t>(config.features), config.density), {}, {}};
  out.config.features = static_cast<int64_t>(out.law.probability.size());
  out.config.law = out.law.spec;
  if (config.features == 0) {  // now that the file has said how many there are
    check_memory(out.config, available_bytes, problems);
    problems.raise("toy: ");
  }
  if (out.config.lr_bias == 0) out.config.lr_bias = config.lr;
  out.values = features::make_values(config.values);
  out.correlation = features::make_correlation(config.correlation);
  features::share_frequencies(out.correlation, out.law);
  const Importance importance = make_importance(config.importance, out.law.probability.size());
  out.importance = importance.value;
  out.config.values = out.values.spec;
  out.config.correlation = out.correlation.spec;
  out.config.importance = importance.spec;

  out.json = to_json(out.config);
  if (!out.law.data_fingerprint.empty()) out.json[kLawData] = out.law.data_fingerprint;
  out.identity = out.json;
  const Config paper;
  extension_fields(paper, [&](const char* name, const auto& value, const char*) {
    if (out.identity[name] == Json(value)) out.identity.erase(name);
  });
  return out;
}

int64_t eval_batches(const Config& config) { return std::clamp<int64_t>(config.steps, 2, 100); }

features::Sampler make_sampler(const Resolved& run) {
  return features::Sampler(run.law, run.values, run.correlation, static_cast<uint32_t>(run.config.batch));
}

}  // namespace superpose::toy
