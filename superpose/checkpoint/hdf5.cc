// SPDX-License-Identifier: Apache-2.0
// HDF5, the part of it that Keras and h5py write by default: groups in symbol tables or compact links, and datasets
// that lie in one piece. Our own reader, because the HDF5 library is not meant for files that mean harm.
// docs/formats/hdf5.md
//
// Every structure is read once, however many addresses lead to it, so a cycle ends and the work is bounded by the file.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "superpose/base/bytes.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/defects.h"
#include "superpose/checkpoint/formats.h"

namespace superpose::checkpoint {
namespace {

constexpr std::string_view kMagic{"\x89HDF\r\n\x1a\n", 8};
constexpr uint64_t kUndefined = ~uint64_t{0};
constexpr int kMaxDepth = 64;      // of groups inside groups
constexpr int kMaxTreeLevels = 8;  // a B-tree of 8 levels has 10^12 entries and more
constexpr size_t kMaxPath = 512;   // what validate() allows
constexpr uint8_t kMaxRank = 32;   // of HDF5

// The messages of an object header that say what it is; content as it is in the file.
struct Object {
  struct Message {
    std::vector<std::byte> content;
    uint64_t begin = 0;   // of content in the file
    bool shared = false;  // content is the address of the real one
  };
  std::optional<Message> dataspace, datatype, layout, symbol_table, link_info;
  std::vector<Message> links;
  bool external = false;
};

// A floating-point type as class 1 of HDF5 describes it.
struct FloatType {
  uint32_t bytes;
  uint8_t exponent_at, exponent_bits, mantissa_bits;
  uint32_t bias;
  Dtype dtype;
  std::string_view name;
};
constexpr FloatType kFloats[] = {
    {2, 10, 5, 10, 15, Dtype::f16, "<f2"},
    {2, 7, 8, 7, 127, Dtype::bf16, "bfloat16"},
    {4, 23, 8, 23, 127, Dtype::f32, "<f4"},
    {8, 52, 11, 52, 1023, Dtype::f64, "<f8"},
};

struct Type {
  Dtype dtype = Dtype::other;
  std::string text;
  uint64_t bytes = 0;  // of one element
};

class Hdf5Reader {
 public:
  explicit Hdf5Reader(const File& file) : file_(file) {}

  Index read() && {
    read_object(root(), "", 0);
    index_.layout = Index::Layout::apart;
    return std::move(index_);
  }

 private:
  // Bytes of a structure. All of them together cannot be more than the file has, save what several names share.
  std::vector<std::byte> take(uint64_t address, uint64_t count, std::string_view what) {
    if (address > file_.size() || count > file_.size() - address) {
      bad(fmt::format("{} at byte {} needs {} bytes, the file has {}", what, address, count, file_.size()));
    }
    taken_ += count;
    if (taken_ > 2 * file_.size() + 4096)
      bad(fmt::format("{} at byte {}: structures overlap each other", what, address));
    return file_.read(address, count);
  }

  uint64_t root() {
    const auto bytes = take(0, std::min<uint64_t>(file_.size(), 128), "superblock");
    ByteReader reader(bytes);
    if (as_text(reader.take(8, "signature")) != kMagic) bad("no HDF5 file: it does not begin with \\x89HDF");
    const auto version = reader.read<uint8_t>("superblock version");
    if (version > 3) unsupported(fmt::format("HDF5 superblock version {}; 0 to 3 are read", version));
    if (version < 2) reader.skip(4, "superblock");
    const auto offset_bytes = reader.read<uint8_t>("size of offsets");
    const auto length_bytes = reader.read<uint8_t>("size of lengths");
    if (offset_bytes != 8 || length_bytes != 8) {
      unsupported(
          fmt::format("HDF5 with offsets of {} and lengths of {} bytes; 8 are read", offset_bytes, length_bytes));
    }
    reader.skip(version < 2 ? 9 : 1, "superblock");
    if (version == 1) reader.skip(4, "superblock");
    if (const auto base = reader.read<uint64_t>("base address"); base != 0) {
      unsupported(fmt::format("HDF5 with base address {}; 0 is read", base));
    }
    // Version 0: free space, end of file, driver, then the root group's symbol table entry, which begins with its name.
    reader.skip(version < 2 ? 32 : 16, "superblock");
    return reader.read<uint64_t>("address of the root group");
  }

