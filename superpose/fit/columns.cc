// SPDX-License-Identifier: Apache-2.0
#include "superpose/fit/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/names.h"

namespace superpose::fit {
namespace {

using Names = std::vector<std::string>;

const Names kInputs{"m", "l", "N", "D", "C", "V", "d", "H", "t"};

// Columns as tables in the wild call them, most telling first. Names of one letter hold as they are written (N is not
// n, D is not d), longer ones whatever their case, spaces, '_', '-' and '.'.
const std::map<std::string, Names> kUsual{
    {"m",
     {"m", "width", "d_model", "dim", "hidden_size", "hidden_dim", "n_embd", "embed_dim", "model.hidden_dim", "x"}},
    {"l", {"l", "depth", "n_layers", "num_layers", "layers", "n_layer", "num_hidden_layers"}},
    {"N",
     {"N", "params", "n_params", "parameters", "model_size", "num_params", "params_active_precise", "non_emb_params",
      "params_no_embed", "Non_vocab_parameters"}},
    {"D", {"D", "tokens", "num_tokens", "n_tokens", "training_tokens", "train_tokens"}},
    {"C", {"C", "flops", "flop", "compute", "train_flops", "training_flop", "training_flops"}},
    {"V", {"V", "vocab_size", "vocab", "n_vocab"}},
    {"d", {"d", "embed_dim", "d_model", "width", "m"}},
    {"H", {"H", "num_characters", "characters", "chars"}},
    {"t", {"t", "step", "steps", "time", "tokens"}},
    {"y",
     {"loss", "y", "eval_loss", "test_loss", "val_loss", "final_loss", "valid_loss", "lossu", "xent",
      "cross_entropy"}}};
// Parameters that are not of the vocabulary, for laws in which V·d counts those.
const Names kNotOfVocabulary{"Non_vocab_parameters", "params_no_embed", "non_emb_params"};

Names usual_names(const std::string& input, bool with_vocabulary) {
  Names out = kUsual.at(input);
  if (input == "N" && with_vocabulary) out.insert(out.begin() + 1, kNotOfVocabulary.begin(), kNotOfVocabulary.end());
  return out;
}

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-' || c == '.') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// The first of `usual` that the table has, or "".
std::string usual_column(const Table& table, const Names& usual, const Names& taken) {
  const auto is_free = [&](const std::string& name) {
    return std::find(taken.begin(), taken.end(), name) == taken.end();
  };
  for (const auto& name : usual) {
    if (table.has(name) && is_free(name)) return name;
    if (name.size() == 1) continue;
    for (const auto& column : table.names) {
      if (folded(column) == folded(name) && is_free(column)) return column;
    }
  }
  return "";
}

[[noreturn]] void fail_which(const Table& table, const std::string& role, const Names& usual, std::string_view also) {
  constexpr size_t kShown = 30;
  const Names shown(table.names.begin(),
                    table.names.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, table.names.size())));
  throw Error(ErrorKind::usage,
              fmt::format("which column is {}? None of {}{} has a usual name ({}){}; say --{} NAME", role,
                          fmt::join(shown, ", "), shown.size() < table.names.size() ? ", ..." : "",
                          fmt::join(usual, ", "), also, role));
}

// Tokens per character of a vocabulary of V entries, Tao et al. 2024 (arXiv 2407.13623).
double tokens_of_characters(const double* H_V) {
  const double log_V = std::log(H_V[1]);
  return H_V[0] * (0.00639222 * log_V * log_V - 0.15811069 * log_V + 1.20470122);
}
double tokens_of_compute(const double* C_N) { return C_N[0] / (6 * C_N[1]); }
double tokens_of_compute_with_vocabulary(const double* C_N_V_d) {
  return C_N_V_d[0] / (6 * (C_N_V_d[1] + C_N_V_d[2] * C_N_V_d[3]));
}

struct Rule {
  Names inputs;
  double (*value)(const double*);
  const char* text;
  const char* because;
};
const std::array<Rule, 3> kTokenRules{
    Rule{{"H", "V"},
         tokens_of_characters,
         "H·(0.00639222·ln²V - 0.15811069·lnV + 1.20470122)",
         "tokens per character as Tao et al. 2024"},
    Rule{{"C", "N", "V", "d"}, tokens_of_compute_with_vocabulary, "C/(6·(N + V·d))", "the usual estimate"},
    Rule{{"C", "N"}, tokens_of_compute, "C/(6·N)", "the usual estimate"}};

bool has_input(const Law& law, std::string_view input) {
  return std::find(law.inputs.begin(), law.inputs.end(), input) != law.inputs.end();
}

}  // namespace

std::span<const std::string> standard_inputs() { return kInputs; }

