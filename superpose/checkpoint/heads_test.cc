// SPDX-License-Identifier: Apache-2.0
// Which tensor is the head: made-up models of every layout, contradictions, and the real tiny models when present.
#include <gtest/gtest.h>

#include <algorithm>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "superpose/base/files.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr const char* kLlamaEmbedding = "model.embed_tokens.weight";
constexpr const char* kGpt2Embedding = "transformer.wte.weight";

void expect_head(const Checkpoint& model, std::string_view tensor, std::string_view role, bool tied) {
  const auto roles = resolve_heads(model);
  ASSERT_FALSE(roles.empty());
  EXPECT_EQ(roles[0].tensor->name, tensor) << roles[0].evidence;
  EXPECT_EQ(roles[0].role, role) << roles[0].evidence;
  EXPECT_EQ(roles[0].tied, tied) << roles[0].evidence;
}

bool warns(const Role& role, std::string_view fragment) {
  const auto has = [&](const std::string& text) { return text.find(fragment) != std::string::npos; };
  return std::any_of(role.warnings.begin(), role.warnings.end(), has) ||
         std::any_of(role.notes.begin(), role.notes.end(), has);
}

TEST(Heads, of_every_layout_with_its_config) {
  struct Layout {
    std::string_view name;
    Json config;
    std::vector<ModelTensor> tensors;
    std::string_view head;
    std::string_view role;
    bool tied;
  };
  const std::vector<uint64_t> nm{7, 4}, mm{4, 4};
  const std::vector<Layout> layouts{
      {"llama",
       {{"model_type", "llama"}, {"tie_word_embeddings", false}, {"vocab_size", 7}, {"hidden_size", 4}},
       {{kLlamaEmbedding, nm}, {"model.layers.0.q.weight", mm}, {"lm_head.weight", nm}},
       "lm_head.weight",
       "lm_head",
       false},
      {"qwen2 tied",
       {{"model_type", "qwen2"}, {"tie_word_embeddings", true}, {"vocab_size", 7}},
       {{kLlamaEmbedding, nm}, {"model.layers.0.q.weight", mm}},
       kLlamaEmbedding,
       "lm_head",
       true},
      {"gpt2",
       {{"model_type", "gpt2"}, {"vocab_size", 7}, {"n_embd", 4}},
       {{kGpt2Embedding, nm}, {"transformer.wpe.weight", {5, 4}}},
       kGpt2Embedding,
       "lm_head",
       true},
      {"gpt2 without prefix",
       {{"model_type", "gpt2"}, {"architectures", {"GPT2LMHeadModel"}}},
       {{"wte.weight", nm}, {"wpe.weight", {5, 4}}},
       "wte.weight",
       "lm_head",
       true},
      {"gpt_neox",
       {{"model_type", "gpt_neox"}},
       {{"gpt_neox.embed_in.weight", nm}, {"embed_out.weight", nm}},
       "embed_out.weight",
       "lm_head",
       false},
      {"opt",
       {{"model_type", "opt"}, {"word_embed_proj_dim", 4}, {"hidden_size", 4}},
       {{"model.decoder.embed_positions.weight", {9, 4}}, {"model.decoder.embed_tokens.weight", nm}},
       "model.decoder.embed_tokens.weight",
       "lm_head",
       true},
      {"bert",
       {{"model_type", "bert"}, {"hidden_size", 4}, {"vocab_size", 7}},
       {{"embeddings.word_embeddings.weight", nm}, {"embeddings.position_embeddings.weight", {5, 4}}},
       "embeddings.word_embeddings.weight",
       "embedding",
       false},
      {"bert with prefix and tie",
       {{"model_type", "bert"}, {"tie_word_embeddings", true}},
       {{"bert.embeddings.word_embeddings.weight", nm}},
       "bert.embeddings.word_embeddings.weight",
       "embedding",
       false},
      {"t5",
       {{"model_type", "t5"}},
       {{"decoder.embed_tokens.weight", nm}, {"encoder.embed_tokens.weight", nm}, {"shared.weight", nm}},
       "shared.weight",
       "lm_head",
       true},
      {"multimodal",
       {{"model_type", "qwen2_vl"}, {"tie_word_embeddings", false}, {"text_config", {{"vocab_size", 7}}}},
       {{"model.language_model.embed_tokens.weight", nm}, {"model.language_model.lm_head.weight", nm}},
       "model.language_model.lm_head.weight",
       "lm_head",
       false},
      {"inner copies",
       {{"model_type", "deepseek_v3"}},
       {{"model.layers.61.embed_tokens.weight", nm}, {kLlamaEmbedding, nm}, {"lm_head.weight", nm}},
       "lm_head.weight",
       "lm_head",
       false},
      {"base model",
       {{"model_type", "gpt2"}, {"architectures", {"GPT2Model"}}},
       {{"wte.weight", nm}},
       "wte.weight",
       "embedding",
       false},
  };
  for (const auto& layout : layouts) {
    SCOPED_TRACE(layout.name);
    const auto model = open_model(layout.tensors, layout.config);
    expect_head(model, layout.head, layout.role, layout.tied);
    const auto role = resolve_heads(model)[0];
    EXPECT_TRUE(role.warnings.empty()) << role.warnings[0];
    EXPECT_NE(role.evidence.find("config.json"), std::string::npos) << role.evidence;
  }
}

