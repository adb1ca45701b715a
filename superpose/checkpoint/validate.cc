// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr size_t kMaxRank = 8;
constexpr size_t kMaxNameBytes = 512;

void check_name(const std::string& name) {
  if (name.size() > kMaxNameBytes) {
    bad(fmt::format("tensor name {} is {} bytes long, at most {} are allowed", printable(name), name.size(),
                    kMaxNameBytes));
  }
  for (std::string_view rest = name; !rest.empty();) {
    const size_t length = utf8_length(rest);
    if (length == 0) bad(fmt::format("tensor name {} is not valid UTF-8", printable(name)));
    rest.remove_prefix(length);
  }
}

// Bytes that shape, strides and dtype ask for; nullopt for types of an unknown size.
std::optional<uint64_t> expected_bytes(const TensorInfo& tensor) {
  uint64_t elements = 1;
  for (const uint64_t extent : tensor.shape) elements = checked_mul(elements, extent, "number of elements");
  const DtypeTraits& t = traits(tensor.dtype);
  if (!tensor.strides.empty()) {
    if (tensor.strides.size() != tensor.shape.size()) bad("as many strides as extents were expected");
    const uint64_t element = t.block_elements == 1 ? t.block_bytes : tensor.dtype == Dtype::other ? tensor.bits / 8 : 0;
    if (element == 0) bad(fmt::format("a view with strides cannot hold {}", tensor.dtype_text));
    if (elements == 0) return 0;
    uint64_t last = 0;  // the element farthest from the first
    for (size_t k = 0; k < tensor.shape.size(); ++k) {
      const uint64_t step = checked_mul(tensor.shape[k] - 1, tensor.strides[k], "extent of the view");
      last = checked_add(last, step, "extent of the view");
    }
    return checked_mul(checked_add(last, 1, "extent of the view"), element, "size of the view");
  }
  if (t.block_elements > 1) {
    const uint64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (row % t.block_elements != 0) {
      bad(fmt::format("rows of {} elements do not fill blocks of {} ({})", row, t.block_elements, tensor.dtype_text));
    }
    return checked_mul(elements / t.block_elements, t.block_bytes, "number of bytes");
  }
  if (tensor.bits == 0) return std::nullopt;
  const uint64_t bits = checked_mul(elements, tensor.bits, "number of bits");
  if (bits % 8 != 0) bad(fmt::format("{} elements of {} bits do not fill whole bytes", elements, tensor.bits));
  return bits / 8;
}

void check_scale(const TensorInfo& tensor) {
  if (!tensor.scale) return;
  const Scale& scale = *tensor.scale;
  const size_t count = scale.scale.size();
  const bool axis = scale.axis < tensor.shape.size();
  if (scale.zero_point.size() != count || count == 0 || (count > 1 && (!axis || tensor.shape[scale.axis] != count))) {
    bad(fmt::format("{} scales and {} zero points do not fit shape {}", count, scale.zero_point.size(),
                    shape_text(tensor.shape)));
  }
}

void check_tensor(const TensorInfo& tensor, uint64_t data_begin, uint64_t file_bytes) {
  if (tensor.shape.size() > kMaxRank) {
    throw Error(ErrorKind::unsupported, fmt::format("rank {}, at most {} is supported", tensor.shape.size(), kMaxRank));
  }
  const std::optional<uint64_t> expected = expected_bytes(tensor);
  check_scale(tensor);
  // By comparison and subtraction only: a sum of two numbers from a file can wrap.
  if (tensor.begin > tensor.end || tensor.begin < data_begin) {
    bad(fmt::format("begins at byte {} and ends at byte {}; data begins at byte {}", tensor.begin, tensor.end,
                    data_begin));
  }
  if (tensor.end > file_bytes) {
    bad(fmt::format("ends at byte {}, the file at byte {}: the file is cut short or its header is wrong", tensor.end,
                    file_bytes));
  }
  if (expected && tensor.end - tensor.begin != *expected) {
    bad(fmt::format("shape {} of {} needs {} bytes, found {}", shape_text(tensor.shape), tensor.dtype_text, *expected,
                    tensor.end - tensor.begin));
  }
}

void check_names_unique(const std::vector<TensorInfo>& tensors, std::vector<uint32_t>& order) {
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return tensors[a].name < tensors[b].name; });
  const auto same = [&](auto a, auto b) { return tensors[a].name == tensors[b].name; };
  if (const auto found = std::adjacent_find(order.begin(), order.end(), same); found != order.end()) {
    bad(fmt::format("tensor {} appears twice", printable(tensors[*found].name)));
  }
}

// The ranges of tensors in one file do not overlap; in a tight layout they leave no byte between them.
void check_ranges(const Index& index, std::vector<uint32_t>& order, uint64_t file_bytes) {
  const auto& tensors = index.tensors;
  const bool tight = index.layout == Index::Layout::tight;
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return std::tie(tensors[a].file, tensors[a].begin, tensors[a].end) <
           std::tie(tensors[b].file, tensors[b].begin, tensors[b].end);
  });
  uint64_t covered = index.data_begin;
  const TensorInfo* last = nullptr;
  for (const uint32_t i : order) {
    const TensorInfo& tensor = tensors[i];
    if (last && last->file != tensor.file) covered = 0;
    if (tensor.begin < covered) {
      bad(fmt::format("tensor {} begins at byte {}, inside tensor {}, which ends at byte {}", printable(tensor.name),
                      tensor.begin, printable(last->name), covered));
    }
    if (tight && tensor.begin > covered) {
      bad(fmt::format("bytes {} to {} belong to no tensor; tensor {} begins only after them", covered, tensor.begin,
                      printable(tensor.name)));
    }
    covered = tensor.end;
    last = &tensor;
  }
  if (tight && covered != file_bytes) {
    bad(fmt::format("{} bytes after the last tensor, from byte {}, belong to no tensor", file_bytes - covered,
                    covered));
  }
}

}  // namespace

void validate(const Index& index, uint64_t file_bytes) {
  const auto& tensors = index.tensors;
  if (tensors.size() > kMaxTensors) {
    throw Error(ErrorKind::unsupported, fmt::format("more than {} tensors", kMaxTensors));
  }
  if (index.data_begin > file_bytes) {
    bad(fmt::format("header ends at byte {}, file at {}", index.data_begin, file_bytes));
  }
  for (const auto& tensor : tensors) {
    check_name(tensor.name);
    try {
      SUPERPOSE_ASSERT(tensor.file <= index.parts.size());
      if (tensor.file == 0) check_tensor(tensor, index.data_begin, file_bytes);
      if (tensor.file > 0) check_tensor(tensor, 0, index.parts[tensor.file - 1]->size());
    } catch (const Error& error) {
      throw error.in("tensor " + printable(tensor.name));
    }
  }
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  check_names_unique(tensors, order);
  if (index.layout != Index::Layout::shared) check_ranges(index, order, file_bytes);
}

}  // namespace superpose::checkpoint
