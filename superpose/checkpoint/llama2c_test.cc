// SPDX-License-Identifier: Apache-2.0
// Versions 1 and 2 of llama2.c's format, against a writer that follows export.py line by line.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "superpose/checkpoint/damage.h"

namespace superpose::checkpoint {
namespace {

struct Model {
  int32_t dim = 4, hidden_dim = 6, n_layers = 2, n_heads = 2, n_kv_heads = 1, vocab_size = 5, seq_len = 3;
  uint8_t shared = 1;
  int32_t group = 2;
};

struct Weight {
  std::string name;
  std::vector<float> values;
};

// serialize_*: the norms, then the matrices, in the order of version1_export; every value differs from every other.
std::vector<Weight> weights_of(const Model& p, bool norms) {
  std::vector<Weight> out;
  float next = norms ? 100.0f : 1.0f;
  const auto add = [&](const std::string& name, int count) {
    Weight w{name, {}};
    for (int k = 0; k < count; ++k, next += 1) w.values.push_back(k % 2 ? -next / 64 : next / 64);
    out.push_back(w);
  };
  const auto layers = [&](const std::string& name, int count) {
    for (int i = 0; i < p.n_layers; ++i) add("layers." + std::to_string(i) + "." + name + ".weight", count);
  };
  const int kv_dim = p.dim / p.n_heads * p.n_kv_heads;
  if (norms) {
    layers("attention_norm", p.dim);
    layers("ffn_norm", p.dim);
    add("norm.weight", p.dim);
    return out;
  }
  add("tok_embeddings.weight", p.vocab_size * p.dim);
  layers("attention.wq", p.dim * p.dim);
  layers("attention.wk", kv_dim * p.dim);
  layers("attention.wv", kv_dim * p.dim);
  layers("attention.wo", p.dim * p.dim);
  layers("feed_forward.w1", p.hidden_dim * p.dim);
  layers("feed_forward.w2", p.dim * p.hidden_dim);
  layers("feed_forward.w3", p.hidden_dim * p.dim);
  if (!p.shared) add("output.weight", p.vocab_size * p.dim);
  return out;
}

Bytes header(const Model& p, int32_t version) {
  Bytes out;
  append(out, uint32_t{0x616b3432});
  for (const int32_t field :
       {version, p.dim, p.hidden_dim, p.n_layers, p.n_heads, p.n_kv_heads, p.vocab_size, p.seq_len}) {
    append(out, field);
  }
  append(out, p.shared);
  if (version == 2) append(out, p.group);
  out.resize(256);
  return out;
}

Bytes version1(const Model& p) {
  Bytes out = header(p, 1);
  for (const bool norms : {true, false}) {
    for (const auto& weight : weights_of(p, norms)) append(out, as_text(bytes_of(weight.values)));
  }
  return out;
}

struct Quantised {
  std::vector<int8_t> q;
  std::vector<float> scales, values;  // values: what runq.c's dequantize() gives
};
// quantize_q80
Quantised quantise(const std::vector<float>& w, size_t group) {
  Quantised out;
  for (size_t begin = 0; begin < w.size(); begin += group) {
    float largest = 0;
    for (size_t k = begin; k < begin + group; ++k) largest = std::max(largest, std::abs(w[k]));
    const float scale = largest / 127.0f;
    out.scales.push_back(scale);
    for (size_t k = begin; k < begin + group; ++k) {
      out.q.push_back(static_cast<int8_t>(std::nearbyint(w[k] / scale)));
      out.values.push_back(static_cast<float>(out.q.back()) * scale);
    }
  }
  return out;
}

Bytes version2(const Model& p, bool scales_at_end = false) {
  Bytes out = header(p, 2), scales;
  for (const auto& weight : weights_of(p, true)) append(out, as_text(bytes_of(weight.values)));
  for (const auto& weight : weights_of(p, false)) {
    const Quantised made = quantise(weight.values, static_cast<size_t>(p.group));
    append(out, as_text(bytes_of(made.q)));
    append(scales_at_end ? scales : out, as_text(bytes_of(made.scales)));
  }
  append(out, as_text(scales));
  return out;
}

std::vector<float> values(const Checkpoint& file, const std::string& name) {
  const TensorInfo* found = file.find(name);
  if (!found) {
    ADD_FAILURE() << name << " is not there";
    return {};
  }
  const auto W = file.load<float>(*found);
  return {W.data(), W.data() + W.rows() * W.cols()};
}

void expect_roles(const Checkpoint& file, bool shared) {
  const auto roles = resolve_heads(file);
  EXPECT_EQ(roles[0].tensor->name, shared ? "tok_embeddings.weight" : "output.weight");
  EXPECT_EQ(roles[0].tied, shared);
  EXPECT_NE(roles[0].evidence.find(shared ? "shared_classifier is 1" : "shared_classifier is 0"), std::string::npos);
  EXPECT_EQ(file.config()["shared_classifier"], shared);
}

TEST(Llama2cVersion1, every_matrix_has_its_values) {
  for (const uint8_t shared : {uint8_t{0}, uint8_t{1}}) {
    const Model p{.shared = shared};
    const auto file = open_one("model.bin", version1(p));
    EXPECT_EQ(file.format(), "llama2.c");
    EXPECT_EQ(file.config()["version"], 1);
    size_t matrices = 0;
    for (const auto& weight : weights_of(p, false)) {
      EXPECT_EQ(values(file, weight.name), weight.values) << weight.name;
      ++matrices;
    }
    EXPECT_EQ(file.tensors().size(), matrices + 5);
    EXPECT_EQ(file.find("tok_embeddings.weight")->shape, (std::vector<uint64_t>{5, 4}));
    EXPECT_EQ(file.find("layers.1.attention.wk.weight")->shape, (std::vector<uint64_t>{2, 4}));
    EXPECT_EQ(file.find("layers.1.feed_forward.w2.weight")->shape, (std::vector<uint64_t>{4, 6}));
    expect_roles(file, shared == 1);
  }
}

TEST(Llama2cVersion2, every_matrix_has_the_values_that_runq_computes) {
  for (const int32_t group : {1, 2, 4}) {
    const Model p{.shared = uint8_t(group == 2), .group = group};
    const auto file = open_one("model.bin", version2(p));
    EXPECT_EQ(file.config()["version"], 2);
    for (const auto& weight : weights_of(p, false)) {
      EXPECT_EQ(values(file, weight.name), quantise(weight.values, static_cast<size_t>(group)).values) << weight.name;
    }
    EXPECT_EQ(file.find("layers.0.attention_norm.weight")->file, 0u);
    EXPECT_EQ(file.find("norm.weight")->end - file.find("norm.weight")->begin, 16u);
    expect_roles(file, p.shared == 1);
  }
}

// Rows are made when they are read: any range of them, and no more bytes than it needs.
TEST(Llama2cVersion2, reads_only_what_is_asked_for) {
  const Model p{.dim = 8, .vocab_size = 100, .group = 4};
  const auto file = open_one("model.bin", version2(p));
  const TensorInfo& head = *file.find("tok_embeddings.weight");
  const auto all = file.load<float>(head);
  const auto again = open_one("model.bin", version2(p));
  const uint64_t before = again.bytes_read();
  std::vector<float> two(16);
  again.rows(*again.find("tok_embeddings.weight"))->read(97, 2, two.data());
  EXPECT_TRUE(std::equal(two.begin(), two.end(), all.data() + 97 * 8));
  EXPECT_LE(again.bytes_read() - before, 16u + 4 * 4);
  EXPECT_EQ(file.content_hash(head), again.content_hash(*again.find("tok_embeddings.weight")));
}

TEST(Llama2cVersions, defects) {
  const auto refused = [](ErrorKind kind, std::string_view fragment, const Bytes& bytes) {
    expect_error(kind, fragment, [&] { open_one("model.bin", bytes); });
  };
  Bytes cut = header({}, 1);
  cut.resize(100);
  Bytes longer = version1({});
  longer.push_back(std::byte{0});
  refused(ErrorKind::bad_file, "it asks for", longer);
  refused(ErrorKind::bad_file, "shared_classifier is 2", version1({.shared = 2}));
  refused(ErrorKind::bad_file, "group_size is 0", header({.group = 0}, 2));
  refused(ErrorKind::bad_file, "vocab_size is -5", header({.vocab_size = -5}, 1));
  refused(ErrorKind::bad_file, "no multiple of the group size 3", header({.group = 3}, 2));
  refused(ErrorKind::bad_file, "header at byte", cut);
  refused(ErrorKind::unsupported, "version 3", header({}, 3));
  refused(ErrorKind::bad_file, "overflows 64 bits",
          header({.dim = 2'000'000'000, .hidden_dim = 2'000'000'000, .vocab_size = 2'000'000'000}, 2));
}

TEST(Llama2cVersion2, scales_at_the_end_of_the_file_are_noticed) {
  const Model p{.dim = 8, .vocab_size = 100, .group = 4};
  EXPECT_EQ(version2(p, true).size(), version2(p).size());
  expect_error(ErrorKind::unsupported, "Export it again", [&] { open_one("model.bin", version2(p, true)); });
}

TEST(Llama2cVersions, every_cut_is_refused_and_every_changed_byte_survived) {
  const Model small{.dim = 2, .hidden_dim = 2, .n_layers = 1, .n_heads = 1, .vocab_size = 2};
  EXPECT_EQ(expect_survives_damage("model.bin", version1(small)), 0u);
  EXPECT_EQ(expect_survives_damage("model.bin", version2(small)), 0u);
}

}  // namespace
}  // namespace superpose::checkpoint