TEST(Heads, an_untied_model_has_the_embedding_second) {
  const auto model =
      open_model({{kLlamaEmbedding, {7, 4}}, {"lm_head.weight", {7, 4}}}, {{"tie_word_embeddings", false}});
  const auto roles = resolve_heads(model);
  ASSERT_EQ(roles.size(), 2u);
  EXPECT_EQ(roles[1].tensor->name, kLlamaEmbedding);
  EXPECT_EQ(roles[1].role, "embedding");
}

TEST(Heads, a_projected_head_is_narrower_than_the_hidden_states) {
  const Json config{{"model_type", "opt"}, {"word_embed_proj_dim", 2}, {"hidden_size", 4}, {"vocab_size", 7}};
  const auto model = open_model({{"model.decoder.embed_tokens.weight", {7, 2}},
                                 {"model.decoder.project_in.weight", {4, 2}},
                                 {"model.decoder.project_out.weight", {2, 4}}},
                                config);
  expect_head(model, "model.decoder.embed_tokens.weight", "lm_head", true);
  const auto role = resolve_heads(model)[0];
  EXPECT_TRUE(role.warnings.empty());
  EXPECT_NE(role.evidence.find("word_embed_proj_dim 2, hidden_size 4"), std::string::npos) << role.evidence;
}

TEST(Heads, the_file_wins_over_config_and_the_contradiction_is_a_warning) {
  const Json tied{{"tie_word_embeddings", true}}, untied{{"tie_word_embeddings", false}};
  const ModelTensor embedding{kLlamaEmbedding, {7, 4}};

  const auto other_values = open_model({embedding, {"lm_head.weight", {7, 4}}}, tied);
  expect_head(other_values, "lm_head.weight", "lm_head", false);
  EXPECT_TRUE(warns(resolve_heads(other_values)[0], "tie_word_embeddings true, but \"lm_head.weight\" [7, 4] differs"));

  const auto other_shape = open_model({embedding, {"lm_head.weight", {8, 4}}}, tied);
  expect_head(other_shape, "lm_head.weight", "lm_head", false);
  EXPECT_TRUE(warns(resolve_heads(other_shape)[0], "[8, 4] differs from \"model.embed_tokens.weight\" [7, 4]"));

  const auto equal = open_model({embedding, {"lm_head.weight", {7, 4}, kLlamaEmbedding}}, tied);
  expect_head(equal, "lm_head.weight", "lm_head", true);
  EXPECT_TRUE(resolve_heads(equal)[0].warnings.empty());
  EXPECT_EQ(resolve_heads(equal).size(), 1u);

  const auto equal_untied = open_model({embedding, {"lm_head.weight", {7, 4}, kLlamaEmbedding}}, untied);
  expect_head(equal_untied, "lm_head.weight", "lm_head", true);
  EXPECT_TRUE(warns(resolve_heads(equal_untied)[0], "tie_word_embeddings false, but"));

  const auto missing = open_model({embedding}, untied);
  expect_head(missing, kLlamaEmbedding, "embedding", false);
  EXPECT_TRUE(warns(resolve_heads(missing)[0], "no tensor has the name of a head"));

  const auto only_head = open_model({{"lm_head.weight", {7, 4}}}, tied);
  expect_head(only_head, "lm_head.weight", "lm_head", true);
}

