// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "superpose/base/base.h"
#include "superpose/cli/output.h"
#include "superpose/cli/sweep_progress.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Options {
  toy::Config config;
  std::string save;
  std::string snapshot;
  double snapshot_every = 60;
  bool keep_snapshot = false;
  int threads = 0;
  bool profile = false;
  bool json = false;
};

Json profile_json(const toy::Profile& p, double seconds, int64_t steps) {
  const double to_ms = 1e3 / static_cast<double>(std::max<int64_t>(steps, 1));
  Json out;
  double known = 0;
  for (const auto& [name, value] :
       {std::pair{"sampling", p.sampling}, std::pair{"gram", p.gram}, std::pair{"forward", p.forward},
        std::pair{"backward", p.backward}, std::pair{"optimizer", p.optimizer}}) {
    out[name] = value * to_ms;
    known += value;
  }
  out["other"] = std::max(0.0, seconds - known) * to_ms;
  out["total"] = seconds * to_ms;
  return out;
}

void print_profile(const Json& profile) {
  std::vector<std::vector<std::string>> rows{{"part", "ms/step", "share"}};
  for (const auto& [name, ms] : profile.items()) {
    rows.push_back({name, fmt::format("{:.3f}", ms.get<double>()),
                    fmt::format("{:.0f}%", 100 * ms.get<double>() / std::max(1e-12, profile["total"].get<double>()))});
  }
  fmt::print("\n{}", aligned(rows));
}

std::string field(const Json& result, const char* name) {
  return result[name].is_number() ? number(result[name].get<double>()) : "-";
}

void print_text(const toy::Config& c, const Json& r) {
  fmt::print("{} features in {} dimensions, {}, density {}, decay {}, seed {}: {}\n\n", c.features, c.dim, c.law,
             number(r["density_realised"].get<double>()), number(c.decay), c.seed,
             r["status"] == "ok" ? fmt::format("{} steps in {}", c.steps, duration(r["seconds"].get<double>()))
                                 : fmt::format("diverged at step {}", r["diverged_at"].get<int64_t>()));
  if (r["status"] != "ok") {
    fmt::print("The loss or the weights stopped being finite, or exploded. A smaller --lr may help.\n");
    return;
  }
  const double m = static_cast<double>(c.dim);
  const auto per_m = [&](const char* name) {
    return r[name].is_number() ? fmt::format("{} = {}/m", field(r, name), number(r[name].get<double>() * m, 3)) : "-";
  };
  fmt::print(
      "{}", aligned({
                {"measure", "value", "what it is"},
                {"loss", field(r, "loss") + " ± " + field(r, "loss_std"),
                 fmt::format("mean of the last {} training batches, their spread", std::min<int64_t>(c.steps, 100))},
                {"fresh loss", field(r, "eval_loss") + " ± " + field(r, "eval_loss_se"),
                 fmt::format("mean over {} fresh batches, standard error", toy::eval_batches(c))},
                {"φ_1/2", field(r, "phi_half"),
                 fmt::format("rows with norm > 1/2 (m/n = {})", number(m / static_cast<double>(c.features), 3))},
                {"φ_1", field(r, "phi_one"), "rows with norm > 1"},
                {"overlap, represented", per_m("overlap_mean_square"), "mean cos² of rows with norm > 1/2"},
                {"overlap, strong", per_m("overlap_mean_square_strong"), "mean cos² of rows with norm > 1"},
                {"overlap, all", per_m("overlap_mean_square_all"), "mean cos² of all rows; random directions give 1/m"},
                {"Welch bound", per_m("welch_bound_mean_square"), "the least that n rows can have"},
                {"resolved", fmt::format("{} of {}", field(r, "features_resolved"), c.features),
                 "features more than half of whose own loss is explained"},
                {"unlearned", field(r, "loss_unlearned"),
                 "Σ p·<v²> over rows with norm < 1/2: the loss if nothing else were lost"},
            }));
}

// Decimal, also written 2e4; CLI11 alone would read 010 as eight and cut what does not fit in 64 bits.
int64_t integer(const std::string& name, const std::string& text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  if (const auto [rest, error] = std::from_chars(text.data(), end, value); error == std::errc() && rest == end)
    return value;
  double real = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, real);
  if (error == std::errc() && rest == end && std::fabs(real) <= 9e15 && real == std::floor(real)) {
    return static_cast<int64_t>(real);
  }
  throw Error(ErrorKind::usage, fmt::format("toy: --{} {}: expected an integer of at most 64 bits", name, text));
}

// A file that cannot be written is said before the training, not after it.
void check_writable(const char* flag, const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder)) {
    throw Error(ErrorKind::io, fmt::format("{} {}: there is no folder {}", flag, path.string(), folder.string()));
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::io,
                fmt::format("{} {}: the folder {} cannot be written to", flag, path.string(), folder.string()));
  }
  file_to_write(path);
}

void note(const std::string& text) { fmt::print(stderr, "superpose: toy: {}\n", text); }