  void read_object(uint64_t address, const std::string& path, int depth) {
    if (!seen_.insert(address).second) return;
    if (depth > kMaxDepth) bad(fmt::format("groups nested deeper than {} levels", kMaxDepth));
    const Object object = header(address);
    if (object.symbol_table) read_symbol_table(*object.symbol_table, path, depth);
    if (object.link_info) check_link_info(*object.link_info, path);
    for (const auto& link : object.links) read_link(link, path, depth);
    if (object.dataspace && object.datatype && object.layout) add_dataset(object, path);
  }

  // Object headers.

  struct Block {
    uint64_t begin, length;
  };

  Object header(uint64_t address) {
    Object out;
    std::vector<Block> blocks;
    const auto start =
        take(address, std::min<uint64_t>(16, file_.size() - std::min(address, file_.size())), "object header");
    ByteReader reader(start);
    const bool signature = as_text(start).starts_with("OHDR");
    if (signature) reader.skip(4, "signature");
    const int version = reader.read<uint8_t>("object header version");
    if (version != (signature ? 2 : 1)) {
      unsupported(fmt::format("object header version {} at byte {}", version, address));
    }
    bool creation_order = false;
    if (signature) {
      const auto flags = reader.read<uint8_t>("object header flags");
      creation_order = flags & 4;
      const uint64_t skipped = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0),
                     size_bytes = uint64_t{1} << (flags & 3);
      const auto size = take(checked_add(address, skipped, "address"), size_bytes, "object header");
      blocks.push_back({address + skipped + size_bytes, number(size)});
    } else {
      reader.skip(7, "object header");
      blocks.push_back({address + 16, reader.read<uint32_t>("object header size")});
    }
    for (size_t k = 0; k < blocks.size(); ++k) {
      if (!seen_blocks_.insert(blocks[k].begin).second)
        bad(fmt::format("object header at byte {} continues in itself", address));
      read_messages(blocks[k], version, creation_order, out, blocks);
    }
    return out;
  }

  void read_messages(Block block, int version, bool creation_order, Object& out, std::vector<Block>& blocks) {
    const auto bytes = take(block.begin, block.length, "object header");
    ByteReader reader(bytes);
    const uint64_t head = version == 1 ? 8 : creation_order ? 6 : 4;
    while (reader.bytes_left() >= head) {
      const uint32_t type = version == 1 ? reader.read<uint16_t>("message type") : reader.read<uint8_t>("message type");
      const auto size = reader.read<uint16_t>("message size");
      const auto flags = reader.read<uint8_t>("message flags");
      reader.skip(head - (version == 1 ? 5 : 4), "message");
      const uint64_t at = block.begin + reader.offset();
      const auto content = reader.take(size, "message");
      if (type == 0x10) {
        add_continuation(content, version, blocks);
        continue;
      }
      auto* wanted = type == 0x1    ? &out.dataspace
                     : type == 0x3  ? &out.datatype
                     : type == 0x8  ? &out.layout
                     : type == 0x11 ? &out.symbol_table
                     : type == 0x2  ? &out.link_info
                                    : nullptr;
      if (type == 0x7) out.external = true;
      if (!wanted && type != 0x6) continue;
      Object::Message message{{content.begin(), content.end()}, at, (flags & 2) != 0};
      if (wanted) *wanted = std::move(message);
      if (!wanted) out.links.push_back(std::move(message));
    }
  }

  void add_continuation(std::span<const std::byte> content, int version, std::vector<Block>& blocks) {
    ByteReader reader(content);
    const auto address = reader.read<uint64_t>("continuation");
    const auto length = reader.read<uint64_t>("length of continuation");
    if (version == 1) {
      blocks.push_back({address, length});
      return;
    }
    if (length < 8 || as_text(take(address, 4, "continuation")) != "OCHK")
      bad(fmt::format("byte {}: expected OCHK", address));
    blocks.push_back({address + 4, length - 8});  // between signature and checksum
  }

  static uint64_t number(std::span<const std::byte> bytes) {
    uint64_t out = 0;
    for (size_t k = bytes.size(); k-- > 0;) out = out << 8 | std::to_integer<uint64_t>(bytes[k]);
    return out;
  }

  // Groups.

  void read_child(const std::string& path, std::string_view name, uint64_t address, int depth) {
    std::string child = path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
    if (child.size() > kMaxPath) bad(fmt::format("name {} is longer than {} bytes", printable(child), kMaxPath));
    read_object(address, child, depth + 1);
  }

