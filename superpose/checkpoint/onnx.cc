// SPDX-License-Identifier: Apache-2.0
// ONNX: the initializers of a model, under the names and in the orientation that the model had before it was exported
// and quantised. docs/formats/onnx.md
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/dtypes.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/onnx_model.h"
#include "superpose/checkpoint/onnx_wire.h"

namespace superpose::checkpoint {
namespace {

using namespace onnx_type;

struct TypeTraits {
  std::string_view name;
  Dtype dtype;
  uint32_t bits;
};
// TensorProto.DataType, from 0 on.
constexpr TypeTraits kTypes[] = {
    {"UNDEFINED", Dtype::other, 0},
    {"FLOAT", Dtype::f32, 32},
    {"UINT8", Dtype::u8, 8},
    {"INT8", Dtype::i8, 8},
    {"UINT16", Dtype::other, 16},
    {"INT16", Dtype::other, 16},
    {"INT32", Dtype::other, 32},
    {"INT64", Dtype::other, 64},
    {"STRING", Dtype::other, 0},
    {"BOOL", Dtype::other, 8},
    {"FLOAT16", Dtype::f16, 16},
    {"DOUBLE", Dtype::f64, 64},
    {"UINT32", Dtype::other, 32},
    {"UINT64", Dtype::other, 64},
    {"COMPLEX64", Dtype::other, 64},
    {"COMPLEX128", Dtype::other, 0},
    {"BFLOAT16", Dtype::bf16, 16},
    {"FLOAT8E4M3FN", Dtype::f8_e4m3, 8},
    {"FLOAT8E4M3FNUZ", Dtype::other, 8},
    {"FLOAT8E5M2", Dtype::f8_e5m2, 8},
    {"FLOAT8E5M2FNUZ", Dtype::other, 8},
};
TypeTraits type_of(const OnnxTensor& tensor) {
  const bool known = tensor.type >= 0 && static_cast<size_t>(tensor.type) < std::size(kTypes);
  return known ? kTypes[tensor.type] : TypeTraits{"", Dtype::other, 0};
}

std::string without_end(std::string name, std::string_view end) {
  if (name.size() > end.size() && name.ends_with(end)) name.resize(name.size() - end.size());
  return name;
}
// optimum's name for an initializer that both branches of a merged decoder use: NAME_merged_0.
std::string without_merged(const std::string& name) {
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  const std::string kept = without_end(name.substr(0, digits), "_merged_");
  return digits < name.size() && kept.size() < digits ? kept : name;
}

// What integers stand for, as indices into OnnxModel::tensors.
struct Quantisation {
  uint32_t scale;
  std::optional<uint32_t> zero_point;
  int64_t axis;
};

class Reader {
 public:
  explicit Reader(std::shared_ptr<const File> file) : file_(std::move(file)), model_(read_onnx_model(*file_)) {}

  Index index() && {
    read_nodes();
    pair_by_name();
    Index out;
    out.layout = Index::Layout::apart;
    for (uint32_t i = 0; i < model_.tensors.size(); ++i) {
      if (!part_of_another_[i]) out.tensors.push_back(tensor_info(i, out));
    }
    if (!model_.producer.empty()) out.metadata.emplace("producer_name", model_.producer);
    return out;
  }

 private:
  void read_nodes() {
    std::unordered_map<std::string, uint32_t> gathered;  // output of a Gather -> its table
    for (const OnnxNode& node : model_.nodes) {
      const auto tensor = [&](size_t k) {
        return k < node.inputs.size() ? model_.find(node.graph, node.inputs[k]) : std::optional<uint32_t>();
      };
      if (node.op == "Gather") {
        if (const auto table = tensor(0); table && node.axis == 0) gathered.insert_or_assign(node.output, *table);
      } else if (node.op == "DequantizeLinear") {
        auto integers = tensor(0);
        if (!integers && !node.inputs.empty()) {
          // Dequantised after rows were picked: an axis would count in what was picked, so only one scale for all fits.
          const auto found = gathered.find(node.inputs[0]);
          const auto scale = tensor(1);
          if (found != gathered.end() && scale && count(*scale) == 1) integers = found->second;
        }
        const auto scale = tensor(1);
        if (integers && scale && !node.blocked) set_scale(*integers, {*scale, tensor(2), node.axis});
      } else if (const auto weight = tensor(1)) {
        multiplied_by_.emplace(*weight, &node);
      }
    }
  }

