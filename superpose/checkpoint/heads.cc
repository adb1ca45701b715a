// SPDX-License-Identifier: Apache-2.0
// Which matrix of a checkpoint is the head. Three sources, in this order: what the file itself declares (a toy run, a
// llama2.c header, a lone array), config.json together with the names of the tensors, the names alone. What config
// says is never believed against the tensors that are there: the file wins and the contradiction becomes a warning.
#include <fmt/format.h>

#include <algorithm>

#include "superpose/base/error.h"
#include "superpose/base/names.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/head_names.h"

namespace superpose::checkpoint {
namespace {

using Roles = std::vector<Role>;

std::vector<const TensorInfo*> matrices_largest_first(const Checkpoint& checkpoint) {
  std::vector<const TensorInfo*> out;
  for (const auto& tensor : checkpoint.tensors()) {
    if (tensor.shape.size() == 2) out.push_back(&tensor);
  }
  // The product cannot wrap: validate() has seen it.
  std::stable_sort(out.begin(), out.end(),
                   [](auto a, auto b) { return a->shape[0] * a->shape[1] > b->shape[0] * b->shape[1]; });
  return out;
}

std::string listed(const std::vector<const TensorInfo*>& matrices) {
  constexpr size_t kShown = 10;
  std::string out;
  for (size_t i = 0; i < std::min(kShown, matrices.size()); ++i) {
    out += fmt::format("{}{} {}", i ? ", " : "", printable(matrices[i]->name), shape_text(matrices[i]->shape));
  }
  if (matrices.size() > kShown) out += fmt::format(" and {} more", matrices.size() - kShown);
  return out;
}

// Rows and columns against what config.json promises.
void compare_shape(const ModelConfig& config, Role& role) {
  const auto& shape = role.tensor->shape;
  const std::string name = printable(role.tensor->name);
  if (config.vocab_rows && config.width && shape[0] == *config.width && shape[1] == *config.vocab_rows &&
      shape[0] != shape[1]) {
    role.warnings.push_back(fmt::format("{} is {}: {} rows and vocab_size columns, so tokens are columns here", name,
                                        shape_text(shape), config.width_field));
    return;
  }
  if (config.vocab_rows && shape[0] != *config.vocab_rows) {
    role.warnings.push_back(
        fmt::format("{} has {} rows, {} says vocab_size {}", name, shape[0], config.source, *config.vocab_rows));
  }
  if (config.width && shape[1] != *config.width) {
    role.warnings.push_back(fmt::format("{} has {} columns, {} says {} {}", name, shape[1], config.source,
                                        config.width_field, *config.width));
  }
}

// What the configuration says, as the beginning of an evidence sentence.
std::string says(const ModelConfig& config) {
  if (!config.present) return fmt::format("no {}, decided from names alone", config.source);
  std::string out = fmt::format("{}:", config.source);
  if (!config.model_type.empty()) out += fmt::format(" model_type {},", printable(config.model_type));
  if (!config.tied) return out + " nothing about tie_word_embeddings";
  out += fmt::format(" tie_word_embeddings {}", *config.tied);
  return out + (config.tied_is_default ? " (the default of this model type)" : "");
}

// The head tensor is in the file.
Roles with_head(const Checkpoint& checkpoint, const ModelConfig& config, const TensorInfo& head,
                const TensorInfo* embedding) {
  Role role{&head, "lm_head", false, "", {}, {}};
  const std::string start = fmt::format("{}; the file has {}", says(config), printable(head.name));
  if (!embedding) {
    for (const TensorInfo& other : checkpoint.tensors()) {
      if (&other == &head || other.shape != head.shape || !checkpoint.same_values(head, other)) continue;
      role.tied = true;
      role.evidence = fmt::format("{} and {}, which holds the same values: it is the embedding under an unusual name",
                                  start, printable(other.name));
      return {role};
    }
    role.tied = config.tied.value_or(false);
    role.evidence = start + (role.tied ? " and no embedding apart from it, so one matrix is both"
                                       : " and no embedding with a known name");
    return {role};
  }
  if (checkpoint.same_values(head, *embedding)) {
    role.tied = true;
    role.evidence = fmt::format("{} and {}, which hold the same values", start, printable(embedding->name));
    if (config.tied == false) {
      role.warnings.push_back(fmt::format("{} says tie_word_embeddings false{}, but {} and {} are equal", config.source,
                                          config.tied_is_default ? " by default" : "", printable(head.name),
                                          printable(embedding->name)));
    }
    return {role};
  }
  role.evidence =
      fmt::format("{} beside {}, and they differ: the head has values of its own", start, printable(embedding->name));
  if (config.tied == true) {
    role.warnings.push_back(
        fmt::format("{} says tie_word_embeddings true{}, but {} {} differs from {} {}; the tensor in the file was used",
                    config.source, config.tied_is_default ? " by default" : "", printable(head.name),
                    shape_text(head.shape), printable(embedding->name), shape_text(embedding->shape)));
  }
  Role second{embedding, "embedding", false, fmt::format("the input embedding beside {}", printable(head.name)),
              {},        {}};
  return {role, second};
}

// Only an embedding is in the file: it is the head too, or the head is missing, or there never was one.
Role without_head(const ModelConfig& config, const TensorInfo& embedding, const EmbeddingName& rule) {
  Role role{&embedding, "embedding", false, "", {}, {}};
  const std::string name = printable(embedding.name);
  const std::string start =
      fmt::format("{}; the file has {} ({} layout) and no head tensor", says(config), name, rule.layout);
  if (is_encoder_type(config.model_type) || rule.alone == Alone::encoder) {
    role.evidence = fmt::format("{}; {} has {}: an encoder, which predicts no next token, so this is an embedding",
                                says(config), config.present ? "the file" : "it", name);
    return role;
  }
  const bool base_model = !config.architecture.empty() && !is_language_model(config.architecture);
  if (base_model) {
    role.evidence = fmt::format("{}; architecture {} has none", start, printable(config.architecture));
    return role;
  }
  role.tied = config.tied.value_or(rule.alone == Alone::tied_head);
  if (role.tied) {
    role.role = "lm_head";
    role.evidence = start + (config.tied ? ", so the embedding is the head" : ", which this layout saves when tied");
  } else {
    role.evidence = start + ", so this is only the embedding";
    if (config.tied == false) {
      role.warnings.push_back(fmt::format(
          "{} says tie_word_embeddings false{}, but no tensor has the name of a head; the embedding was used",
          config.source, config.tied_is_default ? " by default" : ""));
    }
  }
  return role;
}

// No known name: the one matrix with vocab_size rows, or the only matrix there is.
std::optional<Role> by_shape(const ModelConfig& config, const std::vector<const TensorInfo*>& matrices) {
  std::vector<const TensorInfo*> tall;
  for (const auto* matrix : matrices) {
    if (config.vocab_rows && matrix->shape[0] == *config.vocab_rows) tall.push_back(matrix);
  }
  if (tall.size() == 1) {
    const bool tied = config.tied.value_or(false);
    return Role{tall[0],
                tied ? "lm_head" : "embedding",
                tied,
                fmt::format("{}; no tensor has a known name, {} is the only matrix with vocab_size {} rows",
                            says(config), printable(tall[0]->name), *config.vocab_rows),
                {},
                {"no tensor has a known name: the choice rests on vocab_size alone"}};
  }
  if (matrices.size() == 1) {
    return Role{matrices[0],
                "matrix",
                false,
                fmt::format("{}; {} is the only matrix", says(config), printable(matrices[0]->name)),
                {}};
  }
  return {};
}

// What the file itself declares.
std::optional<Role> declared(const Checkpoint& checkpoint) {
  const auto matrix = [&](std::string_view name) {
    const TensorInfo* tensor = checkpoint.find(name);
    return tensor && tensor->shape.size() == 2 ? tensor : nullptr;
  };
  if (checkpoint.format() == "npy") {
    if (const auto* array = matrix("array")) return Role{array, "matrix", false, "the array of a .npy file", {}, {}};
  }
  if (checkpoint.format() == "llama2.c") {
    const bool tied = checkpoint.config().value("shared_classifier", false);
    return Role{matrix(tied ? "tok_embeddings.weight" : "output.weight"),
                "lm_head",
                tied,
                fmt::format("llama2.c header: {}, so the classifier {}",
                            checkpoint.config().value("version", 0) > 0
                                ? fmt::format("shared_classifier is {:d}", tied)
                                : fmt::format("vocab_size is {}", tied ? "positive" : "negative"),
                            tied ? "is the embedding" : "has weights of its own"),
                {}};
  }
  if (checkpoint.metadata().contains("superpose.config")) {
    if (const auto* W = matrix("W")) {
      return Role{W, "toy", false, "tensor W and superpose.config in __metadata__: a toy run", {}, {}};
    }
  }
  return {};
}

Roles automatic(const Checkpoint& checkpoint) {
  if (auto role = declared(checkpoint)) {
    Roles out{*role};
    if (role->tensor->name == "output.weight") {
      out.push_back({checkpoint.find("tok_embeddings.weight"), "embedding", false, "the input embedding", {}, {}});
    }
    return out;
  }
  const ModelConfig config =
      read_model_config(checkpoint.config(), checkpoint.format() == "gguf" ? "GGUF metadata" : "config.json");
  const EmbeddingName* rule = nullptr;
  const TensorInfo* head = find_head(checkpoint.tensors());
  const TensorInfo* embedding = find_embedding(checkpoint.tensors(), &rule);
  Roles out;
  if (head) {
    out = with_head(checkpoint, config, *head, embedding);
  } else if (embedding) {
    out = {without_head(config, *embedding, *rule)};
  } else if (auto role = by_shape(config, matrices_largest_first(checkpoint))) {
    out = {*role};
  }
  for (auto& role : out) compare_shape(config, role);
  if (!out.empty()) {
    if (!config.projection.empty()) {
      out[0].evidence +=
          fmt::format("; {}: a projection stands between the hidden states and this matrix", config.projection);
    }
    auto& warnings = out[0].warnings;
    warnings.insert(warnings.begin(), config.warnings.begin(), config.warnings.end());
    if (!config.present && out[0].role != "matrix") {
      out[0].notes.push_back(
          fmt::format("no {}: whether the head is tied was decided from the names of the tensors", config.source));
    }
  }
  return out;
}

Role chosen(const Checkpoint& checkpoint, std::string_view name) {
  const TensorInfo* tensor = checkpoint.find(name);
  if (!tensor) {
    const auto matrices = matrices_largest_first(checkpoint);
    std::vector<std::string> known;
    for (const auto* matrix : matrices) known.push_back(matrix->name);
    std::string hint = nearest_name(name, known);
    hint = hint.empty() ? fmt::format("; the matrices, largest first: {}", listed(matrices))
                        : fmt::format(" (did you mean {}?)", printable(hint));
    throw Error(ErrorKind::usage, fmt::format("no tensor is called {}{}", printable(name), hint));
  }
  if (tensor->shape.size() != 2) {
    throw Error(ErrorKind::unsupported,
                fmt::format("tensor {} has shape {}: not a matrix", printable(name), shape_text(tensor->shape)));
  }
  for (auto& role : automatic(checkpoint)) {
    if (role.tensor != tensor) continue;
    role.evidence = "asked for by name; " + role.evidence;
    return role;
  }
  return {tensor, "matrix", false, "asked for by name", {}, {}};
}

}  // namespace

std::vector<Role> resolve_heads(const Checkpoint& checkpoint, std::optional<std::string_view> tensor_name) {
  if (tensor_name) return {chosen(checkpoint, *tensor_name)};
  Roles out = automatic(checkpoint);
  if (!out.empty()) return out;
  const auto matrices = matrices_largest_first(checkpoint);
  if (!matrices.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("no tensor has the name of a head or an embedding; choose one with --tensor NAME. The "
                            "matrices, largest first: {}",
                            listed(matrices)));
  }
  if (checkpoint.tensors().size() == 1) {
    const auto& only = checkpoint.tensors()[0];
    throw Error(ErrorKind::unsupported,
                fmt::format("tensor {} has shape {}: not a matrix", printable(only.name), shape_text(only.shape)));
  }
  throw Error(ErrorKind::unsupported, fmt::format("none of the {} tensors is a matrix", checkpoint.tensors().size()));
}

}  // namespace superpose::checkpoint