  void read_symbol_table(const Object::Message& message, const std::string& path, int depth) {
    ByteReader reader(message.content);
    const auto tree = reader.read<uint64_t>("symbol table");
    const auto heap_address = reader.read<uint64_t>("symbol table");
    const auto head = take(heap_address, 32, "local heap");
    if (!as_text(head).starts_with("HEAP")) bad(fmt::format("byte {}: expected HEAP", heap_address));
    ByteReader heap(head);
    heap.skip(8, "local heap");
    const auto size = heap.read<uint64_t>("size of local heap");
    heap.skip(8, "local heap");
    if (!seen_.insert(heap_address).second) bad(fmt::format("two groups share the names at byte {}", heap_address));
    const auto names = take(heap.read<uint64_t>("address of local heap"), size, "local heap");
    read_tree(tree, as_text(names), path, depth, kMaxTreeLevels);
  }

  void read_tree(uint64_t address, std::string_view names, const std::string& path, int depth, int levels) {
    if (levels == 0) bad("B-tree is deeper than any file needs");
    if (!seen_.insert(address).second) bad(fmt::format("B-tree at byte {} is part of itself", address));
    const auto head = take(address, 8, "B-tree");
    if (as_text(head).starts_with("SNOD")) return read_symbols(address, names, path, depth);
    if (!as_text(head).starts_with("TREE") || head[4] != std::byte{0}) {
      bad(fmt::format("byte {}: expected TREE of a group, or SNOD", address));
    }
    const uint64_t entries = number(std::span(head).subspan(6, 2));
    // After the addresses of both neighbours: key, child, key, child, ..., key.
    const auto body = take(checked_add(address, 24, "address"), entries * 16 + 8, "B-tree");
    ByteReader reader(body);
    for (uint64_t k = 0; k < entries; ++k) {
      reader.skip(8, "key");
      read_tree(reader.read<uint64_t>("child"), names, path, depth, levels - 1);
    }
  }

  void read_symbols(uint64_t address, std::string_view names, const std::string& path, int depth) {
    const uint64_t symbols = number(take(checked_add(address, 6, "address"), 2, "symbol table node"));
    const auto body = take(address + 8, symbols * 40, "symbol table node");
    ByteReader reader(body);
    for (uint64_t k = 0; k < symbols; ++k) {
      const auto name_at = reader.read<uint64_t>("name");
      const auto object = reader.read<uint64_t>("address");
      const auto cache = reader.read<uint32_t>("cache type");
      reader.skip(20, "symbol table entry");
      if (cache == 2) continue;  // a symbolic link
      if (name_at >= names.size())
        bad(fmt::format("symbol at byte {}: its name is outside of the local heap", address + 8 + 40 * k));
      const std::string_view name = names.substr(name_at);
      read_child(path, name.substr(0, name.find('\0')), object, depth);
    }
  }

  static void check_link_info(const Object::Message& message, const std::string& path) {
    ByteReader reader(message.content);
    reader.skip(1, "link info");
    if (reader.read<uint8_t>("link info flags") & 1) reader.skip(8, "link info");
    if (reader.read<uint64_t>("fractal heap") != kUndefined) {
      unsupported(
          fmt::format("group {} keeps its links in a fractal heap, which is not read; write the file with h5py's "
                      "default libver",
                      printable(path)));
    }
  }

  void read_link(const Object::Message& message, const std::string& path, int depth) {
    ByteReader reader(message.content);
    reader.skip(1, "link");
    const auto flags = reader.read<uint8_t>("link flags");
    const uint8_t type = flags & 8 ? reader.read<uint8_t>("link type") : uint8_t{0};
    reader.skip((flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0), "link");
    const uint64_t length = number(reader.take(uint64_t{1} << (flags & 3), "length of a link's name"));
    const std::string name(as_text(reader.take(length, "name of a link")));
    if (type == 0) read_child(path, name, reader.read<uint64_t>("address of a link"), depth);
  }

  // Datasets.

  void add_dataset(const Object& object, const std::string& path) {
    if (index_.tensors.size() >= kMaxTensors) unsupported(fmt::format("more than {} datasets", kMaxTensors));
    TensorInfo tensor;
    tensor.name = path;
    try {
      tensor.shape = shape(*object.dataspace);
      const Type type =
          object.datatype->shared ? Type{Dtype::other, "a committed type", 0} : element_type(*object.datatype);
      tensor.dtype = type.dtype;
      tensor.dtype_text = type.text;
      tensor.bits = type.bytes < (1u << 28) ? static_cast<uint32_t>(type.bytes * 8) : 0;
      const std::string_view elsewhere = object.external                       ? ", in another file"
                                         : type.bytes == 0 || tensor.bits == 0 ? ", not read"
                                                                               : place(object, type.bytes, tensor);
      if (!elsewhere.empty()) {
        tensor.dtype_text += elsewhere;
        tensor.dtype = Dtype::other;
        tensor.bits = 0;
      }
    } catch (const Error& error) {
      throw error.in("dataset " + printable(path));
    }
    index_.tensors.push_back(std::move(tensor));
  }