TEST(Heads, shapes_that_contradict_config_are_warnings) {
  const auto warnings_of = [](const Json& config, std::vector<uint64_t> shape) {
    return resolve_heads(open_model({{kGpt2Embedding, std::move(shape)}}, config))[0];
  };
  const Json config{{"model_type", "gpt2"}, {"vocab_size", 7}, {"n_embd", 4}};
  EXPECT_TRUE(warns(warnings_of(config, {8, 4}), "has 8 rows, config.json says vocab_size 7"));
  EXPECT_TRUE(warns(warnings_of(config, {7, 5}), "has 5 columns, config.json says n_embd 4"));
  EXPECT_TRUE(warns(warnings_of(config, {4, 7}), "tokens are columns"));
  EXPECT_TRUE(
      warns(warnings_of({{"model_type", "gpt2"}, {"vocab_size", -7}}, {7, 4}), "vocab_size is not a non-negative"));
  EXPECT_TRUE(
      warns(warnings_of({{"model_type", 5}, {"tie_word_embeddings", "yes"}}, {7, 4}), "tie_word_embeddings is not"));
}

TEST(Heads, without_config_names_decide_and_that_is_said) {
  const auto decided = [](const std::vector<ModelTensor>& tensors) {
    auto role = resolve_heads(open_model(tensors, nullptr))[0];
    EXPECT_NE(role.evidence.find("no config.json"), std::string::npos) << role.evidence;
    EXPECT_TRUE(warns(role, "no config.json"));
    role.tensor = nullptr;  // its checkpoint is gone
    return role.role + (role.tied ? " tied" : "");
  };
  EXPECT_EQ(decided({{kGpt2Embedding, {7, 4}}}), "lm_head tied");
  EXPECT_EQ(decided({{kLlamaEmbedding, {7, 4}}, {"lm_head.weight", {7, 4}}}), "lm_head");
  EXPECT_EQ(decided({{"gpt_neox.embed_in.weight", {7, 4}}}), "embedding");
  EXPECT_EQ(decided({{"embeddings.word_embeddings.weight", {7, 4}}}), "embedding");
}

TEST(Heads, unknown_names_are_decided_by_vocab_size_or_listed) {
  const std::vector<ModelTensor> tensors{{"a.kernel", {4, 4}}, {"tokens", {7, 4}}, {"big", {9, 9}}, {"v", {7}}};
  const auto model = open_model(tensors, {{"vocab_size", 7}});
  expect_head(model, "tokens", "embedding", false);
  EXPECT_TRUE(warns(resolve_heads(model)[0], "rests on vocab_size alone"));
  expect_head(open_model({{"only", {3, 2}}, {"v", {7}}}, nullptr), "only", "matrix", false);
  expect_error(ErrorKind::usage,
               "--tensor NAME. The matrices, largest first: \"big\" [9, 9], \"tokens\" [7, 4], \"a.kernel\"",
               [&] { resolve_heads(open_model(tensors, nullptr)); });
  expect_error(ErrorKind::unsupported, "none of the 2 tensors is a matrix", [] {
    resolve_heads(open_model({{"v", {3}}, {"w", {2, 2, 2}}}, nullptr));
  });
  expect_error(ErrorKind::unsupported, "has shape [3]: not a matrix", [] {
    resolve_heads(open_model({{"lm_head.weight", {3}}}, nullptr));
  });
  expect_error(ErrorKind::unsupported, "none of the 0 tensors",
               [] { resolve_heads(open_one("w.safetensors", safetensors("{}"))); });
}

