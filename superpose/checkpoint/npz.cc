// SPDX-License-Identifier: Apache-2.0
// .npz: a zip archive of .npy files, stored (numpy.savez) or deflated (savez_compressed). docs/formats/npz.md
#include <fmt/format.h>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/npy.h"
#include "superpose/checkpoint/zip.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kEnding = ".npy";

TensorInfo read_array(const std::shared_ptr<const File>& file, const ZipMember& member, Index& index) {
  constexpr size_t kWindow = 256;  // most headers are 128 bytes
  NpyHeader header;
  if (member.method == ZipMethod::stored) {
    const auto contents = open_member(file, member);
    ByteReader reader(*contents, 0, kWindow);
    header = read_npy_header(reader);
    header.tensor.begin = member.begin + reader.offset();
    header.tensor.end = member.begin + member.size;
  } else {
    const auto start = member_start(*file, member, kMaxNpyHeaderBytes);
    ByteReader reader(start);
    header = read_npy_header(reader);
    index.parts.push_back(open_member(file, member));
    header.tensor.file = index.parts.size();
    header.tensor.begin = reader.offset();
    header.tensor.end = member.size;
  }
  TensorInfo& tensor = header.tensor;
  tensor.name = member.name.substr(0, member.name.size() - kEnding.size());
  if (!header.refusal.empty()) {  // text, objects, records: listed, since the arrays beside it are none the worse
    tensor.dtype = Dtype::other;
    tensor.bits = 0;
    tensor.strides.clear();
  }
  return std::move(tensor);
}

}  // namespace

bool is_npz(const FileStart& start) {
  constexpr size_t kNameAt = 30;
  const std::string_view text = as_text(start.bytes);
  if (!is_zip(start.bytes) || text.size() < kNameAt) return false;
  if (start.name.ends_with(".npz")) return true;
  const size_t name_bytes = ByteReader(start.bytes.subspan(26)).read<uint16_t>("name length");
  return text.substr(kNameAt, name_bytes).ends_with(kEnding);
}

Index parse_npz(const std::shared_ptr<const File>& file) {
  Index index;
  index.layout = Index::Layout::apart;
  for (const auto& member : read_zip(*file)) {
    if (!member.name.ends_with(kEnding)) continue;
    try {
      index.tensors.push_back(read_array(file, member, index));
    } catch (const Error& error) {
      throw error.in(printable(member.name));
    }
  }
  if (index.tensors.empty()) throw Error(ErrorKind::unsupported, "a zip archive without .npy members");
  return index;
}

}  // namespace superpose::checkpoint