  static std::vector<uint64_t> shape(const Object::Message& message) {
    ByteReader reader(message.content);
    const auto version = reader.read<uint8_t>("dataspace version");
    const auto rank = reader.read<uint8_t>("rank");
    if (version < 1 || version > 2) unsupported(fmt::format("dataspace version {}", version));
    reader.skip(1, "dataspace flags");
    const auto kind = reader.read<uint8_t>("dataspace type");
    if (version == 1) reader.skip(4, "dataspace");
    if (version == 2 && kind == 2) return {0};  // null: no elements
    if (rank > kMaxRank) bad(fmt::format("rank {}", rank));
    std::vector<uint64_t> out;
    for (int k = 0; k < rank; ++k) out.push_back(reader.read<uint64_t>("extent"));
    return out;
  }

  static Type element_type(const Object::Message& message) {
    ByteReader reader(message.content);
    const auto kind = reader.read<uint8_t>("datatype");
    const auto bits = reader.take(3, "datatype");
    const uint8_t low = std::to_integer<uint8_t>(bits[0]), sign_at = std::to_integer<uint8_t>(bits[1]);
    const auto bytes = reader.read<uint32_t>("size of an element");
    const char order = low & 1 ? '>' : '<';
    if ((kind & 15) == 0) return {Dtype::other, fmt::format("{}{}{}", order, low & 8 ? 'i' : 'u', bytes), bytes};
    if ((kind & 15) != 1) return {Dtype::other, fmt::format("HDF5 class {}", kind & 15), bytes};
    const auto bit_offset = reader.read<uint16_t>("bit offset"), precision = reader.read<uint16_t>("precision");
    const auto exponent_at = reader.read<uint8_t>("exponent"), exponent_bits = reader.read<uint8_t>("exponent");
    const auto mantissa_at = reader.read<uint8_t>("mantissa"), mantissa_bits = reader.read<uint8_t>("mantissa");
    const auto bias = reader.read<uint32_t>("bias");
    for (const auto& f : kFloats) {
      // Little-endian, no padding, and a leading 1 that is not stored (bits 4 and 5 say 2).
      if (bytes == f.bytes && (low & 0x71) == 0x20 && sign_at == 8 * f.bytes - 1 && bit_offset == 0 &&
          precision == 8 * f.bytes && exponent_at == f.exponent_at && exponent_bits == f.exponent_bits &&
          mantissa_at == 0 && mantissa_bits == f.mantissa_bits && bias == f.bias) {
        return {f.dtype, std::string(f.name), bytes};
      }
    }
    return {Dtype::other, fmt::format("{}f{}", order, bytes), bytes};
  }

  // Sets where the elements are. Otherwise says why they are not to be had.
  static std::string_view place(const Object& object, uint64_t element_bytes, TensorInfo& tensor) {
    uint64_t bytes = element_bytes;
    for (const uint64_t extent : tensor.shape) bytes = checked_mul(bytes, extent, "number of bytes");
    if (bytes == 0) return {};
    ByteReader reader(object.layout->content);
    const auto version = reader.read<uint8_t>("layout version");
    const auto kind = reader.read<uint8_t>("layout class");
    if (version != 3 && version != 4) return ", in a layout of HDF5 1.4";
    uint64_t found = 0;
    if (kind == 0) {
      found = reader.read<uint16_t>("size of the data");
      tensor.begin = object.layout->begin + reader.offset();
      reader.skip(found, "data");
    } else if (kind == 1) {
      tensor.begin = reader.read<uint64_t>("address of the data");
      found = reader.read<uint64_t>("size of the data");
    } else {
      return ", in chunks";
    }
    if (tensor.begin == kUndefined) {
      tensor.begin = 0;
      return ", never written";
    }
    if (found != bytes)
      bad(fmt::format("shape {} of {} needs {} bytes, found {}", shape_text(tensor.shape), tensor.dtype_text, bytes,
                      found));
    tensor.end = checked_add(tensor.begin, bytes, "end of the data");
    return {};
  }

  const File& file_;
  Index index_;
  std::unordered_set<uint64_t> seen_;         // addresses of objects, B-tree nodes and heaps
  std::unordered_set<uint64_t> seen_blocks_;  // of messages
  uint64_t taken_ = 0;
};

}  // namespace

bool is_hdf5(const FileStart& start) { return as_text(start.bytes).starts_with(kMagic); }

Index parse_hdf5(const std::shared_ptr<const File>& file) { return Hdf5Reader(*file).read(); }

}  // namespace superpose::checkpoint
