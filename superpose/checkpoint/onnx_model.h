// SPDX-License-Identifier: Apache-2.0
// What an ONNX file says about its weights: its initializers, and the nodes that tell what they mean.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "superpose/base/file.h"

namespace superpose::checkpoint {

// TensorProto.DataType of the types that are told apart here.
namespace onnx_type {
inline constexpr int32_t kFloat = 1, kUint8 = 2, kInt8 = 3, kFloat16 = 10, kDouble = 11, kBfloat16 = 16;
}

struct OnnxTensor {
  std::string name;
  std::vector<uint64_t> dims;
  int32_t type = 0;             // onnx_type, or another of TensorProto.DataType
  uint32_t graph = 0;           // index into OnnxModel::graphs
  uint32_t field = 0;           // of TensorProto that holds the elements: raw_data, float_data, ...; 0: none
  bool in_pieces = false;       // that field appears several times
  bool external = false;        // the elements are in another file
  uint64_t begin = 0, end = 0;  // content of that field
};
inline constexpr uint32_t kFloatData = 4, kInt32Data = 5, kRawData = 9, kDoubleData = 10;

struct OnnxNode {
  std::string name, op;
  std::vector<std::string> inputs;  // the first three
  std::string output;               // the first
  int64_t axis;                     // of DequantizeLinear and Gather
  bool blocked = false;             // DequantizeLinear with a scale for every block of values
  uint32_t graph = 0;
};

struct OnnxGraph {
  std::optional<uint32_t> parent;
  std::unordered_map<std::string, uint32_t> tensors;  // by name, the first of a name
};

struct OnnxModel {
  std::vector<OnnxGraph> graphs;  // [0] is the model's own; the others are bodies of If, Loop and Scan
  std::vector<OnnxTensor> tensors;
  std::vector<OnnxNode> nodes;  // those whose inputs say something about weights
  std::string producer;

  // The tensor that a node of this graph means by a name: its own, or one of a graph around it.
  std::optional<uint32_t> find(uint32_t graph, const std::string& name) const;
};

// Error{bad_file}: no protocol buffer, or not one of an ONNX model; Error{unsupported}: too many tensors or nodes.
OnnxModel read_onnx_model(const File& file);

}  // namespace superpose::checkpoint
