// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/head_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "superpose/base/printable.h"

namespace superpose::checkpoint {
namespace {

struct HeadName {
  std::string_view name;
  bool whole;  // the whole tensor name, because inner layers end in it too
};
constexpr HeadName kHeads[] = {
    {"lm_head.weight", false},       // Llama, Qwen2, OPT, GPT-2, T5, ...
    {"embed_out.weight", false},     // GPT-NeoX, Pythia
    {"output_layer.weight", false},  // ChatGLM
    {"output.weight", true},         // Llama in Meta's names, llama2.c
    {"head.weight", true},           // RWKV
};

constexpr EmbeddingName kEmbeddings[] = {
    {"shared.weight", "encoder-decoder", Alone::tied_head},  // before embed_tokens: T5 and BART keep copies there
    {"model.embed_tokens.weight", "Llama/Qwen2", Alone::tied_head},
    {"decoder.embed_tokens.weight", "OPT", Alone::tied_head},
    {"language_model.embed_tokens.weight", "multimodal Llama/Qwen2", Alone::tied_head},
    {"wte.weight", "GPT-2", Alone::tied_head},
    {"embed_in.weight", "GPT-NeoX", Alone::embedding},
    {"tok_embeddings.weight", "Llama in Meta's names", Alone::tied_head},
    {"embeddings.word_embeddings.weight", "BERT", Alone::encoder},
    {"word_embeddings.weight", "BLOOM/Falcon", Alone::tied_head},
    {"embed_tokens.weight", "base model without a head", Alone::embedding},
    {"backbone.embeddings.weight", "Mamba", Alone::tied_head},
    {"emb.weight", "RWKV", Alone::embedding},
    {"token_embd.weight", "GGUF", Alone::tied_head},
};

bool ends_at_dot(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return false;
  return name.size() == end.size() || name[name.size() - end.size() - 1] == '.';
}

// Of several tensors with a known name the shortest: inner copies ("model.layers.61.embed_tokens.weight") are longer.
template <class Matches>
const TensorInfo* shortest(const std::vector<TensorInfo>& tensors, const Matches& matches) {
  const TensorInfo* best = nullptr;
  for (const auto& tensor : tensors) {
    if (tensor.shape.size() != 2 || !matches(tensor.name)) continue;
    if (!best || tensor.name.size() < best->name.size()) best = &tensor;
  }
  return best;
}

struct TieDefault {
  std::string_view model_type;
  bool tied;
};
// tie_word_embeddings when config.json leaves it out: the defaults of the configuration classes in transformers 4 and 5
// (older files omit fields that have their default value). Model types that are not listed have no default here.
constexpr TieDefault kTieDefaults[] = {
    {"bloom", true},     {"codegen", false},   {"cohere", true}, {"deepseek_v2", false}, {"deepseek_v3", false},
    {"falcon", true},    {"gemma", true},      {"gemma2", true}, {"gpt2", true},         {"gpt_bigcode", true},
    {"gpt_neo", true},   {"gpt_neox", false},  {"gptj", false},  {"llama", false},       {"mistral", false},
    {"mixtral", false},  {"mpt", true},        {"olmo", false},  {"olmo2", false},       {"opt", true},
    {"phi", false},      {"phi3", false},      {"qwen2", false}, {"qwen2_moe", false},   {"qwen3", false},
    {"stablelm", false}, {"starcoder2", true}, {"t5", true},     {"whisper", true},
};

// By model_type of config.json and by general.architecture of GGUF.
constexpr std::string_view kEncoders[] = {
    "albert",       "bert",           "camembert",   "deberta",    "deberta-v2",      "distilbert",
    "electra",      "ernie",          "esm",         "eurobert",   "gemma-embedding", "jina-bert-v2",
    "jina-bert-v3", "llama-embed",    "modern-bert", "modernbert", "mpnet",           "neo-bert",
    "nomic-bert",   "nomic-bert-moe", "nomic_bert",  "roberta",    "t5encoder",       "xlm-roberta"};

// Fields that hold the number of columns of the token matrix, the most specific first.
constexpr std::string_view kWidthFields[] = {
    "word_embed_proj_dim", "embedding_size", "hidden_size", "n_embd", "d_model", "dim"};

class FieldReader {
 public:
  FieldReader(const Json& config, std::vector<std::string>& warnings) : warnings_(warnings) {
    if (config.is_object()) levels_[0] = &config;
    // Multimodal models keep the language model's fields one level down.
    for (const char* inner : {"text_config", "llm_config", "language_config"}) {
      if (levels_[0] && levels_[0]->contains(inner) && levels_[0]->at(inner).is_object()) {
        levels_[1] = &levels_[0]->at(inner);
        break;
      }
    }
  }