  // onnxruntime's quantiser writes NAME_quantized, NAME_scale and NAME_zero_point; MatMulInteger takes them apart.
  void pair_by_name() {
    for (uint32_t i = 0; i < model_.tensors.size(); ++i) {
      const OnnxTensor& tensor = model_.tensors[i];
      if (!tensor.name.ends_with("_quantized") || scales_.contains(i)) continue;
      const std::string base = without_end(tensor.name, "_quantized");
      const auto scale = model_.find(tensor.graph, base + "_scale");
      if (!scale) continue;
      // Along the columns of a product's right-hand side; else along the only extent that fits.
      const bool product = multiplied_by_.contains(i);
      int64_t axis = product && tensor.dims.size() == 2 ? 1 : 0;
      const auto fits = [&](size_t k) { return k < tensor.dims.size() && tensor.dims[k] == count(*scale); };
      if (!fits(static_cast<size_t>(axis)) && fits(static_cast<size_t>(1 - axis))) axis = 1 - axis;
      set_scale(i, {*scale, model_.find(tensor.graph, base + "_zero_point"), axis});
    }
  }

  void set_scale(uint32_t integers, const Quantisation& quantisation) {
    const OnnxTensor& tensor = model_.tensors[integers];
    if ((tensor.type != kUint8 && tensor.type != kInt8) || scales_.contains(integers)) return;
    auto scale = read_scale(tensor, quantisation);
    if (!scale) return;
    // Many tensors may name the same scale; honest ones do not copy it until it fills memory.
    scale_values_ += scale->scale.size();
    if (scale_values_ > file_->size()) bad("more scales than the file has bytes");
    scales_.emplace(integers, std::move(scale));
    part_of_another_[quantisation.scale] = true;
    if (quantisation.zero_point) part_of_another_[*quantisation.zero_point] = true;
  }

  TensorInfo tensor_info(uint32_t i, Index& out) {
    const OnnxTensor& tensor = model_.tensors[i];
    TensorInfo info;
    info.shape = tensor.dims;
    place(tensor, info, out);
    const auto scale = scales_.find(i);
    if (scale != scales_.end() && info.dtype != Dtype::other) info.scale = scale->second;
    name(i, info, out);
    return info;
  }

  // Where the elements are. Tensors whose elements are elsewhere or in a form that is not read are listed as `other`.
  void place(const OnnxTensor& tensor, TensorInfo& info, Index& out) const {
    const TypeTraits type = type_of(tensor);
    info.dtype = type.dtype;
    info.dtype_text = type.name.empty() ? fmt::format("type {}", tensor.type) : std::string(type.name);
    info.bits = type.bits;
    const auto elsewhere = [&](std::string_view why) {
      info.dtype = Dtype::other;
      info.dtype_text += why;
      info.bits = 0;
    };
    if (tensor.external) return elsewhere(", in another file");
    if (tensor.in_pieces) return elsewhere(", in pieces");
    const bool plain = tensor.field == kRawData || (tensor.field == kFloatData && tensor.type == kFloat) ||
                       (tensor.field == kDoubleData && tensor.type == kDouble);
    if (tensor.field == 0 || (plain && info.bits > 0)) {
      info.begin = tensor.begin;
      info.end = tensor.end;
    } else if (tensor.field == kInt32Data && info.dtype != Dtype::other && info.bits <= 16) {
      out.parts.push_back(unpacked(tensor, info.bits / 8));
      info.file = out.parts.size();
      info.end = out.parts.back()->size();
    } else {
      elsewhere("");
    }
  }

  // int32_data holds small numbers as varints, one for every element.
  std::shared_ptr<const File> unpacked(const OnnxTensor& tensor, uint32_t element_bytes) const {
    std::vector<std::byte> out;
    ByteReader reader(*file_, tensor.begin);
    while (reader.offset() < tensor.end) {
      uint64_t value = read_varint(reader, tensor.end);
      for (uint32_t k = 0; k < element_bytes; ++k, value >>= 8) out.push_back(static_cast<std::byte>(value & 255));
    }
    return memory_file(fmt::format("{}: int32_data of {}", file_->label(), printable(tensor.name)), std::move(out));
  }

  static uint64_t count(const OnnxTensor& tensor) {
    uint64_t out = 1;
    for (const uint64_t extent : tensor.dims) out = checked_mul(out, extent, "number of elements");
    return out;
  }
  uint64_t count(uint32_t i) const { return count(model_.tensors[i]); }

  // The bytes of a small tensor that another is read with; none when they are not to be had.
  std::vector<std::byte> bytes_of(const OnnxTensor& tensor, uint64_t element_bytes) const {
    TensorInfo info;
    Index parts;
    place(tensor, info, parts);
    const uint64_t bytes = checked_mul(count(tensor), element_bytes, "size of a scale");
    if (info.dtype == Dtype::other || info.end - info.begin != bytes) return {};
    return info.file == 0 ? file_->read(info.begin, bytes) : parts.parts[0]->read(0, bytes);
  }

