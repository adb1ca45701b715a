// SPDX-License-Identifier: Apache-2.0
// HDF5 files put together structure by structure, as h5py writes them by default (version 0) and with libver='latest'
// (version 2). tests/cli/test_hdf5.py reads files of h5py itself.
#include <gtest/gtest.h>

#include "superpose/checkpoint/damage.h"

namespace superpose::checkpoint {
namespace {

constexpr uint64_t kUndefined = ~uint64_t{0};

template <class... T>
Bytes packed(T... values) {
  Bytes out;
  (append(out, values), ...);
  return out;
}

struct Message {
  uint16_t type;
  Bytes content;
  uint8_t flags = 0;
};
struct Named {
  std::string name;
  uint64_t address;
};

class H5 {
 public:
  uint64_t add(const Bytes& content) {
    while (out.size() % 8 != 0) out.push_back(std::byte{0});
    const uint64_t at = out.size();
    append(out, as_text(content));
    return at;
  }
  uint64_t object(const std::vector<Message>& messages) {
    Bytes body;
    for (auto [type, content, flags] : messages) {
      while (content.size() % 8 != 0) content.push_back(std::byte{0});
      append(body, as_text(packed(type, static_cast<uint16_t>(content.size()), flags, uint8_t{0}, uint16_t{0})));
      append(body, as_text(content));
    }
    Bytes head = packed(uint8_t{1}, uint8_t{0}, static_cast<uint16_t>(messages.size()), uint32_t{1},
                        static_cast<uint32_t>(body.size()), uint32_t{0});
    append(head, as_text(body));
    return add(head);
  }
  uint64_t tree(const std::vector<uint64_t>& children, uint8_t level = 0) {
    Bytes node = bytes_of("TREE");
    append(node, as_text(packed(uint8_t{0}, level, static_cast<uint16_t>(children.size()), kUndefined, kUndefined)));
    append(node, uint64_t{0});
    for (const uint64_t child : children) append(node, as_text(packed(child, uint64_t{8})));
    return add(node);
  }
  // The symbol table of a group; per_node symbols in each leaf of its B-tree.
  uint64_t group(const std::vector<Named>& children, size_t per_node = 8) {
    Bytes names(8), head = bytes_of("HEAP");
    std::vector<uint64_t> leaves;
    for (size_t begin = 0; begin < children.size(); begin += per_node) {
      const size_t end = std::min(children.size(), begin + per_node);
      Bytes leaf = bytes_of("SNOD");
      append(leaf, as_text(packed(uint8_t{1}, uint8_t{0}, static_cast<uint16_t>(end - begin))));
      for (size_t k = begin; k < end; ++k) {
        append(leaf, as_text(packed(uint64_t{names.size()}, children[k].address, uint32_t{0}, uint32_t{0}, uint64_t{0},
                                    uint64_t{0})));
        append(names, children[k].name);
        names.resize(names.size() / 8 * 8 + 8);
      }
      leaves.push_back(add(leaf));
    }
    append(head, as_text(packed(uint32_t{0}, uint64_t{names.size()}, uint64_t{1}, add(names))));
    const uint64_t root = tree(leaves);
    return object({{0x11, packed(root, add(head))}});
  }
  uint64_t dataset(const std::vector<uint64_t>& dims, const Bytes& type, const Bytes& data) {
    return object({space(dims), {0x3, type}, contiguous(add(data), data.size())});
  }
  static Message space(const std::vector<uint64_t>& dims) {
    Bytes out = packed(uint8_t{1}, static_cast<uint8_t>(dims.size()), uint8_t{0}, uint8_t{0}, uint32_t{0});
    for (const uint64_t extent : dims) append(out, extent);
    return {0x1, out};
  }
  static Message contiguous(uint64_t address, uint64_t bytes) {
    return {0x8, packed(uint8_t{3}, uint8_t{1}, address, bytes)};
  }
  Bytes finish(uint64_t root) {
    std::memcpy(out.data() + 64, &root, 8);
    return out;
  }

