// SPDX-License-Identifier: Apache-2.0
// Numbers of fields are those of onnx.proto. docs/formats/onnx.md
#include "superpose/checkpoint/onnx_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/onnx_wire.h"

namespace superpose::checkpoint {
namespace {

constexpr int kMaxDepth = 16;       // of graphs inside graphs
constexpr uint64_t kMaxName = 512;  // what validate() allows; longer names match nothing
constexpr size_t kMaxDims = 64;     // validate() refuses ranks above 8 with a better message
constexpr size_t kMaxNodes = 1'000'000;
constexpr size_t kMaxGraphs = 10'000;

// Nodes whose second input is a weight, whose first is one, or that say what integers stand for.
constexpr std::string_view kOps[] = {
    "Gather", "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DequantizeLinear",
};

class ModelReader {
 public:
  explicit ModelReader(const File& file) : file_(file), reader_(file) {}

  OnnxModel read() && {
    bool graph = false;
    for (Message model(reader_, file_.size()); model.next();) {
      if (model.is_bytes(2)) out_.producer = model.text(kMaxName);
      if (!model.is_bytes(7)) continue;
      if (std::exchange(graph, true)) bad("the model has two graphs");
      read_graph(model.inner(), {}, 0);
    }
    if (!graph) bad("no ONNX model: it has no graph");
    return std::move(out_);
  }

 private:
  void read_graph(Message graph, std::optional<uint32_t> parent, int depth) {
    if (depth > kMaxDepth) bad(fmt::format("graphs nested deeper than {} levels", kMaxDepth));
    if (out_.graphs.size() >= kMaxGraphs) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} graphs", kMaxGraphs));
    }
    const auto self = static_cast<uint32_t>(out_.graphs.size());
    out_.graphs.push_back({parent, {}});
    while (graph.next()) {
      if (graph.is_bytes(1)) read_node(graph.inner(), self, depth);
      if (graph.is_bytes(5)) add_tensor(read_tensor(graph.inner()), self);
    }
  }

  void add_tensor(OnnxTensor tensor, uint32_t graph) {
    if (out_.tensors.size() >= kMaxTensors) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} tensors", kMaxTensors));
    }
    if (tensor.name.empty())
      bad(fmt::format("tensor {} has no name, or one of more than {} bytes", out_.tensors.size(), kMaxName));
    tensor.graph = graph;
    out_.graphs[graph].tensors.emplace(tensor.name, static_cast<uint32_t>(out_.tensors.size()));
    out_.tensors.push_back(std::move(tensor));
  }

  void read_node(Message node, uint32_t graph, int depth) {
    OnnxNode out;
    OnnxTensor constant;
    std::optional<int64_t> axis;
    bool first_output = true;
    while (node.next()) {
      if (node.is_bytes(1) && out.inputs.size() < 3) out.inputs.push_back(node.text(kMaxName));
      if (node.is_bytes(2) && std::exchange(first_output, false)) out.output = node.text(kMaxName);
      if (node.is_bytes(3)) out.name = node.text(kMaxName);
      if (node.is_bytes(4)) out.op = node.text(kMaxName);
      if (!node.is_bytes(5)) continue;
      std::string name;
      for (Message attribute = node.inner(); attribute.next();) {
        if (attribute.is_bytes(1)) name = attribute.text(kMaxName);
        if (attribute.is_number(3) && name == "axis") axis = static_cast<int64_t>(attribute.value());
        if (attribute.is_number(3) && name == "block_size") out.blocked = attribute.value() != 0;
        if (attribute.is_bytes(5) && name == "value") constant = read_tensor(attribute.inner());
        if (attribute.is_bytes(6) || attribute.is_bytes(11)) read_graph(attribute.inner(), graph, depth + 1);
      }
    }
    // A matrix among the constants is a weight that the exporter did not list.
    if (out.op == "Constant" && constant.dims.size() == 2 && !out.output.empty()) {
      constant.name = out.output;
      add_tensor(std::move(constant), graph);
    }
    if (std::find(std::begin(kOps), std::end(kOps), out.op) == std::end(kOps)) return;
    if (out_.nodes.size() >= kMaxNodes) {
      throw Error(ErrorKind::unsupported, fmt::format("more than {} nodes with weights", kMaxNodes));
    }
    out.axis = axis.value_or(out.op == "DequantizeLinear" ? 1 : 0);
    out.graph = graph;
    out_.nodes.push_back(std::move(out));
  }

  OnnxTensor read_tensor(Message tensor) {
    OnnxTensor out;
    while (tensor.next()) {
      if (tensor.is_number(1)) add_dim(out, tensor.value());
      if (tensor.is_bytes(1)) {
        while (reader_.offset() < tensor.end()) add_dim(out, read_varint(reader_, tensor.end()));
      }
      if (tensor.is_number(2)) out.type = static_cast<int32_t>(tensor.value());
      if (tensor.is_bytes(8)) out.name = tensor.text(kMaxName);
      if (tensor.is_number(14)) out.external = tensor.value() == 1;
      switch (tensor.field()) {
        case kFloatData:
        case kInt32Data:
        case 6:  // string_data
        case 7:  // int64_data
        case kRawData:
        case kDoubleData:
        case 11:  // uint64_data
          out.in_pieces |= out.field != 0 || tensor.wire() != Message::bytes;
          out.field = tensor.field();
          out.begin = tensor.begin();
          out.end = tensor.end();
          break;
        default:
          break;
      }
    }
    return out;
  }

  static void add_dim(OnnxTensor& tensor, uint64_t extent) {
    if (extent > static_cast<uint64_t>(INT64_MAX)) {
      bad(fmt::format("tensor {} has a negative extent", printable(tensor.name)));
    }
    if (tensor.dims.size() >= kMaxDims)
      bad(fmt::format("tensor {} has more than {} extents", printable(tensor.name), kMaxDims));
    tensor.dims.push_back(extent);
  }

  const File& file_;
  ByteReader reader_;
  OnnxModel out_;
};

}  // namespace

std::optional<uint32_t> OnnxModel::find(uint32_t graph, const std::string& name) const {
  for (std::optional<uint32_t> at = graph; at; at = graphs[*at].parent) {
    const auto found = graphs[*at].tensors.find(name);
    if (found != graphs[*at].tensors.end()) return found->second;
  }
  return {};
}

OnnxModel read_onnx_model(const File& file) { return ModelReader(file).read(); }

}  // namespace superpose::checkpoint
