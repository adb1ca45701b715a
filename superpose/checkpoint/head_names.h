// SPDX-License-Identifier: Apache-2.0
// What models call their head and their embedding, and what their configuration says about both.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/checkpoint/checkpoint.h"

namespace superpose::checkpoint {

// What an embedding without a head tensor is, when no config.json says.
enum class Alone { tied_head, embedding, encoder };

struct EmbeddingName {
  std::string_view name;  // the end of the tensor's name, beginning at a '.' or at its start
  std::string_view layout;
  Alone alone;
};
// The matrix with the most trusted of the known names, or nullptr; *rule becomes the rule it was found by. Only 2-D
// tensors are considered.
const TensorInfo* find_head(const std::vector<TensorInfo>& tensors);
const TensorInfo* find_embedding(const std::vector<TensorInfo>& tensors, const EmbeddingName** rule);

// The fields of config.json, or of the header of a file that says as much, that say what the head is. A field of the
// wrong type counts as absent and is reported.
struct ModelConfig {
  bool present = false;
  std::string_view source;  // what messages call it: "config.json"
  std::string model_type;
  std::string architecture;      // the first of `architectures`
  std::optional<bool> tied;      // tie_word_embeddings
  bool tied_is_default = false;  // the field is absent and model_type has a known default
  std::optional<uint64_t> vocab_rows;
  std::optional<uint64_t> width;  // columns the token matrix should have
  std::string width_field;        // where width comes from: hidden_size, n_embd, word_embed_proj_dim, ...
  std::string projection;         // "word_embed_proj_dim 16 below hidden_size 32" when they differ
  std::vector<std::string> warnings;
};
ModelConfig read_model_config(const Json& config, std::string_view source);

bool is_encoder_type(std::string_view model_type);      // bert, roberta, ...: no head that predicts the next token
bool is_language_model(std::string_view architecture);  // ...ForCausalLM, ...LMHeadModel, ...

}  // namespace superpose::checkpoint