  Bytes out = [] {
    Bytes head = bytes_of("\x89HDF\r\n\x1a\n");
    head.resize(13);
    append(head,
           as_text(packed(uint8_t{8}, uint8_t{8}, uint8_t{0}, uint16_t{4}, uint16_t{16}, uint32_t{0}, uint64_t{0})));
    append(head, as_text(packed(kUndefined, uint64_t{0}, kUndefined, uint64_t{0}, uint64_t{0})));
    head.resize(96);
    return head;
  }();
};

// Class 1, version 1, as h5py describes a float of so many bytes.
Bytes float_type(uint32_t bytes, uint8_t order = 0) {
  const uint8_t exponent_at = bytes == 2   ? 10
                              : bytes == 4 ? 23
                                           : 52,
                exponent_bits = bytes == 2   ? 5
                                : bytes == 4 ? 8
                                             : 11;
  const uint32_t bias = bytes == 2 ? 15 : bytes == 4 ? 127 : 1023;
  return packed(uint8_t{0x11}, static_cast<uint8_t>(0x20 | order), static_cast<uint8_t>(8 * bytes - 1), uint8_t{0},
                bytes, uint16_t{0}, static_cast<uint16_t>(8 * bytes), exponent_at, exponent_bits, uint8_t{0},
                exponent_at, bias);
}
const Bytes kInt64 = packed(uint8_t{0x10}, uint8_t{8}, uint8_t{0}, uint8_t{0}, uint32_t{8}, uint16_t{0}, uint16_t{64});

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

Bytes floats(const std::vector<float>& of) { return bytes_of(of); }

Bytes small_file() {
  H5 h;
  const uint64_t kernel = h.dataset({2, 2}, float_type(4), floats({1, 2, 3, 4}));
  const uint64_t inner = h.group({{"kernel:0", kernel}});
  return h.finish(h.group({{"dense", inner}}));
}

TEST(Hdf5, groups_and_floats) {
  H5 h;
  const uint64_t kernel = h.dataset({2, 2}, float_type(4), floats({1, 2, 3, -4}));
  const uint64_t inner = h.group({{"kernel:0", kernel}, {"bias:0", h.dataset({2}, float_type(4), floats({0, 0}))}});
  const uint64_t outer = h.group({{"lstm_1", inner}});
  const uint64_t wide = h.dataset({1, 2}, float_type(8), bytes_of(std::vector<double>{0.1, 2}));
  const uint64_t half = h.dataset({2, 1}, float_type(2), bytes_of(std::vector<uint16_t>{0x3c00, 0xc000}));
  const uint64_t empty = h.object({H5::space({0, 4}), {0x3, float_type(4)}, H5::contiguous(kUndefined, 0)});
  const uint64_t compact =
      h.object({H5::space({1, 1}), {0x3, float_type(4)}, {0x8, packed(uint8_t{3}, uint8_t{0}, uint16_t{4}, 7.0f)}});
  const uint64_t ints = h.dataset({3}, kInt64, Bytes(24));
  const auto file = open_one(
      "w.h5",
      h.finish(h.group(
          {{"lstm_1", outer}, {"wide", wide}, {"half", half}, {"empty", empty}, {"compact", compact}, {"ints", ints}},
          2)));
  EXPECT_EQ(file.format(), "hdf5");
  EXPECT_EQ(values(file, "lstm_1/lstm_1/kernel:0"), (Values{1, 2, 3, -4}));
  EXPECT_EQ(values(file, "wide"), (Values{0.1, 2}));
  EXPECT_EQ(values(file, "half"), (Values{1, -2}));
  EXPECT_EQ(values(file, "compact"), (Values{7}));
  EXPECT_EQ(values(file, "empty"), (Values{}));
  EXPECT_EQ(file.find("lstm_1/lstm_1/bias:0")->shape, (std::vector<uint64_t>{2}));
  EXPECT_EQ(file.find("ints")->dtype_text, "<i8");
  EXPECT_EQ(file.tensors().size(), 7u);
}

TEST(Hdf5, version_2_headers_with_links_in_them) {
  Bytes out = bytes_of("\x89HDF\r\n\x1a\n");
  append(out, as_text(packed(uint8_t{2}, uint8_t{8}, uint8_t{8}, uint8_t{0}, uint64_t{0}, kUndefined, uint64_t{0},
                             uint64_t{48}, uint32_t{0})));
  const auto header = [&](const std::vector<Message>& messages) {
    Bytes body;
    for (const auto& [type, content, flags] : messages) {
      append(body, as_text(packed(static_cast<uint8_t>(type), static_cast<uint16_t>(content.size()), flags)));
      append(body, as_text(content));
    }
    append(out, std::string_view("OHDR"));
    append(out, as_text(packed(uint8_t{2}, uint8_t{0}, static_cast<uint8_t>(body.size()))));
    append(out, as_text(body));
    append(out, uint32_t{0});  // the checksum is not compared
  };
  Bytes link = packed(uint8_t{1}, uint8_t{0}, uint8_t{1});
  append(link, std::string_view("W"));
  append(link, uint64_t{104});
  header({{0x2, packed(uint8_t{0}, uint8_t{0}, kUndefined, kUndefined)}, {0x6, link}});
  ASSERT_LE(out.size(), 104u);
  out.resize(104);
  header({{0x1, packed(uint8_t{2}, uint8_t{2}, uint8_t{0}, uint8_t{1}, uint64_t{1}, uint64_t{2})},
          {0x3, float_type(4)},
          H5::contiguous(208, 8)});
  ASSERT_LE(out.size(), 208u);
  out.resize(208);
  append(out, 5.0f), append(out, 6.0f);
  EXPECT_EQ(values(open_one("w.h5", out), "W"), (Values{5, 6}));
  expect_survives_damage("w.h5", out);
}

TEST(Hdf5, what_is_not_read_is_listed_and_refused_by_name) {
  H5 h;
  const uint64_t data = h.add(floats({1, 2}));
  const auto dataset = [&](const Bytes& type, const Message& layout) {
    return h.object({H5::space({1, 2}), {0x3, type}, layout});
  };
  const auto file = open_one(
      "w.h5", h.finish(h.group(
                  {{"big", dataset(float_type(4, 1), H5::contiguous(data, 8))},
                   {"chunks", dataset(float_type(4), {0x8, packed(uint8_t{3}, uint8_t{2}, uint8_t{3}, uint64_t{8})})},
                   {"unwritten", dataset(float_type(4), H5::contiguous(kUndefined, 8))},
                   {"old", dataset(float_type(4), {0x8, packed(uint8_t{1}, uint8_t{2}, uint8_t{1})})},
                   {"committed", h.object({H5::space({1, 2}), {0x3, packed(uint64_t{0}), 2}, H5::contiguous(data, 8)})},
                   {"text", h.object({H5::space({1}),
                                      {0x3, packed(uint32_t{0x13}, uint32_t{5})},
                                      H5::contiguous(h.add(bytes_of("hello")), 5)})}})));
  EXPECT_EQ(file.find("big")->dtype_text, ">f4");
  EXPECT_EQ(file.find("chunks")->dtype_text, "<f4, in chunks");
  EXPECT_EQ(file.find("unwritten")->dtype_text, "<f4, never written");
  EXPECT_EQ(file.find("old")->dtype_text, "<f4, in a layout of HDF5 1.4");
  EXPECT_EQ(file.find("committed")->dtype_text, "a committed type, not read");
  EXPECT_EQ(file.find("text")->dtype_text, "HDF5 class 3");
  expect_error(ErrorKind::unsupported, "in chunks", [&] { file.load<float>(*file.find("chunks")); });
}

TEST(Hdf5, an_object_with_two_names_is_listed_once_and_cycles_end) {
  H5 h;
  const uint64_t W = h.dataset({1, 1}, float_type(4), floats({1}));
  const uint64_t inner = h.group({{"again", W}, {"up", 0}});
  const uint64_t root = h.group({{"W", W}, {"inner", inner}});
  Bytes bytes = h.finish(root);
  // "up" leads to the root: its entry is the second of the first leaf.
  const size_t leaf = as_text(bytes).find("SNOD");
  std::memcpy(bytes.data() + leaf + 8 + 40 + 8, &root, 8);
  const auto file = open_one("w.h5", bytes);
  ASSERT_EQ(file.tensors().size(), 1u);
  EXPECT_EQ(file.tensors()[0].name, "W");
}

TEST(Hdf5, hostile_files_are_refused_with_a_reason) {
  const auto refused = [](std::string_view fragment, const Bytes& bytes, ErrorKind kind = ErrorKind::bad_file) {
    expect_error(kind, fragment, [&] { open_one("w.h5", bytes); });
  };
  const auto one = [](const std::vector<Message>& messages) {
    H5 h;
    return h.finish(h.group({{"W", h.object(messages)}}));
  };
  const Message type{0x3, float_type(4)};
  refused("begin with", bytes_of("no HDF5 file"));
  Bytes version = small_file();
  version[8] = std::byte{9};
  refused("superblock version 9", version, ErrorKind::unsupported);
  Bytes narrow = small_file();
  narrow[13] = std::byte{4};
  refused("offsets of 4", narrow, ErrorKind::unsupported);
  refused("ends at byte", one({H5::space({2}), type, H5::contiguous(1 << 20, 8)}));
  refused("overflows 64 bits", one({H5::space({2}), type, H5::contiguous(kUndefined - 1, 8)}));
  refused("needs 8 bytes, found 4", one({H5::space({2}), type, H5::contiguous(96, 4)}));
  refused("overflows 64 bits", one({H5::space({uint64_t{1} << 40, uint64_t{1} << 40}), type, H5::contiguous(96, 8)}));
  refused("rank 33",
          one({{0x1, packed(uint8_t{1}, uint8_t{33}, uint16_t{0}, uint32_t{0})}, type, H5::contiguous(96, 8)}));
  refused("object header at byte 1099511627776", one({{0x10, packed(uint64_t{1} << 40, uint64_t{8})}}));
  refused("fractal heap", one({{0x2, packed(uint8_t{0}, uint8_t{0}, uint64_t{96}, uint64_t{96})}}),
          ErrorKind::unsupported);

  H5 self;  // a header whose continuation is itself
  const uint64_t at = self.object({{0x10, packed(uint64_t{0}, uint64_t{24})}});
  Bytes bytes = self.finish(self.group({{"W", at}}));
  const uint64_t block = at + 16;
  std::memcpy(bytes.data() + at + 24, &block, 8);
  refused("continues in itself", bytes);

  H5 looped;  // a B-tree that is its own child
  const uint64_t tree = looped.tree({0}, 1);
  std::memcpy(looped.out.data() + tree + 32, &tree, 8);
  Bytes heap = bytes_of("HEAP");
  append(heap, as_text(packed(uint32_t{0}, uint64_t{8}, uint64_t{1}, looped.add(Bytes(8)))));
  refused("part of itself", looped.finish(looped.object({{0x11, packed(tree, looped.add(heap))}})));

  H5 deep;
  uint64_t inside = deep.dataset({1}, float_type(4), floats({1}));
  for (int k = 0; k < 100; ++k) inside = deep.group({{"g", inside}});
  refused("nested deeper than 64 levels", deep.finish(inside));

  H5 named;
  refused("longer than 512 bytes",
          named.finish(named.group({{std::string(600, 'n'), named.dataset({1}, float_type(4), floats({1}))}})));
}

TEST(Hdf5, every_cut_and_every_changed_byte_is_survived) {
  EXPECT_EQ(values(open_one("w.h5", small_file()), "dense/kernel:0"), (Values{1, 2, 3, 4}));
  expect_survives_damage("w.h5", small_file());
}

}  // namespace
}  // namespace superpose::checkpoint
