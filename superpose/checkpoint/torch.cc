// SPDX-License-Identifier: Apache-2.0
// What torch.save writes: a zip of one pickle and a member for each storage, or before PyTorch 1.6 five pickles in a
// row and the storages behind them. docs/formats/torch.md
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"
#include "superpose/checkpoint/pickle.h"
#include "superpose/checkpoint/torch_contents.h"
#include "superpose/checkpoint/zip.h"

namespace superpose::checkpoint {
namespace {

// The first pickle of the legacy form: the integer 0x1950a86a20f9469cfc6c, as protocol 2 writes it.
constexpr std::string_view kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
constexpr int64_t kLegacyProtocol = 1001;
constexpr uint64_t kMaxPickleBytes = uint64_t{256} << 20;

// Where the bytes of a storage are.
struct Place {
  bool found = false;
  size_t file = 0;  // as in TensorInfo
  uint64_t begin = 0;
};

uint64_t storage_bytes(const TorchStorage& storage) {
  return checked_mul(storage.elements, storage.type->bits / 8, "size of storage " + printable(storage.key));
}

bool is_contiguous(const TorchTensor& tensor) {
  uint64_t step = 1;
  for (size_t k = tensor.shape.size(); k-- > 0;) {
    if (tensor.shape[k] == 0) return true;
    if (tensor.shape[k] != 1 && tensor.strides[k] != step) return false;
    step = checked_mul(step, tensor.shape[k], "number of elements");
  }
  return true;
}

// More elements than are stored, and too many to load on a whim.
bool is_far_larger(const std::vector<uint64_t>& shape, uint64_t reach) {
  constexpr uint64_t kOnAWhim = uint64_t{1} << 24;
  uint64_t elements = 1;
  for (const uint64_t extent : shape) elements = checked_mul(elements, extent, "number of elements");
  return elements > std::max(reach, kOnAWhim);
}

TensorInfo tensor_info(TorchTensor tensor, const TorchContents& contents, const Place& place) {
  const TorchStorage& storage = contents.storages[tensor.storage];
  if (!place.found) {
    bad(fmt::format("tensor {}: the file does not hold its storage {}", printable(tensor.name),
                    printable(storage.key)));
  }
  // Offsets and reach lie in the storage, and that in the file, so nothing here can wrap.
  const uint64_t element = tensor.type->bits / 8;
  uint64_t reach = 1;
  for (size_t k = 0; k < tensor.shape.size(); ++k) {
    if (tensor.shape[k] == 0) {
      reach = 0;
      break;
    }
    reach += (tensor.shape[k] - 1) * tensor.strides[k];
  }
  TensorInfo out;
  out.dtype = tensor.type->loaded;
  out.dtype_text = storage.type == tensor.type ? storage.type->storage : tensor.type->dtype;
  out.bits = tensor.type->bits;
  out.begin = place.begin + tensor.offset * element;
  out.end = out.begin + reach * element;
  out.file = place.file;
  if (!is_contiguous(tensor)) {
    // Stride 0 lets a few bytes stand for any number of elements.
    if (is_far_larger(tensor.shape, reach)) {
      out.dtype = Dtype::other;
      out.dtype_text += ", expanded";
    }
    if (out.dtype == Dtype::other) {
      out.bits = 0;  // never loaded; its range is what it touches
    } else {
      out.strides = std::move(tensor.strides);
    }
  }
  out.shape = std::move(tensor.shape);
  out.name = std::move(tensor.name);
  return out;
}

void add_tensors(TorchContents contents, const std::vector<Place>& places, Index& index) {
  index.layout = Index::Layout::shared;
  index.config = std::move(contents.config);
  index.tensors.reserve(contents.tensors.size());
  for (auto& tensor : contents.tensors) {
    const Place& place = places[tensor.storage];
    index.tensors.push_back(tensor_info(std::move(tensor), contents, place));
  }
}

PickleTree read_tree(ByteReader& reader) {
  try {
    return read_pickle(reader, is_known_torch_global);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    throw Error(error.kind(),
                std::string(error.what()) +
                    "; of a model that you trust, save the weights alone: torch.save(model.state_dict(), FILE)");
  }
}

// The folder inside the archive that holds data.pkl, with its '/'.
std::string find_prefix(const std::vector<ZipMember>& members) {
  constexpr std::string_view kPickle = "data.pkl";
  const ZipMember* found = nullptr;
  for (const auto& member : members) {
    const bool pickle = member.name == kPickle || member.name.ends_with("/data.pkl");
    if (pickle && (!found || member.name.size() < found->name.size())) found = &member;
  }
  if (!found) {
    unsupported("a zip archive that is neither a PyTorch file (it has no data.pkl) nor a NumPy one (no .npy)");
  }
  constexpr size_t kMaxPrefixBytes = 512;
  std::string prefix = found->name.substr(0, found->name.size() - kPickle.size());
  if (prefix.size() > kMaxPrefixBytes) bad(fmt::format("the archive's folder is called {}", printable(prefix)));
  for (const auto& member : members) {
    if (member.name == prefix + "constants.pkl") {
      unsupported("a TorchScript archive, which holds a program; save the state dict of the model instead");
    }
  }
  return prefix;
}

Index parse_archive(const std::shared_ptr<const File>& file) {
  const std::vector<ZipMember> members = read_zip(*file);
  const std::string prefix = find_prefix(members);
  std::unordered_map<std::string_view, const ZipMember*> by_name;
  for (const auto& member : members) by_name.emplace(member.name, &member);
  if (const auto order = by_name.find(prefix + "byteorder"); order != by_name.end()) {
    const auto text = member_start(*file, *order->second, 16);
    if (as_text(text) != "little") unsupported(fmt::format("byte order {}", printable(as_text(text))));
  }
  const ZipMember& pickle = *by_name.at(prefix + "data.pkl");
  if (pickle.size > kMaxPickleBytes) {
    unsupported(
        fmt::format("{} has {} bytes, at most {} are read", printable(pickle.name), pickle.size, kMaxPickleBytes));
  }
  const auto pickle_file = open_member(file, pickle);
  ByteReader reader(*pickle_file);
  TorchContents contents = [&] {
    try {
      return read_torch_contents(read_tree(reader));
    } catch (const Error& error) {
      throw error.in(printable(pickle.name));
    }
  }();
  Index index;
  std::vector<Place> places(contents.storages.size());
  for (size_t k = 0; k < places.size(); ++k) {
    const TorchStorage& storage = contents.storages[k];
    const auto found = by_name.find(prefix + "data/" + storage.key);
    if (found == by_name.end()) continue;
    const ZipMember& member = *found->second;
    if (storage_bytes(storage) > member.size) {
      bad(fmt::format("storage {} of {} elements needs {} bytes, {} has {}", printable(storage.key), storage.elements,
                      storage_bytes(storage), printable(member.name), member.size));
    }
    places[k] = {true, 0, member.begin};
    if (member.method == ZipMethod::stored) continue;
    index.parts.push_back(open_member(file, member));
    places[k] = {true, index.parts.size(), 0};
  }
  add_tensors(std::move(contents), places, index);
  return index;
}

// Behind the pickles: for each key of the last one how many elements the storage has, and they.
std::vector<Place> find_legacy_storages(ByteReader reader, const PickleTree& keys, const TorchContents& contents) {
  if (keys.kind(keys.root()) != PickleKind::list) bad("the keys of the storages are no list");
  std::unordered_map<std::string_view, size_t> by_key;
  for (size_t k = 0; k < contents.storages.size(); ++k) by_key.emplace(contents.storages[k].key, k);
  std::vector<Place> places(contents.storages.size());
  for (const auto id : keys.items(keys.root())) {
    const auto found = keys.kind(id) == PickleKind::text ? by_key.find(keys.text(id)) : by_key.end();
    if (found == by_key.end()) bad("the list of storages has a key that nothing refers to");
    const TorchStorage& storage = contents.storages[found->second];
    Place& place = places[found->second];
    if (place.found) bad(fmt::format("storage {} is in the file twice", printable(storage.key)));
    const auto elements = reader.read<uint64_t>("size of a storage");
    if (elements != storage.elements) {
      bad(fmt::format("storage {} has {} elements before byte {}, {} are promised", printable(storage.key), elements,
                      reader.offset(), storage.elements));
    }
    place = {true, 0, reader.offset()};
    reader.skip(storage_bytes(storage), "storage " + printable(storage.key));
  }
  return places;
}

Index parse_legacy(const File& file) {
  ByteReader reader(file, kMagic.size());
  const PickleTree protocol = read_tree(reader);
  const auto root = protocol.root();
  if (protocol.kind(root) != PickleKind::integer || protocol.integer(root) != kLegacyProtocol) {
    unsupported(fmt::format("a legacy PyTorch file of another protocol than {}", kLegacyProtocol));
  }
  const PickleTree system = read_tree(reader);
  const auto entries = system.items(system.root());
  for (size_t k = 0; k + 1 < entries.size(); k += 2) {
    if (system.kind(entries[k]) == PickleKind::text && system.text(entries[k]) == "little_endian" &&
        system.kind(entries[k + 1]) == PickleKind::boolean && !system.boolean(entries[k + 1])) {
      unsupported("written on a big-endian machine");
    }
  }
  TorchContents contents = read_torch_contents(read_tree(reader));
  const PickleTree keys = read_tree(reader);
  const std::vector<Place> places =
      find_legacy_storages(ByteReader(file, reader.offset(), sizeof(uint64_t)), keys, contents);
  Index index;
  add_tensors(std::move(contents), places, index);
  return index;
}

bool is_tar(const File& file) {
  constexpr uint64_t kSignatureAt = 257;
  return file.size() >= 512 && as_text(file.read(kSignatureAt, 5)) == "ustar";
}

}  // namespace

bool is_torch(const FileStart& start) {
  const std::string_view text = as_text(start.bytes);
  // The second: any pickle of protocol 2 or later. Whoever names a file so that it looks like weights wants to hear
  // what it asks for.
  return is_zip(start.bytes) || (text.size() >= 2 && text[0] == '\x80' && text[1] >= '\x02' && text[1] <= '\x05');
}

Index parse_torch(const std::shared_ptr<const File>& file) {
  const auto start = file->read(0, std::min<uint64_t>(file->size(), kMagic.size()));
  if (is_zip(start)) return parse_archive(file);
  if (as_text(start) == kMagic) return parse_legacy(*file);
  if (is_tar(*file)) unsupported("a tar file, as PyTorch before 0.1.10 wrote; load and save it again with a newer one");
  ByteReader reader(*file);
  const PickleTree tree = [&] {
    try {
      return read_tree(reader);
    } catch (const Error& error) {
      throw error.in("no file of torch.save, read as a plain pickle");
    }
  }();
  unsupported(fmt::format("a Python pickle of {} values that torch.save did not write; it was read as data and ignored",
                          tree.size()));
}

}  // namespace superpose::checkpoint