  std::optional<uint64_t> count(std::string_view name) {
    const Json* field = find(name);
    if (!field) return {};
    if (field->is_number_unsigned()) return field->get<uint64_t>();
    return wrong(name, "a non-negative integer"), std::nullopt;
  }
  std::optional<bool> boolean(std::string_view name) {
    const Json* field = find(name);
    if (!field) return {};
    if (field->is_boolean()) return field->get<bool>();
    return wrong(name, "true or false"), std::nullopt;
  }
  std::string text(std::string_view name) {
    const Json* field = find(name);
    if (field && field->is_array() && !field->empty()) field = &field->front();
    if (!field) return "";
    if (field->is_string()) return field->get<std::string>();
    return wrong(name, "a string"), "";
  }

 private:
  const Json* find(std::string_view name) const {
    for (const Json* level : levels_) {
      if (!level) continue;
      const auto field = level->find(std::string(name));
      if (field != level->end() && !field->is_null()) return &*field;
    }
    return nullptr;
  }
  void wrong(std::string_view name, std::string_view expected) {
    warnings_.push_back(fmt::format("config.json: {} is not {} and was ignored", name, expected));
  }

  std::array<const Json*, 2> levels_{};
  std::vector<std::string>& warnings_;
};

}  // namespace

const TensorInfo* find_head(const std::vector<TensorInfo>& tensors) {
  for (const auto& head : kHeads) {
    const auto matches = [&](std::string_view name) {
      return head.whole ? name == head.name : ends_at_dot(name, head.name);
    };
    if (const TensorInfo* found = shortest(tensors, matches)) return found;
  }
  return nullptr;
}

const TensorInfo* find_embedding(const std::vector<TensorInfo>& tensors, const EmbeddingName** rule) {
  for (const auto& embedding : kEmbeddings) {
    const auto matches = [&](std::string_view name) { return ends_at_dot(name, embedding.name); };
    if (const TensorInfo* found = shortest(tensors, matches)) {
      *rule = &embedding;
      return found;
    }
  }
  *rule = nullptr;
  return nullptr;
}

ModelConfig read_model_config(const Json& config, std::string_view source) {
  ModelConfig out;
  out.source = source;
  out.present = config.is_object();
  FieldReader fields(config, out.warnings);
  out.model_type = fields.text("model_type");
  out.architecture = fields.text("architectures");
  out.tied = fields.boolean("tie_word_embeddings");
  if (!out.tied) {
    for (const auto& entry : kTieDefaults) {
      if (entry.model_type == out.model_type) out.tied = entry.tied, out.tied_is_default = true;
    }
  }
  out.vocab_rows = fields.count("vocab_size");
  for (const auto field : kWidthFields) {
    out.width = fields.count(field);
    out.width_field = field;
    if (out.width) break;
  }
  if (out.width && out.width_field == "word_embed_proj_dim") {
    const auto hidden = fields.count("hidden_size");
    if (hidden && *hidden != *out.width) {
      out.projection = fmt::format("word_embed_proj_dim {}, hidden_size {}", *out.width, *hidden);
    }
  }
  return out;
}

bool is_encoder_type(std::string_view model_type) {
  return std::find(std::begin(kEncoders), std::end(kEncoders), model_type) != std::end(kEncoders);
}

bool is_language_model(std::string_view architecture) {
  for (const std::string_view part : {"ForCausalLM", "LMHead", "ForConditionalGeneration"}) {
    if (architecture.find(part) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace superpose::checkpoint
