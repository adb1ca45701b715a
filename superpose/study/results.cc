// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "superpose/base/base.h"
#include "superpose/fit/fit.h"
#include "superpose/study/files.h"
#include "superpose/toy/toy.h"

namespace superpose {
std::span<const EmbeddedFile> embedded_results();  // generated from studies/results
}

namespace superpose::study {
namespace {

constexpr std::string_view kTitle = "# superpose results, format 1, numerics ";
constexpr std::string_view kShared = "# config: ";
constexpr const char* kNumbers[] = {"loss",
                                    "loss_std",
                                    "eval_loss",
                                    "eval_loss_se",
                                    "phi_half",
                                    "phi_one",
                                    "rows_represented",
                                    "rows_strong",
                                    "overlap_mean_square",
                                    "overlap_mean_square_all",
                                    "overlap_mean_square_strong",
                                    "welch_bound_strong",
                                    "loss_unlearned",
                                    "features_resolved"};

bool is_finished(const store::Run& run) {
  return run.kind == "toy" && run.config.is_object() && (run.status == "ok" || run.status == "diverged");
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string cell(const Json& value) {
  return value.is_null() ? "" : quoted(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string number_cell(const Json& result, const char* name) {
  if (!result.is_object() || !result.contains(name) || !result[name].is_number()) return "";
  return fmt::format("{:.6g}", result[name].get<double>());
}

// The fields of any configuration, split into those that all runs share, with their value, and those that vary.
struct Columns {
  Json shared = Json::object();
  std::vector<std::string> varying;
};
Columns columns_of(const std::vector<const store::Run*>& runs) {
  Columns out;
  std::vector<std::string> names;
  for (const auto* run : runs) {
    for (const auto& [name, value] : run->config.items()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const auto& name : names) {
    const bool same = std::all_of(runs.begin(), runs.end(), [&](const auto* run) {
      return run->config.contains(name) && run->config[name] == runs[0]->config[name];
    });
    if (same) {
      out.shared[name] = runs[0]->config[name];
    } else {
      out.varying.push_back(name);
    }
  }
  return out;
}

// Fields whose value is a text even where it looks like a number.
std::set<std::string> text_fields() {
  std::set<std::string> out{"law_data"};
  toy::Config config;
  toy::fields(config, [&](const char* name, const auto& field, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>) out.insert(name);
  });
  return out;
}

Json number_or_null(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return text.empty() || *end != '\0' || !std::isfinite(value) ? Json(nullptr) : Json(value);
}

}  // namespace

std::string results_table(const std::vector<store::Run>& runs, std::string_view command) {
  std::vector<const store::Run*> rows;
  for (const auto& run : runs) {
    if (is_finished(run)) rows.push_back(&run);
  }
  const Columns columns = columns_of(rows);
  std::stable_sort(rows.begin(), rows.end(), [&](const auto* a, const auto* b) {
    for (const auto& name : columns.varying) {
      const Json x = a->config.value(name, Json()), y = b->config.value(name, Json());
      if (x != y) return x < y;
    }
    return false;
  });
  std::string out = fmt::format("{}{}\n# made by superpose {} with: {}\n{}{}\n", kTitle, kNumericsVersion, kVersion,
                                command, kShared, columns.shared.dump());
  for (const auto& name : columns.varying) out += quoted(name) + ",";
  out += "status";
  for (const char* name : kNumbers) out += fmt::format(",{}", name);
  out += ",frontier,seconds,instruction_set,version\n";
  for (const auto* run : rows) {
    const Json& result = run->result;
    for (const auto& name : columns.varying) out += cell(run->config.value(name, Json())) + ",";
    out += run->status;
    for (const char* name : kNumbers) out += "," + number_cell(result, name);
    const Json emergence = result.is_object() ? result.value("emergence", Json()) : Json();
    const Json isa = result.is_object() ? result.value("instruction_set", Json()) : Json();
    out += fmt::format(",{},{:.4g},{},{}\n", number_cell(emergence, "frontier"), run->seconds, cell(isa),
                       quoted(run->version));
  }
  return out;
}

std::vector<store::Run> read_results(std::string_view text, std::string_view where) {
  const auto complain = [&](ErrorKind kind, const std::string& what) {
    throw Error(kind, std::string(where) + ": " + what);
  };
  if (!text.starts_with(kTitle)) {
    complain(text.starts_with("# superpose results, format ") ? ErrorKind::unsupported : ErrorKind::bad_file,
             fmt::format("line 1 is not \"{}N\", as superpose ls STORE --csv writes it", kTitle));
  }
  // The same program version may stand for two numerics while it is not released.
  const std::string numerics(text.substr(kTitle.size(), text.find('\n') - kTitle.size()));
  const std::string made_with =
      numerics == std::to_string(kNumericsVersion) ? "" : fmt::format(" (numerics {})", numerics);
  const size_t at = text.find(std::string("\n") + std::string(kShared));
  if (at == std::string_view::npos) complain(ErrorKind::bad_file, fmt::format("has no line \"{}...\"", kShared));
  const size_t begin = at + 1 + kShared.size();
  const Json shared = parse_json(text.substr(begin, text.find('\n', begin) - begin), where);
  if (!shared.is_object()) complain(ErrorKind::bad_file, "its line \"# config:\" holds no JSON object");
  const fit::Table table = fit::read_table(text, where);
  const auto texts = text_fields();
  const auto first = std::find(table.names.begin(), table.names.end(), "status");
  const auto has = [&](const char* name) { return std::find(first, table.names.end(), name) != table.names.end(); };
  if (!has("status") || !has("loss") || !has("version"))
    complain(ErrorKind::bad_file, "lacks a column status, loss or version");

  std::vector<store::Run> out(table.rows());
  for (size_t row = 0; row < table.rows(); ++row) {
    store::Run& run = out[row];
    run.recorded = true, run.kind = "toy", run.config = shared, run.result = Json::object();
    for (size_t c = 0; c < table.names.size(); ++c) {
      const std::string &name = table.names[c], &value = table.text[c][row];
      const bool is_config = table.names.begin() + static_cast<std::ptrdiff_t>(c) < first;
      if (is_config && !value.empty()) {
        run.config[name] = texts.contains(name) ? Json(value) : parse_json(value, where);
      } else if (name == "status") {
        run.status = value;
      } else if (name == "version") {
        run.version = value + made_with;
      } else if (name == "instruction_set") {
        run.result[name] = value;
      } else if (name == "frontier") {
        run.result["emergence"] = {{"frontier", number_or_null(value)}};
      } else if (!is_config) {
        run.result[name] = number_or_null(value);
      }
    }
    if (run.status != "ok" && run.status != "diverged") {
      complain(ErrorKind::bad_file,
               fmt::format("line {}: status {} is neither ok nor diverged", table.lines[row], run.status));
    }
    run.result["status"] = run.status;
    const Json seconds = run.result.value("seconds", Json());
    run.seconds = seconds.is_number() ? seconds.get<double>() : 0;
    run.key = store::run_key(run.kind, run.config);
  }
  return out;
}

std::vector<store::Run> beside(const std::vector<store::Run>& of_store, std::vector<store::Run> recorded) {
  std::set<std::string> finished;
  for (const auto& run : of_store) {
    if (is_finished(run)) finished.insert(run.key);
  }
  std::erase_if(recorded, [&](const store::Run& run) { return !finished.insert(run.key).second; });
  return recorded;
}

std::string makers(const std::vector<store::Run>& runs) {
  std::set<std::string> versions;
  for (const auto& run : runs) versions.insert(run.version);
  return fmt::format("superpose {}", fmt::join(versions, ", "));
}

std::vector<store::Run> load_results(const std::string& path_or_builtin) {
  if (path_or_builtin != "builtin") return read_results(read_text(path_or_builtin), path_or_builtin);
  std::vector<store::Run> out;
  for (const EmbeddedFile& file : embedded_results()) {
    if (!file.path.ends_with(".csv")) continue;
    for (auto& run : read_results(file.text, file.path)) out.push_back(std::move(run));
  }
  return out;
}

Json shown_config(const store::Run& run) { return run.kind == "toy" ? toy::whole_config(run.config) : run.config; }

Json run_summary(const store::Run& run) {
  const bool is_finished = !run.finished_at.empty();
  const auto loss = run.result.is_object() ? run.result.find("loss") : run.result.end();
  const bool has_loss = run.result.is_object() && loss != run.result.end() && loss->is_number();
  return {{"id", run.id},
          {"key", run.key},
          {"kind", run.kind},
          {"status", run.status},
          {"config", shown_config(run)},
          {"loss", has_loss ? *loss : Json()},
          {"error", run.error.empty() ? Json() : Json(run.error)},
          {"seconds", is_finished ? Json(run.seconds) : Json()},
          {"version", run.version},
          {"started_at", run.started_at},
          {"finished_at", is_finished ? Json(run.finished_at) : Json()}};
}

}  // namespace superpose::study