TEST(Heads, toy_files_and_arrays_declare_themselves) {
  const Json metadata{{"superpose.config", "{}"}};
  expect_head(open_model({{"W", {7, 4}}, {"b", {7}}}, {{"model_type", "gpt2"}}, metadata), "W", "toy", false);
  expect_head(open_one("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", Bytes(4))), "array",
              "matrix", false);
}

TEST(Heads, a_tensor_asked_for_by_name_is_taken) {
  const auto model =
      open_model({{kLlamaEmbedding, {7, 4}}, {"lm_head.weight", {7, 4}}, {"q.weight", {4, 4}}, {"v", {3}}},
                 {{"tie_word_embeddings", false}});
  const auto head = resolve_heads(model, "lm_head.weight");
  ASSERT_EQ(head.size(), 1u);
  EXPECT_EQ(head[0].role, "lm_head");
  EXPECT_TRUE(head[0].evidence.starts_with("asked for by name"));
  EXPECT_EQ(resolve_heads(model, "q.weight")[0].role, "matrix");
  expect_error(ErrorKind::usage, "did you mean \"lm_head.weight\"", [&] { resolve_heads(model, "lm_haed.weight"); });
  expect_error(ErrorKind::usage, "largest first: \"model.embed_tokens.weight\" [7, 4]",
               [&] { resolve_heads(model, "nothing like it"); });
  expect_error(ErrorKind::unsupported, "tensor \"v\" has shape [3]: not a matrix", [&] { resolve_heads(model, "v"); });
}

// Row norms of the head against values that an independent program computed in float64.
double mean_row_norm(const Matrix<double>& W) {
  double sum = 0;
  for (size_t i = 0; i < W.rows(); ++i) {
    double square = 0;
    for (const double x : W.row(i)) square += x * x;
    sum += std::sqrt(square);
  }
  return sum / static_cast<double>(W.rows());
}

TEST(RealModels, seven_hugging_face_layouts) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
  size_t models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(data) / "tiny-hf")) {
    SCOPED_TRACE(entry.path().string());
    const Json expected = parse_json(read_text(entry.path() / "expected.json"), "expected.json");
    const auto model = Checkpoint::open(entry.path());
    const auto roles = resolve_heads(model);
    EXPECT_EQ(roles[0].role, "lm_head");
    EXPECT_EQ(roles[0].tied, expected["tied"].get<bool>());
    EXPECT_TRUE(roles[0].warnings.empty()) << roles[0].warnings[0];
    const auto W = model.load<double>(*roles[0].tensor);
    EXPECT_EQ(W.rows(), expected["n"].get<size_t>());
    EXPECT_EQ(W.cols(), expected["m"].get<size_t>());
    EXPECT_NEAR(mean_row_norm(W), expected["norm_mean"].get<double>(), 1e-7);
    ++models;
  }
  EXPECT_EQ(models, 7u);
}

TEST(RealModels, trained_weights_have_the_published_norms) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
  struct Known {
    const char* file;
    size_t n, m;
    bool tied;
    double norm_mean;  // from the README of the data
  };
  for (const Known& known :
       {Known{"stories260K.bin", 512, 64, true, 2.437561}, Known{"llama2xs_model.bin", 512, 64, true, 3.56031601},
        Known{"npy/stories260K_head.npy", 512, 64, false, 2.437561},
        Known{"npy/textgenrnn_default_head.npy", 465, 356, false, 18.645819},
        Known{"npy/gru02M_head.npy", 98, 96, false, 1.77557513}}) {
    SCOPED_TRACE(known.file);
    const auto file = Checkpoint::open(std::filesystem::path(data) / "weights" / known.file);
    const auto role = resolve_heads(file)[0];
    EXPECT_EQ(role.tied, known.tied);
    const auto W = file.load<double>(*role.tensor);
    EXPECT_EQ(W.rows(), known.n);
    EXPECT_EQ(W.cols(), known.m);
    EXPECT_NEAR(mean_row_norm(W), known.norm_mean, 1e-8 * known.norm_mean + 1e-8);
  }
}

}  // namespace
}  // namespace superpose::checkpoint
