// SPDX-License-Identifier: Apache-2.0
// ONNX models written field by field, as onnx.proto numbers them.
#include <gtest/gtest.h>

#include "superpose/checkpoint/damage.h"

namespace superpose::checkpoint {
namespace {

class Proto {
 public:
  Proto& number(uint32_t field, uint64_t value) {
    varint(uint64_t{field} << 3);
    varint(value);
    return *this;
  }
  Proto& bytes(uint32_t field, const Bytes& content) {
    varint(uint64_t{field} << 3 | 2);
    varint(content.size());
    append(out, as_text(content));
    return *this;
  }
  Proto& text(uint32_t field, std::string_view content) { return bytes(field, bytes_of(content)); }
  Proto& message(uint32_t field, const Proto& content) { return bytes(field, content.out); }
  void varint(uint64_t value) {
    for (; value > 127; value >>= 7) append(out, static_cast<uint8_t>((value & 127) | 128));
    append(out, static_cast<uint8_t>(value));
  }
  Bytes out;
};

// data_type: 1 float, 2 uint8, 3 int8, 7 int64, 10 float16, 11 double, 16 bfloat16.
Proto tensor(std::string_view name, int type, const std::vector<uint64_t>& dims) {
  Proto out;
  for (const uint64_t extent : dims) out.number(1, extent);
  out.number(2, static_cast<uint64_t>(type));
  out.text(8, name);
  return out;
}
template <class T>
Proto tensor(std::string_view name, int type, const std::vector<uint64_t>& dims, const std::vector<T>& raw) {
  return tensor(name, type, dims).bytes(9, bytes_of(raw));
}
Proto node(std::string_view op, std::string_view name, const std::vector<std::string>& inputs,
           std::string_view output) {
  Proto out;
  for (const auto& input : inputs) out.text(1, input);
  return out.text(2, output).text(3, name).text(4, op);
}
Proto attribute(std::string_view name, uint64_t value) { return Proto().text(1, name).number(3, value); }

Proto graph(const std::vector<Proto>& nodes, const std::vector<Proto>& tensors) {
  Proto out;
  for (const auto& n : nodes) out.message(1, n);
  out.text(2, "main");
  for (const auto& t : tensors) out.message(5, t);
  return out;
}
Bytes model(const Proto& graph) {
  return Proto().number(1, 8).text(2, "test").message(7, graph).message(8, Proto().number(2, 17)).out;
}
Checkpoint open_graph(const std::vector<Proto>& nodes, const std::vector<Proto>& tensors) {
  return open_one("w.onnx", model(graph(nodes, tensors)));
}

std::vector<double> values(const Checkpoint& file, const std::string& name) {
  const TensorInfo* found = file.find(name);
  if (!found) {
    ADD_FAILURE() << name << " is not there";
    return {};
  }
  const auto W = file.load<double>(*found);
  return {W.data(), W.data() + W.rows() * W.cols()};
}
using Values = std::vector<double>;

TEST(Onnx, initializers_of_every_float_type_and_storage) {
  const auto file = open_graph(
      {}, {tensor<float>("f", 1, {2, 2}, {1, 2, 3, -4.5f}), tensor<double>("d", 11, {1, 2}, {0.1, -0.0}),
           tensor<uint16_t>("h", 10, {2, 1}, {0x3c00, 0xc000}), tensor<uint16_t>("b", 16, {1, 1}, {0x3f80}),
           tensor("packed", 1, {1, 2}).bytes(4, bytes_of(std::vector<float>{7, 8})),
           tensor("doubles", 11, {1, 1}).bytes(10, bytes_of(std::vector<double>{9})),
           tensor("halves", 10, {1, 2}).bytes(5, bytes_of("\x80\x78\x80\x80\x03")),  // varints 0x3c00 and 0xc000
           tensor<int64_t>("i", 7, {2}, {3, 4}), tensor<float>("scalar", 1, {}, {5})});
  EXPECT_EQ(file.format(), "onnx");
  EXPECT_EQ(file.metadata().at("producer_name"), "test");
  EXPECT_EQ(values(file, "f"), (Values{1, 2, 3, -4.5}));
  EXPECT_EQ(values(file, "d"), (Values{0.1, 0}));
  EXPECT_EQ(values(file, "h"), (Values{1, -2}));
  EXPECT_EQ(values(file, "b"), (Values{1}));
  EXPECT_EQ(values(file, "packed"), (Values{7, 8}));
  EXPECT_EQ(values(file, "doubles"), (Values{9}));
  EXPECT_EQ(values(file, "halves"), (Values{1, -2}));
  EXPECT_EQ(file.find("i")->dtype_text, "INT64");
  EXPECT_TRUE(file.find("scalar")->shape.empty());
}

TEST(Onnx, dims_may_be_packed_and_fields_come_in_any_order) {
  Proto dims;
  dims.varint(2), dims.varint(1);
  const Proto last = Proto().bytes(9, bytes_of(std::vector<float>{1, 2})).text(8, "W").number(2, 1).bytes(1, dims.out);
  const auto file = open_graph({}, {last});
  EXPECT_EQ(file.find("W")->shape, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(values(file, "W"), (Values{1, 2}));
}

// The names that onnxruntime's quantiser gives; what it takes apart is one matrix here.
TEST(Onnx, quantised_by_name) {
  const auto file = open_graph(
      {node("MatMulInteger", "/fc/MatMul_quant", {"x", "fc_quantized", "", "fc_zero_point"}, "y")},
      {tensor<uint8_t>("decoder.embed_tokens.weight_merged_0_quantized", 2, {2, 2}, {0, 127, 128, 255}),
       tensor("decoder.embed_tokens.weight_merged_0_scale", 1, {}).bytes(4, bytes_of(std::vector<float>{0.5f})),
       tensor("decoder.embed_tokens.weight_merged_0_zero_point", 2, {}).bytes(5, bytes_of("\x7f")),
       tensor<int8_t>("fc_quantized", 3, {2, 2}, {1, 2, -3, 4}), tensor<float>("fc_scale", 1, {2}, {1, 10}),
       tensor<int8_t>("fc_zero_point", 3, {2}, {0, 1}), tensor<uint8_t>("lonely_quantized", 2, {1, 1}, {3})});
  EXPECT_EQ(values(file, "decoder.embed_tokens.weight"), (Values{-63.5, 0, 0.5, 64}));
  EXPECT_EQ(values(file, "fc"), (Values{1, 10, -3, 30}));  // columns of a product's right-hand side
  EXPECT_EQ(file.tensors().size(), 3u);                    // scales and zero points are no tensors of their own
  EXPECT_EQ(file.metadata().at("initializer of fc"), "fc_quantized");
  const auto heads = resolve_heads(file);
  EXPECT_EQ(heads[0].tensor->name, "decoder.embed_tokens.weight");
  EXPECT_EQ(heads[0].role, "lm_head");
  expect_error(ErrorKind::unsupported, "a scale", [&] { file.load<float>(*file.find("lonely_quantized")); });
}

TEST(Onnx, quantised_by_dequantize_nodes) {
  const Proto rows = node("DequantizeLinear", "", {"a", "sa", "za"}, "A").message(5, attribute("axis", 0));
  const Proto back = node("DequantizeLinear", "", {"b", "sb"}, "B").message(5, attribute("axis", ~uint64_t{0}));  // -1
  const auto file =
      open_graph({rows, back, node("Gather", "", {"c", "ids"}, "picked"),
                  node("DequantizeLinear", "", {"picked", "sc"}, "C"), node("DequantizeLinear", "", {"e", "wide"}, "E"),
                  node("DequantizeLinear", "", {"g", "sg"}, "G").message(5, attribute("block_size", 2))},
                 {tensor<int8_t>("a", 3, {2, 2}, {1, 2, 3, 4}), tensor<float>("sa", 1, {2}, {2, 3}),
                  tensor<int8_t>("za", 3, {2}, {1, -1}), tensor<uint8_t>("b", 2, {1, 2}, {5, 6}),
                  tensor<uint16_t>("sb", 10, {2}, {0x3c00, 0x4000}),  // FLOAT16: 1 and 2
                  tensor<uint8_t>("c", 2, {2, 1}, {7, 8}), tensor<float>("sc", 1, {1}, {0.25f}),
                  tensor<uint8_t>("e", 2, {1, 1}, {1}), tensor<double>("wide", 11, {}, {1}),
                  tensor<uint8_t>("g", 2, {1, 2}, {1, 2}), tensor<float>("sg", 1, {1, 1}, {1})});
  EXPECT_EQ(values(file, "a"), (Values{0, 2, 12, 15}));
  EXPECT_EQ(values(file, "b"), (Values{5, 12}));
  EXPECT_EQ(values(file, "c"), (Values{1.75, 2}));
  // A scale of a type, or per block, that is not read leaves integers that are no weights.
  for (const char* name : {"e", "g"}) EXPECT_FALSE(file.find(name)->scale) << name;
}

// What the exporter calls onnx::MatMul_N is the transposed weight of a linear layer: it gets the layer's name and
// shape.
TEST(Onnx, linear_layers_get_their_names_and_shapes_back) {
  const auto file = open_graph(
      {node("MatMul", "/model/layers.0/fc1/MatMul", {"x", "onnx::MatMul_7"}, "h"),
       node("MatMul", "MatMul_12", {"h", "onnx::MatMul_8"}, "logits"),
       node("MatMul", "MatMul_13", {"h", "onnx::MatMul_9"}, "other"),
       node("MatMul", "/attn/c_attn/MatMul", {"h", "attn.c_attn.weight"}, "q"),
       node("MatMulInteger", "/q/MatMul_quant", {"h", "onnx::MatMul_10_quantized"}, "q_output_quantized")},
      {tensor<float>("onnx::MatMul_7", 1, {2, 3}, {1, 2, 3, 4, 5, 6}),
       tensor<float>("onnx::MatMul_8", 1, {1, 2}, {7, 8}), tensor<float>("onnx::MatMul_9", 1, {1, 2}, {9, 10}),
       tensor<float>("attn.c_attn.weight", 1, {1, 2}, {11, 12}),
       tensor<int8_t>("onnx::MatMul_10_quantized", 3, {2, 3}, {1, 2, 3, 4, 5, 6}),
       tensor<float>("onnx::MatMul_10_scale", 1, {3}, {1, 10, 100})});
  EXPECT_EQ(file.find("model.layers.0.fc1.weight")->shape, (std::vector<uint64_t>{3, 2}));
  EXPECT_EQ(values(file, "model.layers.0.fc1.weight"), (Values{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(values(file, "lm_head.weight"), (Values{7, 8}));
  EXPECT_EQ(file.find("lm_head.weight")->shape, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(file.metadata().at("initializer of lm_head.weight"), "onnx::MatMul_8");
  EXPECT_EQ(file.find("onnx::MatMul_9")->shape, (std::vector<uint64_t>{1, 2}));  // nothing says which layer it is
  EXPECT_EQ(file.find("attn.c_attn.weight")->shape, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(values(file, "q.weight"), (Values{1, 4, 20, 50, 300, 600}));  // a scale for every row now
  EXPECT_EQ(resolve_heads(file)[0].tensor->name, "lm_head.weight");
}

TEST(Onnx, branches_have_weights_of_their_own_and_see_those_around_them) {
  const Proto inner = graph({node("MatMul", "/fc/MatMul", {"x", "onnx::MatMul_1"}, "y"),
                             node("Constant", "", {}, "mask")
                                 .message(5, Proto().text(1, "value").message(5, tensor<float>("", 1, {1, 1}, {2})))},
                            {tensor<float>("W", 1, {1, 1}, {3})});
  const Proto branch = Proto().text(1, "then_branch").message(6, inner);
  const auto file =
      open_graph({node("If", "", {"c"}, "y").message(5, branch)},
                 {tensor<float>("onnx::MatMul_1", 1, {1, 2}, {5, 6}), tensor<float>("W", 1, {1, 1}, {4})});
  EXPECT_EQ(values(file, "fc.weight"), (Values{5, 6}));
  EXPECT_EQ(values(file, "mask"), (Values{2}));
  EXPECT_EQ(values(file, "W"), (Values{3}));
  EXPECT_EQ(values(file, "W#2"), (Values{4}));
}

TEST(Onnx, elements_that_are_not_at_hand_are_listed_and_refused_by_name) {
  const auto file = open_graph(
      {},
      {tensor("far", 1, {2, 2}).message(13, Proto().text(1, "location").text(2, "w.bin")).number(14, 1),
       tensor("split", 1, {1, 2}).bytes(4, bytes_of(std::vector<float>{1})).bytes(4, bytes_of(std::vector<float>{2})),
       tensor("new", 99, {2, 2}).bytes(9, Bytes(4)), tensor<float>("near", 1, {1, 1}, {1})});
  EXPECT_EQ(file.find("far")->dtype_text, "FLOAT, in another file");
  EXPECT_EQ(file.find("split")->dtype_text, "FLOAT, in pieces");
  EXPECT_EQ(file.find("new")->dtype_text, "type 99");
  expect_error(ErrorKind::unsupported, "FLOAT, in another file", [&] { file.load<float>(*file.find("far")); });
  EXPECT_EQ(values(file, "near"), (Values{1}));
}

TEST(Onnx, hostile_models_are_refused_with_a_reason) {
  const auto bad = [](std::string_view fragment, const Bytes& bytes) {
    expect_error(ErrorKind::bad_file, fragment, [&] { open_one("w.onnx", bytes); });
  };
  const auto refused = [&](std::string_view fragment, const Proto& t) { bad(fragment, model(graph({}, {t}))); };
  bad("no graph", Proto().number(1, 8).out);
  bad("two graphs", Proto().number(1, 8).message(7, graph({}, {})).message(7, graph({}, {})).out);
  bad("wire type 3", Proto().number(1, 8).out = bytes_of(std::string("\x08\x08\x3b", 3)));
  bad("no field has number 0", bytes_of(std::string("\x08\x08\x00", 3)));
  bad("needs 18446744073709551615 bytes",
      bytes_of(std::string("\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13)));
  bad("more than 64 bits", bytes_of(std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11)));
  bad("leaves its field", Proto().number(1, 8).bytes(7, bytes_of("\x2a\x80")).out);
  refused("negative extent", tensor("W", 1, {~uint64_t{0}}).bytes(9, Bytes(4)));
  refused("more than 64 extents", tensor("W", 1, std::vector<uint64_t>(65, 1)).bytes(9, Bytes(4)));
  refused("overflows 64 bits", tensor("W", 1, {uint64_t{1} << 40, uint64_t{1} << 40}).bytes(9, Bytes(4)));
  refused("needs 16 bytes, found 12", tensor("W", 1, {2, 2}).bytes(9, Bytes(12)));
  refused("needs 16 bytes, found 0", tensor("W", 1, {2, 2}));
  refused("no name", tensor("", 1, {1}).bytes(9, Bytes(4)));
  refused("no name", tensor(std::string(513, 'n'), 1, {1}).bytes(9, Bytes(4)));
  Proto deep = graph({}, {});
  for (int k = 0; k < 100; ++k) {
    const Proto branch = Proto().text(1, "body").message(6, deep);
    deep = graph({node("Loop", "", {}, "y").message(5, branch)}, {});
  }
  bad("nested deeper than 16 levels", model(deep));
}

// A thousand tensors that name the same scale of a thousand values: the copies must not outgrow the file.
TEST(Onnx, one_scale_for_everybody_is_not_copied_without_end) {
  std::vector<Proto> nodes, tensors{tensor<float>("s", 1, {1000}, std::vector<float>(1000, 1))};
  for (int k = 0; k < 1000; ++k) {
    const std::string name = "w" + std::to_string(k);
    tensors.push_back(tensor<uint8_t>(name, 2, {1000, 0}, {}));
    nodes.push_back(node("DequantizeLinear", "", {name, "s"}, "").message(5, attribute("axis", 0)));
  }
  expect_error(ErrorKind::bad_file, "more scales than the file has bytes", [&] { open_graph(nodes, tensors); });
}

TEST(Onnx, every_cut_and_every_changed_byte_is_survived) {
  const Proto branch = Proto()
                           .text(1, "then_branch")
                           .message(6, graph({node("MatMul", "/fc/MatMul", {"x", "onnx::MatMul_1"}, "logits")}, {}));
  const Bytes intact =
      model(graph({node("If", "", {"c"}, "y").message(5, branch),
                   node("DequantizeLinear", "", {"q", "s", "z"}, "d").message(5, attribute("axis", 0))},
                  {tensor<float>("onnx::MatMul_1", 1, {1, 2}, {5, 6}), tensor<int8_t>("q", 3, {2, 1}, {1, 2}),
                   tensor("s", 1, {2}).bytes(4, bytes_of(std::vector<float>{1, 2})),
                   tensor("z", 3, {2}).bytes(5, bytes_of("\x01\x02"))}));
  EXPECT_TRUE(opens_or_is_refused("w.onnx", intact));
  expect_survives_damage("w.onnx", intact);
}

}  // namespace
}  // namespace superpose::checkpoint