  // Null when the scale or the zero point is of a type, a shape or in a place that is not read: the tensor is then one
  // of integers without a meaning.
  std::shared_ptr<const Scale> read_scale(const OnnxTensor& integers, const Quantisation& quantisation) const {
    const OnnxTensor& scale = model_.tensors[quantisation.scale];
    const auto rank = static_cast<int64_t>(integers.dims.size());
    const int64_t axis = quantisation.axis < 0 ? quantisation.axis + rank : quantisation.axis;
    Scale out;
    if (count(scale) != 1) {
      if (axis < 0 || axis >= rank || integers.dims[static_cast<size_t>(axis)] != count(scale)) return nullptr;
      out.axis = static_cast<size_t>(axis);
    }
    const bool half = scale.type == kFloat16;
    if (!half && scale.type != kFloat) return nullptr;
    const auto bytes = bytes_of(scale, half ? 2 : 4);
    if (bytes.empty()) return nullptr;
    for (ByteReader reader(bytes); reader.bytes_left() > 0;) {
      out.scale.push_back(half ? f16_value(reader.read<uint16_t>("scale")) : reader.read<float>("scale"));
    }
    out.zero_point.resize(out.scale.size());
    if (!quantisation.zero_point) return std::make_shared<Scale>(std::move(out));
    const OnnxTensor& points = model_.tensors[*quantisation.zero_point];
    if (points.type != integers.type || count(points) != out.scale.size()) return nullptr;
    const auto point_bytes = bytes_of(points, 1);
    if (point_bytes.empty()) return nullptr;
    for (size_t k = 0; k < point_bytes.size(); ++k) {
      const auto byte = std::to_integer<uint8_t>(point_bytes[k]);
      out.zero_point[k] = integers.type == kInt8 ? static_cast<int8_t>(byte) : byte;
    }
    return std::make_shared<Scale>(std::move(out));
  }

  // NAME_merged_0_quantized -> NAME, when its scale was found. A name that the exporter made up for the transposed
  // weight of a linear layer (onnx::MatMul_123, [m, n]) -> the layer's own name, taken from the node, and its own shape
  // [n, m].
  void name(uint32_t i, TensorInfo& info, Index& out) {
    const std::string& original = model_.tensors[i].name;
    info.name = without_merged(info.scale ? without_end(original, "_quantized") : original);
    const auto product = multiplied_by_.find(i);
    if (product != multiplied_by_.end() && info.name.starts_with("onnx::MatMul_") && info.shape.size() == 2) {
      if (std::string layer = layer_name(*product->second); !layer.empty()) {
        info.name = std::move(layer);
        transpose(info);
      }
    }
    const size_t times = ++taken_[info.name];
    if (times > 1) info.name += fmt::format("#{}", times);
    if (info.name != original) out.metadata.emplace("initializer of " + info.name, original);
  }

  static std::string layer_name(const OnnxNode& node) {
    if (without_end(node.output, "_output_quantized") == "logits") return "lm_head.weight";
    std::string path = without_end(node.name, "_quant");
    if (!path.starts_with('/') || !path.ends_with("/MatMul")) return "";
    path = path.substr(1, path.size() - 1 - std::string_view("/MatMul").size());
    std::replace(path.begin(), path.end(), '/', '.');
    return path.empty() ? path : path + ".weight";
  }

  static void transpose(TensorInfo& info) {
    std::swap(info.shape[0], info.shape[1]);
    if (info.dtype != Dtype::other) info.strides = {1, info.shape[0]};
    if (!info.scale || info.scale->axis > 1) return;
    Scale scale = *info.scale;
    scale.axis = 1 - scale.axis;
    info.scale = std::make_shared<Scale>(std::move(scale));
  }

  std::shared_ptr<const File> file_;
  OnnxModel model_;
  std::unordered_map<uint32_t, std::shared_ptr<const Scale>> scales_;  // by tensor
  uint64_t scale_values_ = 0;                                          // in all scales
  std::unordered_map<uint32_t, const OnnxNode*> multiplied_by_;        // the first product with a tensor on the right
  std::vector<bool> part_of_another_ = std::vector<bool>(model_.tensors.size());  // scales and zero points
  std::unordered_map<std::string, size_t> taken_;                                 // names so far
};

}  // namespace

// The fields of a model up to its graph, which must fit into the file: there is no magic number.
bool is_onnx(const FileStart& start) {
  if (start.bytes.size() < 2 || start.bytes[0] != std::byte{0x08} || start.bytes[1] == std::byte{0}) return false;
  try {
    ByteReader reader(start.bytes);
    while (reader.bytes_left() > 0) {
      const uint64_t key = read_varint(reader, start.bytes.size());
      if ((key & 7) != Message::varint && (key & 7) != Message::bytes) return false;
      const uint64_t value = read_varint(reader, start.bytes.size());
      if ((key & 7) == Message::varint) continue;
      if (key >> 3 == 7) return value > 0 && value <= start.file_bytes - reader.offset();
      reader.skip(value, "field");
    }
  } catch (const Error&) {
  }
  return false;
}

Index parse_onnx(const std::shared_ptr<const File>& file) { return Reader(file).index(); }

}  // namespace superpose::checkpoint