// Long runs begin with what they will need; short ones are not worth the half second that predicting takes.
void say_how_long(const toy::Resolved& run) {
  const double work = static_cast<double>(run.config.features) * static_cast<double>(run.config.dim) *
                      static_cast<double>(run.config.steps + toy::eval_batches(run.config));
  constexpr double kLong = 1e9;
  if (work < kLong) return;
  note(fmt::format("about {} on one core, {:.2g} GB of memory", duration(toy::predicted_seconds(run.config, run.law)),
                   (toy::predicted_bytes(run.config, run.law) + toy::kProgramBytes) / 1e9));
}

int run_toy(const Options& options) {
  const toy::Resolved run = toy::resolve(options.config, static_cast<double>(memory_limit().bytes));
  if (!options.save.empty()) check_writable("--save", options.save);
  if (!options.snapshot.empty()) check_writable("--snapshot", options.snapshot);
  if (!options.save.empty() && !options.snapshot.empty() &&
      file_to_write(options.save) == file_to_write(options.snapshot))
    throw Error(ErrorKind::usage, fmt::format("--save and --snapshot are both {}: two files are needed", options.save));
  say_how_long(run);
  ProgressLine progress("toy");
  const auto started = std::chrono::steady_clock::now();
  toy::TrainOptions training;
  training.threads =
      options.threads > 0 ? options.threads : std::min(available_cores(), toy::useful_threads(run.config));
  std::optional<StopOnSignal> signals;  // only where a stop leaves something to go on from
  std::optional<study::SnapshotFile> snapshots;
  if (!options.snapshot.empty()) {
    snapshots.emplace(run, study::SnapshotOptions{options.snapshot, options.snapshot_every, true, note});
    training.snapshots = &*snapshots;
    training.cancelled = signals.emplace().flag();
  }
  int64_t first_step = -1;
  training.on_progress = [&](int64_t step, double loss) {
    if (first_step < 0) first_step = step;  // above 0 when it goes on from a snapshot
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    const double rate = static_cast<double>(step - first_step) / std::max(elapsed, 1e-9);
    const double fraction = static_cast<double>(step) / static_cast<double>(run.config.steps);
    progress.update(fraction,
                    fmt::format("step {}/{}, loss {}, {:.0f} steps/s", step, run.config.steps, number(loss), rate),
                    rate > 0 ? static_cast<double>(run.config.steps - step) / rate : -1);
  };
  toy::Result trained;
  try {
    trained = toy::train(run, training);
  } catch (const toy::Cancelled&) {
    fmt::print(stderr, "superpose: toy: stopped; the same command goes on from {}\n", options.snapshot);
    return signals->exit_code();
  }
  Json result = study::toy_result(run, trained);
  if (options.profile)
    result["profile_ms_per_step"] =
        profile_json(trained.profile, trained.seconds_here, trained.steps_done - trained.resumed_at);
  if (options.json) {
    print_json("toy", run.json, result);
  } else {
    print_text(run.config, result);
    if (options.profile) print_profile(result["profile_ms_per_step"]);
  }
  // Last, so that a full disk costs the weights but not the result.
  if (trained.diverged && !options.save.empty()) {
    fmt::print(stderr, "superpose: toy: diverged, so {} was not written\n", options.save);
  } else if (!options.save.empty()) {
    std::fflush(stdout);
    study::save_toy(options.save, run, trained);
  }
  if (snapshots && !options.keep_snapshot) snapshots->remove();
  return 0;
}

}  // namespace

Action declare_toy(CLI::App& verb) {
  auto options = std::make_shared<Options>();
  toy::fields(options->config, [&](std::string name, auto& field, const char* help) {
    std::replace(name.begin(), name.end(), '_', '-');
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(field)>, int64_t>) {
      verb.add_option_function<std::string>(
              "--" + name, [&field, name](const std::string& text) { field = integer(name, text); }, help)
          ->default_str(std::to_string(field));
    } else {
      verb.add_option("--" + name, field, help)->capture_default_str();
    }
  });
  verb.add_option("--save", options->save, "write W and b to this safetensors file");
  verb.add_option("--snapshot", options->snapshot,
                  "save the run's state to this file now and then and when it is stopped; when the file exists, go on\n"
                  "from it: the result is the same to the last bit. Removed at the end");
  verb.add_option("--snapshot-every", options->snapshot_every, "seconds between snapshots")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  verb.add_flag("--keep-snapshot", options->keep_snapshot, "keep the last snapshot when the run is finished");
  verb.add_option("--threads", options->threads,
                  "threads inside the run (0: as many as the model can use and there are cores); the result does not "
                  "depend on it")
      ->check(CLI::Range(0, 4096));
  verb.add_flag("--profile", options->profile, "print where the time of a step goes");
  verb.add_flag("--json", options->json, "print one JSON object");
  return [options] { return run_toy(*options); };
}

}  // namespace superpose::cli