Columns::Columns(const Table& table, const Law& law, const Selection& selection)
    : table_(table), law_(law), selection_(selection) {
  Names known = law.inputs;
  known.insert(known.end(), kInputs.begin(), kInputs.end());
  known.push_back("x");
  for (const auto& [input, column] : selection.columns) {
    if (std::find(known.begin(), known.end(), input) == known.end()) {
      throw Error(ErrorKind::usage, fmt::format("no input {}{}", input, suggestion(input, known)));
    }
    if (!column.empty()) table.strings(column);
  }
  for (const auto& input : law.inputs) {
    if (const auto said = asked(input); !said.empty()) taken_.emplace_back(input, said);
  }
  for (const auto& input : law.inputs) {
    if (!asked(input).empty()) continue;
    if (const auto guess = column(input); !guess.empty()) taken_.emplace_back(input, guess);
  }
}

std::string Columns::asked(const std::string& input) const {
  const auto said = [&](const std::string& key) {
    const auto it = selection_.columns.find(key);
    return it == selection_.columns.end() ? std::string() : it->second;
  };
  const bool first = !law_.inputs.empty() && input == law_.inputs[0];
  if (const auto column = said(input); !column.empty()) return column;
  return first ? said("x") : "";
}

// The column that holds an input, asked for or guessed, or "". Two inputs of a law are never guessed to be one column.
std::string Columns::column(const std::string& input) const {
  if (const auto said = asked(input); !said.empty()) return said;
  Names others;
  for (const auto& [other, its] : taken_) {
    if (other == input) return its;
    if (has_input(law_, input)) others.push_back(its);
  }
  const bool standard = std::find(kInputs.begin(), kInputs.end(), input) != kInputs.end();
  if (!standard) return table_.has(input) ? input : "";
  Names usual = usual_names(input, has_input(law_, "V"));
  if (input == "m" && !has_input(law_, "m")) std::erase(usual, "x");  // of a rival law: x may be anything
  return usual_column(table_, usual, others);
}

std::optional<Source> Columns::find(const std::string& input) const {
  if (const auto name = column(input); !name.empty()) return Source{name, {name}, nullptr, asked(input).empty()};
  return input == "D" ? tokens() : std::nullopt;
}

std::optional<Source> Columns::tokens() const {
  for (const Rule& rule : kTokenRules) {
    Source out{rule.text, {}, rule.value, true};
    Names parts;
    const bool of_vocabulary = rule.inputs.size() == 4;
    if (of_vocabulary && !(has_input(law_, "V") && has_input(law_, "d"))) continue;
    for (const auto& input : rule.inputs) {
      const auto name = column(input);
      if (name.empty()) break;
      out.columns.push_back(name);
      parts.push_back(fmt::format("{} is column {}", input, name));
    }
    if (parts.size() < rule.inputs.size()) continue;
    out.note = fmt::format("D is {}, {}: no column of tokens; {}", rule.text, rule.because, fmt::join(parts, ", "));
    return out;
  }
  return std::nullopt;
}

Source Columns::of_law(const std::string& input) const {
  if (auto out = find(input)) return *std::move(out);
  if (std::find(kInputs.begin(), kInputs.end(), input) == kInputs.end()) {
    throw Error(ErrorKind::usage, fmt::format("no column {}{}", input, suggestion(input, table_.names)));
  }
  fail_which(table_, input, usual_names(input, has_input(law_, "V")),
             input == "D" ? ", nor are there C and N for D = C/(6·N)" : "");
}

std::string Columns::y() const {
  if (!selection_.y.empty()) {
    table_.strings(selection_.y);
    return selection_.y;
  }
  const auto name = usual_column(table_, kUsual.at("y"), {});
  if (name.empty()) fail_which(table_, "y", kUsual.at("y"), "");
  return name;
}

std::map<std::string, std::string> Columns::aliases() const {
  std::map<std::string, std::string> out;
  for (const auto& input : kInputs) {
    if (const auto name = column(input); !name.empty()) out[input] = name;
  }
  if (!law_.inputs.empty()) {
    if (const auto name = column(law_.inputs[0]); !name.empty()) out["x"] = name;
  }
  out["y"] = out["loss"] = y();
  return out;
}

std::vector<std::string> input_names(const Table& table, const Selection& selection) {
  Law any;
  std::vector<std::string> out = table.names;
  for (const auto& [input, column] : selection.columns) {
    any.inputs.push_back(input);
    if (!table.has(input)) out.push_back(input);
  }
  const Columns columns(table, any, selection);
  for (const auto& input : kInputs) {
    if (std::find(out.begin(), out.end(), input) == out.end() && columns.find(input)) out.push_back(input);
  }
  return out;
}

}  // namespace superpose::fit
